"""What sending and receiving takes of the device's energy."""

from __future__ import annotations

from typing import Protocol

from engine.scheduling.problem import Link


class Radio(Protocol):
    """Turns transfers into energy; told of them in the order in which they begin."""

    def up_j(self, start_s: float, end_s: float, sent_bytes: int) -> float:
        """Return the energy of a transfer to the cloud."""

    def down_j(self, start_s: float, end_s: float, received_bytes: int) -> float:
        """Return the energy of a transfer from the cloud."""


class ExpectedRadio:
    """A radio that takes what the scheduler expects of it.

    Args:
        link: energy of an exchange, and of each byte.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def up_j(self, start_s: float, end_s: float, sent_bytes: int) -> float:  # noqa: ARG002 - no tail
        """Return the energy of the exchange and of what is sent."""
        return self._link.energy_j(sent_bytes, 0)

    def down_j(self, start_s: float, end_s: float, received_bytes: int) -> float:  # noqa: ARG002
        """Return the energy of what is received."""
        return received_bytes * self._link.down_j_per_byte
