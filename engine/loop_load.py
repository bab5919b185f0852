"""What the engine's loop does with its time, and how much of that it has left for models."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.clocks import REAL_CLOCKS, Clocks
from engine.processor_use import ProcessorUse
from engine.whole_machine import WholeMachine

_FADING_S = 15.0
_MOST_USED = 0.9  # of the loop's time: the rest is for peaks
_MOST_OF_MACHINE = 0.85  # of all cores: above it, what decodes waits for them, and frames come late
_MOST_FOR_OTHERS = 0.5  # of all cores: who takes more gets it only while nobody else wants it
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
        machine_s: processor time of all programs, on all cores.
        own_s: of this one and its children.
    """

    passed_s: float = 0.0
    running_s: float = 0.0
    busy_s: float = 0.0
    models_s: float = 0.0
    needed: float = 0.0
    taken: float = 0.0
    machine_s: float = 0.0
    own_s: float = 0.0

    def fade(self, kept: float) -> None:
        self.passed_s *= kept
        self.running_s *= kept
        self.busy_s *= kept
        self.models_s *= kept
        self.needed *= kept
        self.taken *= kept
        self.machine_s *= kept
        self.own_s *= kept


class LoopLoad:
    """Measures, over about the last fifteen seconds, what the loop's time goes into.

    By the utilisation law (Denning and Buzen, The operational analysis of queueing network models,
    1978), a loop that gives each frame d seconds beside its models, of which f are needed a second, has
    u - f d left for models when it is busy for the share u of its time. Frames that come more often than
    apps ask are none of these: the loop takes them where it has time, and drops them for others where it
    has not. What others on the machine take (decoders, other programs) shows as processor time that the
    loop does not get while it runs, and counts in proportion.

    A loop that gets its time may still be the one for which decoders wait, and what they bring late is
    late however fast it is answered. So models get no more than what is left of the machine, either,
    below the load at which queues build up.

    Used by the loop's thread alone.

    Args:
        clocks: processor time as answers are measured by.
        machine: None where what others use of it cannot be told.
    """

    def __init__(self, clocks: Clocks = REAL_CLOCKS, machine: WholeMachine | None = None) -> None:
        self._clocks = clocks
        self._machine = machine
        self._used: ProcessorUse | None = None
        self._spent = _Spent()
        self._frames = 0
        self._upto_s: float | None = None
        self._since_s = self._since_busy_s = 0.0

    def begin(self) -> None:
        """Count from now on; nothing is known without, as for recordings, which wait to be taken."""
        self._upto_s = self._clocks.wall_s()
        self._used = None if self._machine is None else self._machine.used()
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
        self._look_at_machine()
        carried = self._estimate(spent) if self._frames >= _FEWEST_FRAMES else math.inf
        spent.fade(math.exp(-passed_s / _FADING_S))
        return carried

    def _look_at_machine(self) -> None:
        """Count what was used of the machine since the last look; what cannot be told counts no further."""
        if self._machine is None or self._used is None:
            return
        before, self._used = self._used, self._machine.used()
        if self._used is not None:
            self._spent.machine_s += self._used.machine_s - before.machine_s
            self._spent.own_s += self._used.own_s - before.own_s

    def _estimate(self, spent: _Spent) -> float:
        if self._machine is None or self._used is None:
            return _left_of_loop(spent)
        return min(_left_of_loop(spent), _left_of_machine(spent, self._machine.cores))

    def _cut(self) -> None:
        """Count what the loop did since it went on."""
        now, busy_s = self._clocks.wall_s(), self._clocks.busy_s()
        self._spent.running_s += now - self._since_s
        self._spent.busy_s += busy_s - self._since_busy_s
        self._since_s, self._since_busy_s = now, busy_s


def _left_of_loop(spent: _Spent) -> float:
    if min(spent.taken, spent.running_s, spent.passed_s) <= 0.0:
        return math.inf
    had = min(1.0, spent.busy_s / spent.running_s)
    beside_s = max(0.0, spent.busy_s - spent.models_s) / spent.taken
    return max(0.0, _MOST_USED * had - beside_s * spent.needed / spent.passed_s)


def _left_of_machine(spent: _Spent, cores: int) -> float:
    """Return what neither others use, nor this program beside its models."""
    if spent.passed_s <= 0.0:
        return math.inf
    others = max(0.0, spent.machine_s - spent.own_s) / spent.passed_s
    beside = max(0.0, spent.own_s - spent.models_s) / spent.passed_s
    return max(0.0, _MOST_OF_MACHINE * cores - min(others, _MOST_FOR_OTHERS * cores) - beside)


class _NotTimed(LoopLoad):
    """Counts nothing, whoever begins."""

    def begin(self) -> None:
        pass


NOT_TIMED: LoopLoad = _NotTimed()
