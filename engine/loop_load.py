"""What the engine's loop does with its time, and how much of that it has left for models."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.clocks import REAL_CLOCKS, Clocks

_FADING_S = 15.0
_MOST_USED = 0.9  # of the loop's time: the rest is for peaks
_FEWEST_FRAMES = 20


@dataclass(slots=True)
class _Spent:
    """What came and what was done over some time.

    Args:
        passed_s: real time.
        running_s: of that, in which the loop did not wait.
        busy_s: processor time that the loop had.
        models_s: of that, for models.
        needed: frames that apps ask about, those that nobody took included.
        taken: frames, needed or not.
    """

    passed_s: float = 0.0
    running_s: float = 0.0
    busy_s: float = 0.0
    models_s: float = 0.0
    needed: float = 0.0
    taken: float = 0.0

    def fade(self, kept: float) -> None:
        self.passed_s *= kept
        self.running_s *= kept
        self.busy_s *= kept
        self.models_s *= kept
        self.needed *= kept
        self.taken *= kept


class LoopLoad:
    """Measures, over about the last fifteen seconds, what the loop's time goes into.

    By the utilisation law (Denning and Buzen, The operational analysis of queueing network models,
    1978), a loop that gives each frame d seconds beside its models, of which f are needed a second, has
    u - f d left for models when it is busy for the share u of its time. Frames that come more often than
    apps ask are none of these: the loop takes them where it has time, and drops them for others where it
    has not. What others on the machine take (decoders, other programs) shows as processor time that the
    loop does not get while it runs, and counts in proportion.

    Used by the loop's thread alone.

    Args:
        clocks: processor time as answers are measured by.
    """

    def __init__(self, clocks: Clocks = REAL_CLOCKS) -> None:
        self._clocks = clocks
        self._spent = _Spent()
        self._frames = 0
        self._upto_s: float | None = None
        self._since_s = self._since_busy_s = 0.0

    def begin(self) -> None:
        """Count from now on; nothing is known without, as for recordings, which wait to be taken."""
        self._upto_s = self._clocks.wall_s()
        self.goes_on()

    def waits(self) -> None:
        """Note that the loop begins to wait: for a frame, an answer, or a model that is loaded."""
        if self._upto_s is not None:
            self._cut()

    def goes_on(self) -> None:
        """Note that it does so no longer."""
        if self._upto_s is not None:
            self._since_s, self._since_busy_s = self._clocks.wall_s(), self._clocks.busy_s()

    def took(self, needed: float) -> None:
        """Count a frame; of it and those before it that nobody took, so many were needed."""
        if self._upto_s is not None:
            self._frames += 1
            self._spent.taken += 1
            self._spent.needed += needed

    def ran(self, busy_s: float) -> None:
        """Count the processor time of models."""
        if self._upto_s is not None:
            self._spent.models_s += busy_s

    def carried(self) -> float:
        """Return the processor seconds a second that models can have; inf while that is not known."""
        if self._upto_s is None:
            return math.inf
        self._cut()
        spent, now = self._spent, self._since_s
        passed_s, self._upto_s = now - self._upto_s, now
        spent.passed_s += passed_s
        carried = _carried(spent) if self._frames >= _FEWEST_FRAMES else math.inf
        spent.fade(math.exp(-passed_s / _FADING_S))
        return carried

    def _cut(self) -> None:
        """Count what the loop did since it went on."""
        now, busy_s = self._clocks.wall_s(), self._clocks.busy_s()
        self._spent.running_s += now - self._since_s
        self._spent.busy_s += busy_s - self._since_busy_s
        self._since_s, self._since_busy_s = now, busy_s


def _carried(spent: _Spent) -> float:
    if min(spent.taken, spent.running_s, spent.passed_s) <= 0.0:
        return math.inf
    had = min(1.0, spent.busy_s / spent.running_s)
    beside_s = max(0.0, spent.busy_s - spent.models_s) / spent.taken
    return max(0.0, _MOST_USED * had - beside_s * spent.needed / spent.passed_s)


class _NotTimed(LoopLoad):
    """Counts nothing, whoever begins."""

    def begin(self) -> None:
        pass


NOT_TIMED: LoopLoad = _NotTimed()
