"""The largest of what was noted of late, in constant memory."""

from __future__ import annotations


class LatestMost:
    """Remembers a maximum for at least some time, and for at most twice that.

    Args:
        remembered_s: how long at least.
    """

    def __init__(self, remembered_s: float) -> None:
        self._remembered_s = remembered_s
        self._before = self._now = 0.0
        self._began_s = 0.0

    def note(self, value: float, now_s: float) -> None:
        """Note a value; what is below 0 counts as 0."""
        self._turn(now_s)
        self._now = max(self._now, value)

    def at(self, now_s: float) -> float:
        """Return the largest, 0 of none."""
        self._turn(now_s)
        return max(self._before, self._now)

    def _turn(self, now_s: float) -> None:
        passed_s = now_s - self._began_s
        if passed_s < self._remembered_s:
            return
        self._before = self._now if passed_s < 2.0 * self._remembered_s else 0.0
        self._now, self._began_s = 0.0, now_s
