"""Whole trunks timed on one backend and on several, to pick what runs their parts.

What is fastest for each part alone need not be fastest in a row: two runtimes that take turns drive each
other's weights and code out of the processor's caches. Nor need what is fastest in a loop be fastest after
some idle time, when each runtime's code comes from memory. So every trunk is timed whole, as a camera
calls it (see camera_rhythm), by each backend that can run all its parts and by the mixture of what was
fastest for each. Trunks that share parts are decided together, since a part is loaded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from catalog.camera_rhythm import WINDOWS, Idle
from catalog.measured_calls import Clock, MeasuredCall
from catalog.measurements import DEFAULT, REFERENCE, WORTHWHILE, ChainMeasurement, PartMeasurement, pick
from catalog.parts import Trunk

Way = Mapping[str, str]  # part -> the backend that runs it


@dataclass(slots=True)
class TimedChain:
    """One trunk run in one way, with what that took so far."""

    calls: Sequence[MeasuredCall]
    samples_s: list[float] = field(default_factory=list)

    def take_frame(self, timer: Clock) -> None:
        """Bring the windows of a frame through all parts, one after another."""
        start_s = timer()
        for _ in range(WINDOWS):
            values = self.calls[0].inputs
            for call in self.calls:
                values = call.run(values)
        self.samples_s.append((timer() - start_s) / WINDOWS)

    def measurement(self, picked: bool) -> ChainMeasurement:
        """Return what it took, and whether the trunk is to be run so."""
        parts, backends = (c.part.id for c in self.calls), (c.backend for c in self.calls)
        return ChainMeasurement(tuple(parts), tuple(backends), float(np.median(self.samples_s)), picked)


@dataclass(slots=True)
class ChainTrial:
    """Trunks that share parts, in each way that they may be run.

    Args:
        ways: what is compared: backends by part, two or more.
        chains: in the order of the ways, one for each trunk.
    """

    ways: Sequence[Way]
    chains: Sequence[Sequence[TimedChain]]

    def measurements(self) -> list[ChainMeasurement]:
        """Return what every chain took; those of the way that is fastest for all trunks are picked.

        Running everything by the default backend stays unless another way is at least a tenth faster.
        """
        total_s = [sum(float(np.median(c.samples_s)) for c in chains) for chains in self.chains]
        best = int(np.argmin(total_s))
        for k, way in enumerate(self.ways):
            if set(way.values()) == {DEFAULT} and total_s[best] > WORTHWHILE * total_s[k]:
                best = k
        return [c.measurement(k == best) for k, chains in enumerate(self.chains) for c in chains]


def chain_trials(
    trunks: Sequence[Trunk], calls: Sequence[MeasuredCall], measured: Sequence[PartMeasurement]
) -> list[ChainTrial]:
    """Return what is to be timed; nothing for trunks that can be run in one way only.

    Args:
        trunks: of the catalog; those with parts that no call here runs are left out.
        calls: of loaded parts.
        measured: what the parts took one by one.
    """
    alone = {(c.part.id, c.backend): c for c in calls if c.batch == 1}
    runnable = {part for part, _ in alone}
    trials = []
    for sharing in _sharing_parts([t for t in trunks if runnable.issuperset(t.parts)]):
        ways = list(_ways(list(dict.fromkeys(p for t in sharing for p in t.parts)), alone, measured))
        if len(ways) > 1:
            chains = [[TimedChain([alone[p, way[p]] for p in t.parts]) for t in sharing] for way in ways]
            trials.append(ChainTrial(ways, chains))
    return trials


def time_chains(
    trials: Sequence[ChainTrial],
    budget_s: float,
    least: int,
    most: int,
    *,
    clock: Clock,
    timer: Clock,
    idle: Idle,
) -> list[ChainMeasurement]:
    """Show every chain a frame, round after round, and return what they took.

    Between two ways of running a trunk come all other trunks: a mixture calls parts that others call, too.

    Args:
        budget_s: about how long it may take.
        least: rounds that are made in any case.
        most: rounds after which it ends.
        clock: seconds, monotonic, for the budget.
        timer: what the calls are timed by.
        idle: lies before each frame's windows.
    """
    by_way = zip_longest(*(trial.chains for trial in trials), fillvalue=())
    round_of_chains = [chain for way in by_way for chains in way for chain in chains]
    start_s = clock()
    for done in range(most):
        if done >= least and clock() - start_s > budget_s:
            break
        for chain in round_of_chains:
            idle()
            chain.take_frame(timer)
    return [m for trial in trials for m in trial.measurements()]


def _sharing_parts(trunks: Sequence[Trunk]) -> list[list[Trunk]]:
    """Return trunks in groups: two are in one where they share a part, or are linked by others that do."""
    groups: list[list[Trunk]] = []
    for trunk in trunks:
        linked = [g for g in groups if any(not set(trunk.parts).isdisjoint(other.parts) for other in g)]
        groups = [g for g in groups if g not in linked] + [[*(t for g in linked for t in g), trunk]]
    return groups


def _ways(
    parts: Sequence[str], alone: Mapping[tuple[str, str], MeasuredCall], measured: Sequence[PartMeasurement]
) -> Iterator[Way]:
    """Yield each backend that has all parts, then what is fastest for each part where that is a mixture."""
    for backend in dict.fromkeys(backend for _, backend in alone):
        if backend != REFERENCE and all((p, backend) in alone for p in parts):
            yield dict.fromkeys(parts, backend)
    mixed = {p: pick(measured, p).backend for p in parts}
    if len(set(mixed.values())) > 1:
        yield mixed
