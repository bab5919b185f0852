"""Label traces under policies for specialising, in the simulator, with the published models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.label_traces import (
    TV_CLASSES,
    TV_TRACES,
    skewed_stretches,
    slow_drift,
    tabled_rates,
    there_and_back,
    tv_faces,
)
from benchmarks.report import Row
from sim.label_replay import Replayed, Sighting
from sim.tabled_models import PolicyMaker, TabledReplay, expected_saving, replay_tabled
from specializer.cascade import Stakes
from specializer.dominated_windows import DominatedWindows
from specializer.remembered_heads import MOST_REMEMBERED
from specializer.specialist import Step
from specializer.windowed_epsilon_greedy import TOLERANCE_FACES, WindowedEpsilonGreedy

_GENERIC_ACCURACY = 0.958  # of the face task, and likewise the costs of it and of F2: CVPR 2017
_GPU_MS, _CPU_MS = (28.8, 1.93), (2576.0, 40.0)
_PUBLISHED_HEAD_S = 4.3  # MCDNN 2016, a face model with features stored before
_OWN_HEAD_S = 1.0
_SLIDING = 200
_BELOW = 0.05
_SEEDS, _QUICK_SEEDS = 10, 2

Make = Callable[[np.random.Generator], Iterable[Sighting]]


@dataclass(frozen=True, slots=True)
class _Contender:
    """A policy and the conditions under which it runs.

    Args:
        head_s: from order to head.
        most_remembered: heads.
    """

    name: str
    make: PolicyMaker
    head_s: float
    most_remembered: int = 0


_WEG = _Contender("WEG", lambda stakes, _: WindowedEpsilonGreedy(stakes), _PUBLISHED_HEAD_S)
_OURS = _Contender("expected-saving", expected_saving, _PUBLISHED_HEAD_S, MOST_REMEMBERED)
_CONTENDERS = (
    _Contender(
        "MCDNN 2016",
        lambda stakes, _: DominatedWindows(stakes, stakes.generic_accuracy + TOLERANCE_FACES),
        _PUBLISHED_HEAD_S,
    ),
    _WEG,
    _OURS,
    _Contender("expected-saving, heads in 1 s", expected_saving, _OWN_HEAD_S, MOST_REMEMBERED),
)


def tv_rows(data: Path, quick: bool) -> list[Row]:
    """Replay the five traces of faces with model F2."""
    stakes, rows = _face_stakes(data), list[Row]()
    for name in TV_TRACES[-1:] if quick else TV_TRACES:
        trace = tv_faces(data, name)

        def make(_: np.random.Generator, trace: Sequence[Sighting] = trace) -> Iterable[Sighting]:
            return trace

        rows += [_row("tv", name, c, _lives(make, c, stakes, quick)) for c in _CONTENDERS]
    return rows


def skew_rows(data: Path, quick: bool) -> list[Row]:
    """Replay generated skews with model F2, by number of classes, share and length."""
    stakes = _face_stakes(data)
    cases = [
        (dominant, share, stretch_s)
        for dominant in (2, 5)
        for share in (0.6, 0.9, 0.95)
        for stretch_s in (10.0, 15.0, 30.0, 300.0)
    ]
    if quick:
        cases = [(2, 0.9, 30.0)]
    rows = list[Row]()
    for dominant, share, stretch_s in cases:

        def make(
            rng: np.random.Generator, dominant: int = dominant, share: float = share, long: float = stretch_s
        ) -> Iterable[Sighting]:
            return skewed_stretches(dominant, share, long, 300.0, TV_CLASSES, rng)

        name = f"{dominant} classes, {share:.0%}, {stretch_s:.0f} s"
        rows += [_row("skews", name, c, _lives(make, c, stakes, quick)) for c in _CONTENDERS[1:]]
    return rows


def change_rows(data: Path, quick: bool) -> list[Row]:
    """Replay changes of every kind with model F2."""
    stakes = _face_stakes(data)
    n = TV_CLASSES
    cases: dict[str, Make] = {
        "abrupt, every minute": lambda rng: skewed_stretches(3, 0.95, 60.0, 600.0, n, rng),
        "slow drift": lambda rng: slow_drift(600.0, 30.0, n, rng),
        "one class only": lambda rng: skewed_stretches(1, 1.0, 300.0, 300.0, n, rng),
        "all classes equal": lambda rng: skewed_stretches(n, 0.0, 600.0, 600.0, n, rng),
        "back after an hour": lambda rng: there_and_back(3600.0, 120.0, n, rng, 2.0),
    }
    return [
        _row("changes", name, c, _lives(make, c, stakes, quick))
        for name, make in cases.items()
        for c in _CONTENDERS[1:]
    ]


def _face_stakes(data: Path) -> Stakes:
    generic_ms, special_ms = _GPU_MS
    return Stakes(tabled_rates(data, "F2"), _GENERIC_ACCURACY, generic_ms, special_ms, generic_ms)


def _lives(
    make: Make, contender: _Contender, stakes: Stakes, quick: bool
) -> list[tuple[Sequence[Sighting], TabledReplay]]:
    """Live through a trace once a seed; what is seen does not depend on the policy."""
    lives: list[tuple[Sequence[Sighting], TabledReplay]] = []
    stakes = replace(stakes, head_cost=1e3 * contender.head_s)
    for seed in range(_QUICK_SEEDS if quick else _SEEDS):
        seen = list(make(np.random.default_rng((seed, 0))))
        lived = replay_tabled(
            seen,
            contender.make,
            stakes,
            TV_CLASSES,
            contender.head_s,
            np.random.default_rng((seed, 1)),
            contender.most_remembered,
        )
        lives.append((seen, lived))
    return lives


def _row(
    group: str,
    name: str,
    contender: _Contender,
    lives: Sequence[tuple[Sequence[Sighting], TabledReplay]],
) -> Row:
    replays = [r.lived for _, r in lives]
    gpu = [r.saving(*_GPU_MS) for r in replays]
    heads_ms = [1e3 * contender.head_s * r.heads for _, r in lives]
    whole_ms = _GPU_MS[0] * len(replays[0].right)
    charged = [1.0 / (1.0 / less + ms / whole_ms) for less, ms in zip(gpu, heads_ms, strict=True)]
    entered = (Step.ENTERED, Step.REENTERED)
    return {
        "group": group,
        "trace": name,
        "policy": contender.name,
        "windows": len(replays[0].right),
        "gpu_times_less": float(np.median(gpu)),
        "gpu_times_less_least": min(gpu),
        "gpu_times_less_most": max(gpu),
        "with_heads": float(np.median(charged)),
        "cpu_times_less": float(np.median([r.saving(*_CPU_MS) for r in replays])),
        "accuracy_pct": _median_pct([np.mean(r.right) for r in replays]),
        "generic_accuracy_pct": _median_pct([np.mean(r.generic_right) for r in replays]),
        "specialised_pct": _median_pct([np.mean(r.specialised) for r in replays]),
        "heads_trained": float(np.median([r.heads for _, r in lives])),
        "entered": float(np.median([sum(e.step in entered for e in r.events) for r in replays])),
        "longest_below_s": longest_below_s([(seen, r.lived) for seen, r in lives]),
    }


def longest_below_s(lives: Sequence[tuple[Sequence[Sighting], Replayed]]) -> float:
    """Return how long the accuracy of the last 200 windows stays 5 points below the generic model's.

    Accuracies are means over seeds; the times are those of the first.
    """
    behind = np.mean([np.subtract(r.generic_right, r.right, dtype=float) for _, r in lives], axis=0)
    if len(behind) < _SLIDING:
        return 0.0
    sliding = np.convolve(behind, np.full(_SLIDING, 1.0 / _SLIDING), "valid")
    longest_s, since_s = 0.0, None
    for sighting, low in zip(lives[0][0][_SLIDING - 1 :], sliding > _BELOW, strict=True):
        if not low:
            since_s = None
            continue
        since_s = sighting.t_s if since_s is None else since_s
        longest_s = max(longest_s, sighting.t_s - since_s)
    return longest_s


def _median_pct(shares: Sequence[np.floating]) -> float:
    return 100.0 * float(np.median(shares))
