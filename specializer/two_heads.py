"""A second head, on a slower and more accurate trunk, asked where the first one is not sure of its class.

Cascades of more than two models are as old as those of two (Viola and Jones, Rapid Object Detection using
a Boosted Cascade of Simple Features, CVPR 2001); here each but the last knows the same few classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from specializer.cascade_threshold import (
    THRESHOLDS,
    HeadAnswers,
    Threshold,
    ThresholdChoice,
)
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

    def rank(self, second_cost: float) -> tuple[bool, bool, float]:
        """Order pairs, best first; see Threshold.

        Args:
            second_cost: of a window with the second head, as a share of the generic model's.
        """
        return self.both.rank(self.asked * second_cost)


def choose_two_thresholds(
    first: HeadAnswers, second: HeadAnswers, choice: ThresholdChoice, second_cost: float
) -> TwoThresholds:
    """Return the pair that costs least while the cascade is as accurate as it should be.

    Where no pair is, the most accurate one; one that hides no class comes before any that does.

    Args:
        first: what the first head makes of the rows, (N,).
        second: likewise, of all rows.
        choice: of thresholds on these rows.
        second_cost: of a window with the second head, as a share of the generic model's.
    """
    best: TwoThresholds | None = None
    for index in _tried(first, choice.rows):
        asked = choice.shares(first.asked_after(index))
        asking = choice.aim.skew * asked[0] + (1.0 - choice.aim.skew) * asked[1]
        if best is not None and best.rank(second_cost) <= (False, False, asking * second_cost):
            break  # nor can any further one cost less: they ask the second head no less
        both = choice.best(second.after(first, index))
        rates = replace(both.rates, second_in=asked[0], second_out=asked[1])
        found = TwoThresholds(float(THRESHOLDS[index]), replace(both, rates=rates), asking)
        if best is None or found.rank(second_cost) < best.rank(second_cost):
            best = found
    assert best is not None, "several thresholds are tried"
    return best


def _tried(first: HeadAnswers, rows: OwnLabels) -> list[int]:
    """Return the first head's thresholds that are tried, lowest first."""
    levels = np.quantile(first.levels[rows.inside], _ASKED, method="lower")
    return sorted({min(int(level), len(THRESHOLDS) - 1) for level in levels})
