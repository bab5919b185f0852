"""Replays of skews and changes with a catalog's own models on real windows, over many seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.label_traces import skewed_stretches, slow_drift, there_and_back
from benchmarks.measured_models import (
    Answers,
    HeadOn,
    HeadShop,
    MeasuredModels,
    Pairing,
    answers_to,
    best_of_shop,
    picked_pairing,
)
from benchmarks.report import Row
from benchmarks.specialization_catalogs import Shown
from benchmarks.specialization_replays import longest_below_s
from sim.label_replay import Replayed, Sighting, replay
from specializer.expected_saving import ExpectedSaving
from specializer.remembered_heads import RememberedHeads
from specializer.specialist import Specialist, Step

_SEEDS, _QUICK_SEEDS = 10, 2
_FIRST_SEED = 1000  # the policy's constants were chosen on others
_SHARES = (0.6, 0.9, 0.95)
_LENGTHS_S = (10.0, 15.0, 30.0, 60.0, 300.0)
_STRETCHES, _LEAST_S, _MOST_S = 4, 60.0, 300.0

Make = Callable[[np.random.Generator], Iterable[Sighting]]


def measured_rows(group: str, shown: Shown, counts: Sequence[int], quick: bool) -> list[Row]:
    """Replay skews of all kinds and changes; a row each.

    Args:
        counts: of classes that dominate.
    """
    pairing = picked_pairing(shown.catalog, shown.task)
    theatre = _Theatre(shown, pairing, answers_to(shown, pairing))
    skews = [(n, p, s) for n in counts for p in _SHARES for s in _LENGTHS_S]
    cases = {_name(*skew): _skew(*skew, len(shown.classes)) for skew in skews}
    cases |= _changes(len(shown.classes))
    if quick:
        cases = {name: cases[name] for name in (_name(2, 0.9, 30.0), "all classes equal")}
    seeds = range(_FIRST_SEED, _FIRST_SEED + (_QUICK_SEEDS if quick else _SEEDS))
    return [theatre.row(group, name, make, seeds) for name, make in cases.items()]


def _name(dominant: int, share: float, stretch_s: float) -> str:
    return f"{dominant} classes, {share:.0%}, {stretch_s:.0f} s"


def _skew(dominant: int, share: float, stretch_s: float, classes: int) -> Make:
    lasts_s = min(_MOST_S, max(_LEAST_S, _STRETCHES * stretch_s))
    return lambda rng: skewed_stretches(dominant, share, stretch_s, lasts_s, classes, rng)


def _changes(classes: int) -> dict[str, Make]:
    return {
        "one class only": lambda rng: skewed_stretches(1, 1.0, 300.0, 300.0, classes, rng),
        "all classes equal": lambda rng: skewed_stretches(classes, 0.0, 300.0, 300.0, classes, rng),
        "abrupt, every minute": lambda rng: skewed_stretches(3, 0.95, 60.0, 600.0, classes, rng),
        "slow drift": lambda rng: slow_drift(600.0, 30.0, classes, rng),
        "back after an hour": lambda rng: there_and_back(3600.0, 120.0, classes, rng, 2.0),
    }


class _Theatre:
    """Where replays are given: one catalog, its answers and the heads made so far."""

    def __init__(self, shown: Shown, pairing: Pairing, answers: Answers) -> None:
        self._pairing = pairing
        self._answers = answers
        self._shop = HeadShop(shown, pairing)

    def row(self, group: str, name: str, make: Make, seeds: Iterable[int]) -> Row:
        """Return medians over seeds; times are the first one's."""
        lives: list[tuple[list[Sighting], Replayed]] = []
        run, spent, orders = list[float](), list[float](), list[int]()
        for seed in seeds:
            seen = list(make(np.random.default_rng((seed, 0))))
            lived, less, less_with_heads, ordered = self._live(seen, np.random.default_rng((seed, 1)))
            lives.append((seen, lived))
            run.append(less)
            spent.append(less_with_heads)
            orders.append(ordered)
        replays = [lived for _, lived in lives]
        entered = (Step.ENTERED, Step.REENTERED)
        return {
            "group": group,
            "trace": name,
            "windows": len(replays[0].right),
            "times_less": float(np.median(run)),
            "with_heads": float(np.median(spent)),
            "with_heads_least": min(spent),
            "with_heads_most": max(spent),
            "accuracy_pct": _mean_pct([r.right for r in replays]),
            "generic_accuracy_pct": _mean_pct([r.generic_right for r in replays]),
            "specialised_pct": _mean_pct([r.specialised for r in replays]),
            "orders": float(np.median(orders)),
            "entered": float(np.median([sum(e.step in entered for e in r.events) for r in replays])),
            "longest_below_s": longest_below_s(lives),
        }

    def _live(self, seen: Sequence[Sighting], rng: np.random.Generator) -> tuple[Replayed, float, float, int]:
        """Return a life, how many times less it took without and with heads, and orders."""
        pairing = self._pairing
        best, each = best_of_shop(self._shop, pairing)
        remembered = RememberedHeads[HeadOn]()
        specialist = Specialist(ExpectedSaving(pairing.stakes, remembered), best, remembered)
        models = MeasuredModels(self._answers, pairing.trunks, rng)
        lived = replay(seen, specialist, models)
        generic = pairing.stakes.generic_cost
        run = generic * sum(lived.generic_ran) + models.special_cost
        heads = sum(o.processor_s for o in each)
        whole = generic * len(seen)
        return lived, whole / run, whole / (run + heads), each[0].orders


def _mean_pct(flags: Sequence[Sequence[bool]]) -> float:
    return 100.0 * float(np.mean([np.mean(f) for f in flags]))
