"""A second head, on a slower and more accurate trunk, asked where the first one is not sure of its class.

Cascades of more than two models are as old as those of two (Viola and Jones, Rapid Object Detection using
a Boosted Cascade of Simple Features, CVPR 2001); here each but the last knows the same few classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from specializer.cascade_threshold import (
    THRESHOLDS,
    CascadeAim,
    HeadAnswers,
    Threshold,
    choose_threshold,
)
from specializer.generic_answers import Behind
from specializer.head_candidates import OwnLabels

# Shares of its own classes' windows that the first head may pass on for which thresholds are tried.
_ASKED = (0.0, 0.03, 0.08, 0.15, 0.25, 0.4, 0.5, 0.6)


@dataclass(frozen=True, slots=True)
class TwoThresholds:
    """How sure the first of two heads has to be, and how both together do.

    Args:
        first: least confidence of an answer of the first head that stands.
        both: threshold of the second head; its figures are those of both.
        asked: share of windows about which the second is asked, at the aim's skew.
    """

    first: float
    both: Threshold
    asked: float


def choose_two_thresholds(
    first: HeadAnswers,
    second: HeadAnswers,
    rows: OwnLabels,
    aim: CascadeAim,
    second_cost: float,
    behind: Behind | None = None,
) -> TwoThresholds:
    """Return the pair that costs least while the cascade is as accurate as it should be.

    Where no pair is, the most accurate one; one that hides no class comes before any that does.

    Args:
        first: what the first head makes of the rows, (N,).
        second: likewise, of all rows.
        rows: what they really are.
        aim: what the heads are for.
        second_cost: of a window with the second head, as a share of the generic model's.
        behind: see choose_threshold.
    """
    return min(
        (_at(i, first, second, rows, aim, behind) for i in _tried(first, rows)),
        key=lambda found: found.both.rank(found.asked * second_cost),
    )


def _tried(first: HeadAnswers, rows: OwnLabels) -> list[int]:
    """Return the first head's thresholds that are tried."""
    levels = np.quantile(first.levels[rows.inside], _ASKED, method="lower")
    return sorted({min(int(level), len(THRESHOLDS) - 1) for level in levels})


def _at(
    index: int,
    first: HeadAnswers,
    second: HeadAnswers,
    rows: OwnLabels,
    aim: CascadeAim,
    behind: Behind | None,
) -> TwoThresholds:
    asked = first.asked_after(index)
    asked_in, asked_out = (
        float(rows.row_weights[kind & asked].sum() / rows.row_weights[kind].sum())
        for kind in (rows.inside, ~rows.inside)
    )
    both = choose_threshold(second.after(first, index), rows, aim, behind)
    rates = replace(both.rates, second_in=asked_in, second_out=asked_out)
    return TwoThresholds(float(THRESHOLDS[index]), replace(both, rates=rates), rates.second_asked(aim.skew))
