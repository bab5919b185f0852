"""Which trunk to try next: the one that is predicted to fall into the widest gap of the front.

The front is taken twice, as accuracy against operations and against bytes. In each the trunks that
nothing beats, and those that are under way at their predicted costs, are points on an axis of log cost;
how well a candidate fills a gap is its distance to the nearest of them. Trying the farthest
first is a maximin design (Johnson, Moore and Ylvisaker, Minimax and maximin distance designs,
J. Stat. Plan. Inference, 1990), here confined to where a front is of use: what costs more than the most
accurate trunk cannot fill a gap, and where the front has lost a tenth in accuracy gaps count e times
less, two tenths e^2 times less. So do kinds of trunks of which little reached the front, in proportion.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.compiler.predicted_costs import CostPredictor, LogCost
from catalog.compiler.search_space import Combination

_AXES = (0, 1)
_BEYOND = 1e-3
_LOSS_SCALE = 0.1


@dataclass(frozen=True, slots=True)
class Tried:
    """A finished trunk.

    Args:
        cost: (log operations, log bytes).
        accuracy: of the leading task on the validation split, in [0, 1].
    """

    cost: LogCost
    accuracy: float


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision is taken on; all by trunk name.

    Args:
        finished: trunks that are made.
        given_up: trunks that failed or were stopped.
        under_way: trunks whose end is not waited for.
    """

    finished: Mapping[str, Tried]
    given_up: Collection[str]
    under_way: Collection[str]


@dataclass(frozen=True, slots=True)
class Choice:
    """The trunk to try next, what it is predicted to cost, and how far it is from what is there.

    Args:
        distance: in natural logarithms of cost, weighted by accuracy and by how its kind did so far.
    """

    combination: Combination
    cost: LogCost
    distance: float


def choose(space: Sequence[Combination], known: Known, seed: int) -> Choice | None:
    """Return the trunk to try next; None where nothing can be begun now.

    Full sizes come first. Only what starts from finished trunks can be begun. Equals are told apart by
    the seed.
    """
    decided = {*known.finished, *known.given_up, *known.under_way}
    open_to_try = [c for c in space if c.candidate.name not in decided]
    ready = [c for c in open_to_try if all(a in known.finished for a in c.candidate.after)]
    predict = CostPredictor(space, {name: t.cost for name, t in known.finished.items()})
    for c in ready:
        if c.candidate.name == c.base:
            return Choice(c, predict(c), 0.0)
    fronts = _Fronts(space, known, predict)
    best: tuple[float, str] | None = None
    choice = None
    for c in ready:
        cost = predict(c)
        distance = fronts.distance(c, cost)
        rank = (distance, _drawn(c.candidate.name, seed))
        if best is None or rank > best:
            best, choice = rank, Choice(c, cost, distance)
    return choice


class _Fronts:
    """The fronts of every input type, one for each axis."""

    def __init__(self, space: Sequence[Combination], known: Known, predict: CostPredictor) -> None:
        self._points: dict[tuple[str, int], list[float]] = {}
        self._kept_points: dict[tuple[str, int], list[tuple[float, float]]] = {}
        self._tried: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        fronts = [set(_front(space, known.finished, axis)) for axis in _AXES]
        for c in space:
            self._count(c, known, set().union(*fronts))
            for axis in _AXES:
                self._place(c, axis, known, fronts[axis], predict)

    def distance(self, combination: Combination, cost: LogCost) -> float:
        """Return how far a candidate is from the front, on the axis where it is farther."""
        input_type = combination.candidate.input_type
        farthest = max(self._on_axis((input_type, axis), float(cost[axis])) for axis in _AXES)
        kind = kind_of(combination)
        chance = (1 + self._kept.get(kind, 0)) / (1 + self._tried.get(kind, 0))
        return farthest * min(1.0, chance)

    def _on_axis(self, key: tuple[str, int], cost: float) -> float:
        points = self._points.get(key, [])
        if not points:
            return 0.0
        nearest = min(abs(cost - p) for p in points)
        kept = sorted(self._kept_points.get(key, []))
        if cost > (kept[-1][0] if kept else max(points)):
            return _BEYOND * nearest
        return nearest * _use_of(cost, kept)

    def _count(self, c: Combination, known: Known, kept: set[str]) -> None:
        if c.candidate.name in known.finished or c.candidate.name in known.given_up:
            kind = kind_of(c)
            self._tried[kind] = self._tried.get(kind, 0) + 1
            self._kept[kind] = self._kept.get(kind, 0) + (c.candidate.name in kept)

    def _place(self, c: Combination, axis: int, known: Known, kept: set[str], predict: CostPredictor) -> None:
        name, key = c.candidate.name, (c.candidate.input_type, axis)
        if name in kept or name in known.under_way:
            self._points.setdefault(key, []).append(float(predict(c)[axis]))
        if name in kept:
            tried = known.finished[name]
            self._kept_points.setdefault(key, []).append((float(tried.cost[axis]), tried.accuracy))


def _use_of(cost: float, front: Sequence[tuple[float, float]]) -> float:
    """Return how much a gap counts where the front, cheapest first, has lost accuracy."""
    if not front:
        return 1.0
    costs, accuracies = zip(*front, strict=True)
    lost = accuracies[-1] - float(np.interp(cost, costs, accuracies))
    return math.exp(-lost / _LOSS_SCALE)


def kind_of(combination: Combination) -> str:
    """Return what made a trunk, parameters left out: "train", "lowrank", "lowrank int8"."""
    lineage = combination.candidate.lineage
    return " ".join(step.split()[0] for step in lineage[1:]) or lineage[0].split()[0]


def _front(space: Sequence[Combination], finished: Mapping[str, Tried], axis: int) -> list[str]:
    """Return the trunks that none of the same input type beats in accuracy at most at their cost."""
    kept = []
    for input_type in {c.candidate.input_type for c in space}:
        names = [c.candidate.name for c in space if c.candidate.input_type == input_type]
        here = [n for n in names if n in finished]
        best = -1.0
        for name in sorted(here, key=lambda n: (finished[n].cost[axis], -finished[n].accuracy)):
            if finished[name].accuracy > best:
                best = finished[name].accuracy
                kept.append(name)
    return kept


def _drawn(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
