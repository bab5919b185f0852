"""Measured run times correct the expected costs while running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from engine.energy_model import EnergyModel
from engine.scheduling.problem import PieceCost, Problem

_WEIGHT = 0.02  # of one measurement: about the last fifty count
_TOLERANCE = 0.1
_FEWEST = 20
_TAIL = 0.05  # the worst case is the 95th percentile
_MOST_UNSEEN = 256


class _Sort(Enum):
    """Where in a network a piece stands."""

    FIRST_PART = 1
    FURTHER_PART = 2
    HEAD = 3


@dataclass(slots=True)
class _Measured:
    """What was measured of one piece.

    Args:
        mean_s: exponentially weighted.
        p95_s: follows the 95th percentile: up by 19 steps on a run above it, down by one below.
        count: how many runs.
    """

    mean_s: float
    p95_s: float
    count: int = 0

    def add(self, run_s: float) -> None:
        """Note one run."""
        self.count += 1
        weight = max(_WEIGHT, 1.0 / (self.count + 1))
        self.mean_s += weight * (run_s - self.mean_s)
        step_s = weight * self.mean_s
        self.p95_s += step_s * ((1.0 - _TAIL) if run_s > self.p95_s else -_TAIL)


class CostsCorrection:
    """Keeps what each piece really takes, and says now and then what the problem should be.

    A single measurement weighs 2 % of the estimate (more among the first ones, where the expected
    cost counts as one measurement), so a slower clock or a busier machine is followed within about
    fifty windows and a hiccup is not. The 95th percentile is followed by stochastic approximation
    (Robbins and Monro, 1951) with a step in proportion to the mean. Measurements are looked at many at
    a time, in their order.

    A piece that has not run yet is expected to be off as the one that is most like it was (first parts,
    further parts and heads apart, for a first part starts with cold caches): a larger one by the same
    factor, a smaller one by the same time, because what a profile misses is mostly the same for every
    call. Otherwise what was never tried would always seem the cheapest.

    Args:
        profile: turns measured time into modelled energy.
    """

    def __init__(self, profile: EnergyModel) -> None:
        self._profile = profile
        self._measured: dict[str, _Measured] = {}
        self._unseen: list[Mapping[str, float]] = []
        self._profiled: dict[str, PieceCost] = {}
        self._sorts: dict[str, _Sort] = {}

    def observe(self, problem: Problem, run_s: Mapping[str, float]) -> None:
        """Note the processor time of the pieces that ran for one window, by id; kept as it is given."""
        self._unseen.append(run_s)
        if len(self._unseen) >= _MOST_UNSEEN:
            self._look(problem)

    def correct(self, problem: Problem) -> Problem | None:
        """Return the problem with measured costs, or None while the costs it has are about right.

        About right is within a tenth; a piece counts once it ran twenty times.
        """
        self._look(problem)
        known = {p: m for p, m in self._measured.items() if m.count >= _FEWEST and p in problem.pieces}
        if not known:
            return None
        for piece, cost in problem.pieces.items():
            self._profiled.setdefault(piece, cost)
        if not self._sorts.keys() >= problem.pieces.keys():
            self._sorts.update(_sorts(problem))
        corrected = {}
        for piece, cost in problem.pieces.items():
            run_s, worst_s = self._expected(piece, known)
            if _differs(cost, run_s, worst_s):
                corrected[piece] = self._cost(cost, run_s, worst_s)
        if not corrected:
            return None
        return replace(problem, pieces={**problem.pieces, **corrected})

    def _expected(self, piece: str, known: Mapping[str, _Measured]) -> tuple[float, float]:
        """Return the mean and the 95th percentile that a piece is expected to take."""
        measured = known.get(piece)
        if measured is not None:
            return measured.mean_s, max(measured.mean_s, measured.p95_s)
        own = self._profiled[piece]
        like = self._most_like(piece, own, known)
        if like is None:
            return own.run_s, own.run_worst_s
        profiled_s, mean_s = self._profiled[like].run_s, known[like].mean_s
        if abs(mean_s - profiled_s) <= _TOLERANCE * profiled_s:
            return own.run_s, own.run_worst_s
        factor = mean_s / profiled_s if profiled_s > 0.0 else 1.0
        if own.run_s < profiled_s and mean_s > profiled_s:
            factor = (own.run_s + mean_s - profiled_s) / own.run_s if own.run_s > 0.0 else 1.0
        return factor * own.run_s, factor * own.run_worst_s

    def _most_like(self, piece: str, own: PieceCost, known: Mapping[str, _Measured]) -> str | None:
        """Return the measured piece of the same sort whose profiled run time is the nearest."""
        alike = [p for p in known if self._sorts[p] is self._sorts[piece]]
        return min(alike, key=lambda p: (abs(self._profiled[p].run_s - own.run_s), p), default=None)

    def _look(self, problem: Problem) -> None:
        for run_s in self._unseen:
            for piece, took_s in run_s.items():
                measured = self._measured.get(piece)
                if measured is None:
                    cost = problem.pieces.get(piece)
                    if cost is None:
                        continue
                    measured = self._measured[piece] = _Measured(cost.run_s, cost.run_worst_s)
                measured.add(took_s)
        self._unseen.clear()

    def _cost(self, expected: PieceCost, run_s: float, worst_s: float) -> PieceCost:
        return replace(
            expected,
            run_s=run_s,
            run_worst_s=worst_s,
            run_energy_j=self._profile.processor_energy_j(run_s),
            run_worst_energy_j=self._profile.processor_energy_j(worst_s),
        )


def _sorts(problem: Problem) -> dict[str, _Sort]:
    """Return where each piece stands; what loads in no time is a head."""
    first = {o.stages[0].pieces[0] for options in problem.options.values() for o in options}
    sorts = {}
    for piece, cost in problem.pieces.items():
        if cost.load_s <= 0.0:
            sorts[piece] = _Sort.HEAD
        else:
            sorts[piece] = _Sort.FIRST_PART if piece in first else _Sort.FURTHER_PART
    return sorts


def _differs(expected: PieceCost, run_s: float, worst_s: float) -> bool:
    return (
        abs(run_s - expected.run_s) > _TOLERANCE * expected.run_s
        or abs(worst_s - expected.run_worst_s) > _TOLERANCE * expected.run_worst_s
    )
