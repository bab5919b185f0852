"""A radio that stays on for a while after the last byte, and what that takes."""

from __future__ import annotations

from catalog.devices import RadioProfile


class TailRadio:
    """Turns transfers into energy; told of them in the order in which they begin.

    A transfer ends the tail of the one before and starts its own, so it takes
    tail_w * (tail_s - time left of the previous tail) besides the energy of its bytes.

    Args:
        profile: energy of a byte, power and length of the tail.
    """

    def __init__(self, profile: RadioProfile) -> None:
        self._profile = profile
        self._tail_ends_s = 0.0

    def up_j(self, start_s: float, end_s: float, sent_bytes: int) -> float:
        """Return the energy of what is sent, tail included."""
        return sent_bytes * self._profile.up_j_per_byte + self._tail_j(start_s, end_s)

    def down_j(self, start_s: float, end_s: float, received_bytes: int) -> float:
        """Return the energy of what is received, tail included."""
        return received_bytes * self._profile.down_j_per_byte + self._tail_j(start_s, end_s)

    def _tail_j(self, start_s: float, end_s: float) -> float:
        tail_s = self._profile.tail_s
        left_s = min(max(0.0, self._tail_ends_s - start_s), tail_s)
        self._tail_ends_s = max(self._tail_ends_s, end_s + tail_s)
        return self._profile.tail_w * (tail_s - left_s)
