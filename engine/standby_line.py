"""What stands by at the device for answers that may not come, and when it has to begin."""

from __future__ import annotations

import bisect
import math
from typing import Generic, Protocol, TypeVar

_FADING_S = 10.0


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
    and before the next one has to begin. The first of these moments is when waiting ends. It ends
    earlier by a margin: by how long whoever looks was busy in between, and by how late one began of
    late, because the thread woke up late or the one before took longer than it should.
    """

    def __init__(self) -> None:
        self._line: list[_StandsBy] = []
        self._total_s = 0.0
        self._margin_s = 0.0
        self._margin_of_s = 0.0
        self._looked_s = math.inf

    def __len__(self) -> int:
        return len(self._line)

    def add(self, standby: _StandsBy) -> None:
        """Let one more stand by; while none did, nobody had to look."""
        if not self._line:
            self._looked_s = math.inf
        bisect.insort(self._line, standby, key=lambda s: s.deadline_s)
        self._total_s += standby.worst_s

    def remove(self, standby: _StandsBy) -> None:
        """Let one go that is no longer needed."""
        self._line.remove(standby)
        self._total_s = self._total_s - standby.worst_s if self._line else 0.0

    def looks(self, now_s: float) -> None:
        """Note that somebody looks who was busy since the last look; nobody can look more often."""
        self._widen(now_s - self._looked_s, now_s)
        self._looked_s = now_s

    def rests(self) -> None:
        """Note that the time until the next look is spent waiting."""
        self._looked_s = math.inf

    def due_s(self) -> float:
        """Return when the first has to begin; inf without any."""
        return self._latest_s() - self._margin_s

    def overdue(self, now_s: float) -> _StandsBy | None:
        """Return the first one if it has to begin now."""
        if not self._line:
            return None
        first = self._line[0]
        if now_s < first.deadline_s - self._total_s - self._margin_s:
            return None
        latest_s = self._latest_s()
        if now_s < latest_s - self._margin_s:
            return None
        self._widen(now_s - latest_s, now_s)
        return first

    def _latest_s(self) -> float:
        start_s = math.inf
        for standby in reversed(self._line):
            start_s = min(start_s, standby.deadline_s) - standby.worst_s
        return start_s

    def _widen(self, needed_s: float, now_s: float) -> None:
        """Have a margin of at least so much; what was needed once is forgotten little by little."""
        faded = self._margin_s and self._margin_s * math.exp((self._margin_of_s - now_s) / _FADING_S)
        self._margin_s = max(needed_s, faded)
        self._margin_of_s = now_s
