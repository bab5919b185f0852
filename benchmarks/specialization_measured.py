"""Replays of skews and changes with a catalog's own models on real windows, over many seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.label_traces import (
    TV_TRACES,
    skewed_stretches,
    slow_drift,
    there_and_back,
    tv_faces,
    with_classes,
)
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
from specializer.policy import Active, Seen, Wanted
from specializer.remembered_heads import RememberedHeads
from specializer.specialist import Specialist, Step

_SEEDS, _QUICK_SEEDS = 20, 2
_FIRST_SEED = 1000  # the policy's constants were chosen on others
_SHARES = (0.6, 0.9, 0.95)
_LENGTHS_S = (10.0, 15.0, 30.0, 60.0, 300.0)
_STRETCHES, _LEAST_S, _MOST_S = 4, 60.0, 600.0

Make = Callable[[np.random.Generator], Iterable[Sighting]]


def measured_rows(
    group: str, shown: Shown, device: str, counts: Sequence[int], data: Path, quick: bool
) -> list[Row]:
    """Replay skews of all kinds, changes, and the films and shows; a row each.

    Args:
        device: whose times, for which the catalog is settled.
        counts: of classes that dominate.
        data: folder of docs/data.md.
    """
    pairing = picked_pairing(shown.catalog, shown.task, device)
    theatre = _Theatre(shown, pairing, answers_to(shown, pairing))
    skews = [(n, p, s) for n in counts for p in _SHARES for s in _LENGTHS_S]
    cases = {_name(*skew): _skew(*skew, len(shown.classes)) for skew in skews}
    cases |= _changes(len(shown.classes)) | _films_and_shows(data, len(shown.classes))
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


def _films_and_shows(data: Path, classes: int) -> dict[str, Make]:
    traces = {name: tv_faces(data, name) for name in TV_TRACES}
    return {name: partial(with_classes, trace, classes) for name, trace in traces.items()}


@dataclass(frozen=True, slots=True)
class _Spent:
    """What one life took, in seconds of this machine's processor.

    Args:
        generic_s: the generic model for every window.
        windows_s: what ran instead.
        heads_s: making heads.
        policy_s: deciding.
        operations_less: how many times less multiply-adds windows took.
        orders: of heads.
    """

    generic_s: float
    windows_s: float
    heads_s: float
    policy_s: float
    operations_less: float
    orders: int

    @property
    def times_less(self) -> float:
        """Of windows alone."""
        return self.generic_s / self.windows_s

    @property
    def with_heads(self) -> float:
        """With all that specialising takes."""
        return self.generic_s / (self.windows_s + self.heads_s + self.policy_s)


class _Timed(ExpectedSaving):
    """The policy, with the processor time that it takes."""

    took_s = 0.0

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        """Observe and take the time."""
        before_s = time.thread_time()
        wanted = super().observe(seen, active, now)
        self.took_s += time.thread_time() - before_s
        return wanted


class _Theatre:
    """Where replays are given: one catalog, its answers and the heads made so far."""

    def __init__(self, shown: Shown, pairing: Pairing, answers: Answers) -> None:
        self._pairing = pairing
        self._answers = answers
        self._shop = HeadShop(shown, pairing)

    def row(self, group: str, name: str, make: Make, seeds: Iterable[int]) -> Row:
        """Return medians over seeds; times are the first one's."""
        lives: list[tuple[list[Sighting], Replayed]] = []
        spent: list[_Spent] = []
        for seed in seeds:
            seen = list(make(np.random.default_rng((seed, 0))))
            lived, of_seed = self._live(seen, np.random.default_rng((seed, 1)))
            lives.append((seen, lived))
            spent.append(of_seed)
        with_heads = [s.with_heads for s in spent]
        replays = [lived for _, lived in lives]
        entered = (Step.ENTERED, Step.REENTERED)
        return {
            "group": group,
            "trace": name,
            "windows": len(replays[0].right),
            "times_less": float(np.median([s.times_less for s in spent])),
            "with_heads": float(np.median(with_heads)),
            "with_heads_least": min(with_heads),
            "with_heads_most": max(with_heads),
            "operations_less": float(np.median([s.operations_less for s in spent])),
            "policy_pct": float(np.median([100.0 * s.policy_s / s.generic_s for s in spent])),
            "accuracy_pct": _mean_pct([r.right for r in replays]),
            "generic_accuracy_pct": _mean_pct([r.generic_right for r in replays]),
            "gained_error_pct": gained_error_pct([(r.right, r.generic_right) for r in replays]),
            "specialised_pct": _mean_pct([r.specialised for r in replays]),
            "orders": float(np.median([s.orders for s in spent])),
            "entered": float(np.median([sum(e.step in entered for e in r.events) for r in replays])),
            "longest_below_s": longest_below_s(lives),
        }

    def _live(self, seen: Sequence[Sighting], rng: np.random.Generator) -> tuple[Replayed, _Spent]:
        """Return a life and what it took."""
        pairing = self._pairing
        best, each = best_of_shop(self._shop, pairing)
        remembered = RememberedHeads[HeadOn]()
        policy = _Timed(pairing.stakes, remembered)
        specialist = Specialist(policy, best, remembered)
        models = MeasuredModels(self._answers, pairing.costs, rng)
        lived = replay(seen, specialist, models)
        generic, asked = pairing.stakes.generic_cost, sum(lived.generic_ran)
        return lived, _Spent(
            generic * len(seen),
            generic * asked + models.special_cost,
            sum(o.processor_s for o in each),
            policy.took_s,
            pairing.generic_macs
            * len(seen)
            / (pairing.generic_macs * asked + sum(pairing.macs[t] * n for t, n in models.asked.items())),
            each[0].orders,
        )


def gained_error_pct(lives: Sequence[tuple[Sequence[bool], Sequence[bool]]]) -> float | None:
    """Return the standard error of by how much more accurate answers are, over lives; None for one life.

    Args:
        lives: which windows were answered rightly, and which without specialising.
    """
    gained = [100.0 * float(np.mean(right) - np.mean(without)) for right, without in lives]
    return float(np.std(gained, ddof=1) / np.sqrt(len(gained))) if len(gained) > 1 else None


def _mean_pct(flags: Sequence[Sequence[bool]]) -> float:
    return 100.0 * float(np.mean([np.mean(f) for f in flags]))
