"""What stands by at the device for answers that may not come, and when it has to begin."""

from __future__ import annotations

import bisect
import math
from collections import deque
from typing import Generic, Protocol, TypeVar

from engine.latest_most import LatestMost

_REMEMBERED_S = 60.0  # longer than what comes again and again, as plans do
_MOST_EARLY = 0.5  # of the time that is given: a machine that slept for a minute is no reason never to ask
_WEIGHT = 0.02  # of one run in how much longer than expected they take
_MOST_LONGER = 10.0  # one that had to be loaded first tells nothing about the next


class StandsBy(Protocol):
    """Something that stands by."""

    @property
    def deadline_s(self) -> float:
        """When it has to be done, on the wall clock."""

    @property
    def worst_s(self) -> float:
        """How long it takes at most, in processor time."""

    @property
    def limit_s(self) -> float:
        """For how long it may be waited for in all."""


_StandsBy = TypeVar("_StandsBy", bound=StandsBy)


class StandbyLine(Generic[_StandsBy]):
    """Keeps them by deadline; the processor could still run all of them, one after another, in time.

    That is asked from the last one back: each begins, at the latest, its own time before its deadline
    and before the next one has to begin. The first of these moments is when waiting ends. Its own time
    is what it is expected to take, times how much longer than that they take of late, because others
    use the processor, too. It ends earlier by a margin: by how long whoever looks was busy in between,
    and by how late one began, at most in the last minute; but by no more than half of its limit.
    """

    def __init__(self) -> None:
        self._line: list[_StandsBy] = []
        self._ready: deque[_StandsBy] = deque()
        self._total_s = 0.0
        self._late_s = LatestMost(_REMEMBERED_S)
        self._longer = 1.0
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
        if standby in self._ready:
            self._ready.remove(standby)
        self._total_s = self._total_s - standby.worst_s if self._line else 0.0

    def release(self, standby: _StandsBy) -> None:
        """Note that one has nothing to wait for any more."""
        self._ready.append(standby)

    def first_ready(self) -> _StandsBy | None:
        """Return the one that has had nothing to wait for the longest."""
        return self._ready[0] if self._ready else None

    def looks(self, now_s: float) -> None:
        """Note that somebody looks who was busy since the last look; nobody can look more often."""
        self._late_s.note(now_s - self._looked_s, now_s)

    def looked(self, now_s: float) -> None:
        """Note that a look has ended; what it ran is no time in which nobody looked."""
        self._looked_s = now_s

    def rests(self) -> None:
        """Note that the time until the next look is spent waiting."""
        self._looked_s = math.inf

    def ran(self, took_s: float, standby: _StandsBy) -> None:
        """Note how long one took by the wall clock."""
        if standby.worst_s > 0.0:
            self._longer += _WEIGHT * (min(took_s / standby.worst_s, _MOST_LONGER) - self._longer)

    def begins_s(self, standby: _StandsBy, now_s: float) -> float:
        """Return when one has to begin at the latest, if no other stands by."""
        return standby.deadline_s - self._pace() * standby.worst_s - self._margin_s(standby, now_s)

    def due_s(self, now_s: float) -> float:
        """Return when the first has to begin; inf without any."""
        return self._latest_s() - self._margin_s(self._line[0], now_s) if self._line else math.inf

    def overdue(self, now_s: float, ahead_s: float = 0.0) -> _StandsBy | None:
        """Return the first one if it has to begin now, or before so much more time has passed."""
        if not self._line:
            return None
        first = self._line[0]
        margin_s = self._margin_s(first, now_s) + ahead_s
        if now_s < first.deadline_s - self._pace() * self._total_s - margin_s:
            return None
        latest_s = self._latest_s()
        if now_s < latest_s - margin_s:
            return None
        self._late_s.note(now_s - latest_s, now_s)
        return first

    def _pace(self) -> float:
        return max(1.0, self._longer)

    def _margin_s(self, standby: _StandsBy, now_s: float) -> float:
        return min(self._late_s.at(now_s), _MOST_EARLY * standby.limit_s)

    def _latest_s(self) -> float:
        pace, start_s = self._pace(), math.inf
        for standby in reversed(self._line):
            start_s = min(start_s, standby.deadline_s) - pace * standby.worst_s
        return start_s
