"""Ending a training that a cheaper trunk has overtaken, after a share of its epochs.

Successive halving (Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter
optimization, AISTATS 2016) drops what is behind at a rung. Here there is one rung, and
a trunk is held against trunks of its own kind that cost less and are finished: at the same share of a
one-cycle schedule, where learning rates are alike, so that no learning curve need be extrapolated.
Accuracy there is that over the varied training windows: it comes free, and a costlier trunk that fits
them worse will hardly fit others better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.compiler.front_gaps import Choice, Known, kind_of
from catalog.compiler.search_space import Combination
from catalog.errors import RunFailed
from catalog.training.schedule import Progress

RUNG = 0.5
MARGIN = 0.05
_CHEAPER = 0.9


class StoppedEarly(RunFailed):
    """A training was ended because a cheaper trunk had learned more by then."""


@dataclass(frozen=True, slots=True)
class StopRule:
    """When to end a training before its time.

    Args:
        least_accuracy: over the training windows, in [0, 1], that it must have at the rung.
        cheaper: the trunk that had as much, and the margin, at its own rung.
    """

    least_accuracy: float
    cheaper: str


def stop_rule(
    space: Sequence[Combination], choice: Choice, known: Known, curves: Mapping[str, Sequence[float]]
) -> StopRule | None:
    """Return what a trunk must have reached at its rung; None where nothing like it is finished.

    Args:
        curves: training accuracy after each epoch, by trunk.
    """
    reached: dict[str, float] = {}
    for c in space:
        name = c.candidate.name
        alike = c.candidate.input_type == choice.combination.candidate.input_type
        if name not in known.finished or not alike or kind_of(c) != kind_of(choice.combination):
            continue
        curve = curves.get(name, ())
        if curve and np.all(known.finished[name].cost <= choice.cost + math.log(_CHEAPER)):
            reached[name] = curve[rung_epoch(len(curve)) - 1]
    if not reached:
        return None
    best = max(reached, key=lambda name: reached[name])
    return StopRule(reached[best] - MARGIN, best)


def rung_epoch(epochs: int) -> int:
    """Return the epoch after which a training of so many is looked at."""
    return math.ceil(RUNG * epochs)


def watched(report: Callable[[Progress], None], rule: StopRule | None) -> Callable[[Progress], None]:
    """Return a report that ends the training by a rule.

    Raises:
        StoppedEarly: from what is returned, after an epoch.
    """
    if rule is None:
        return report

    def check(progress: Progress) -> None:
        report(progress)
        at_rung = progress.epoch == rung_epoch(progress.epochs) < progress.epochs
        if at_rung and progress.accuracy < rule.least_accuracy:
            raise StoppedEarly(
                f"stopped after epoch {progress.epoch} of {progress.epochs}: "
                f"accuracy {progress.accuracy:.3f} there, {rule.least_accuracy + MARGIN:.3f} for "
                f"{rule.cheaper}, which costs less"
            )

    return check
