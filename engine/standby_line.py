"""What stands by at the device for answers that may not come, and when it has to begin."""

from __future__ import annotations

import bisect
import math
from typing import Generic, Protocol, TypeVar

_FADING = 0.98


class StandsBy(Protocol):
    """Something that stands by."""

    @property
    def deadline_s(self) -> float:
        """When it has to be done, on the wall clock."""

    @property
    def worst_s(self) -> float:
        """How long it takes at most."""


_StandsBy = TypeVar("_StandsBy", bound=StandsBy)


class StandbyLine(Generic[_StandsBy]):
    """Keeps them by deadline; the processor could still run all of them, one after another, in time.

    That is asked from the last one back: each begins, at the latest, its own time before its deadline
    and before the next one has to begin. The first of these moments is when waiting ends.
    """

    def __init__(self) -> None:
        self._line: list[_StandsBy] = []
        self._total_s = 0.0
        self._gap_s = 0.0
        self._looked_s = math.inf

    def __len__(self) -> int:
        return len(self._line)

    def add(self, standby: _StandsBy) -> None:
        """Let one more stand by."""
        bisect.insort(self._line, standby, key=lambda s: s.deadline_s)
        self._total_s += standby.worst_s

    def remove(self, standby: _StandsBy) -> None:
        """Let one go that is no longer needed."""
        self._line.remove(standby)
        self._total_s = self._total_s - standby.worst_s if self._line else 0.0

    def looks(self, now_s: float) -> None:
        """Note that somebody looks who was busy since the last look; nobody can look more often."""
        self._gap_s = max(now_s - self._looked_s, _FADING * self._gap_s)
        self._looked_s = now_s

    def rests(self) -> None:
        """Note that the time until the next look is spent waiting."""
        self._looked_s = math.inf

    def due_s(self) -> float:
        """Return when the first has to begin, the time between two looks taken off; inf without any."""
        start_s = math.inf
        for standby in reversed(self._line):
            start_s = min(start_s, standby.deadline_s) - standby.worst_s
        return start_s - self._gap_s

    def overdue(self, now_s: float) -> _StandsBy | None:
        """Return the first one if it has to begin now."""
        if not self._line:
            return None
        first = self._line[0]
        if now_s < first.deadline_s - self._total_s - self._gap_s:
            return None
        return first if now_s >= self.due_s() else None
