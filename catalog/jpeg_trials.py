"""What JPEG costs a variant: its answers about validation windows as they are, and through JPEG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.errors import BadInput

# A front's next model is seldom closer than the first; few windows tell too little without the second.
_MOST_LOSS = 0.005
_MOST_WITH_ERROR = 0.01


@dataclass(frozen=True, slots=True)
class JpegTrial:
    """One quality, tried on a variant.

    Args:
        quality: 1 (smallest) to 100 (best).
        windows: that were tried, at least one.
        lost: of them, those answered rightly as they are and wrongly through JPEG.
        gained: the other way round.
        window_bytes: of one as JPEG, mean.

    Raises:
        BadInput: figures that cannot be.
    """

    quality: int
    windows: int
    lost: int
    gained: int
    window_bytes: float

    def __post_init__(self) -> None:
        changed = self.lost + self.gained
        if min(self.lost, self.gained) < 0 or self.windows < 1 or changed > self.windows:
            raise BadInput(f"jpeg: {self.lost} lost and {self.gained} gained of {self.windows} windows")
        if not (1 <= self.quality <= 100 and 0.0 < self.window_bytes < math.inf):
            raise BadInput(f"jpeg: quality {self.quality}, {self.window_bytes} bytes a window")

    @property
    def accuracy_loss(self) -> float:
        """The share of windows that is answered wrongly through JPEG alone, 0 where more are gained."""
        return max(0.0, (self.lost - self.gained) / self.windows)

    @property
    def standard_error(self) -> float:
        """Of the loss, the windows being the same, after one more window lost and gained each.

        Bonett and Price, Adjusted Wald confidence interval for a difference of binomial proportions based
        on paired data, J. Educ. Behav. Stat. 37 (2012). Unadjusted, few windows without a change would
        seem to prove that there is none.
        """
        lost, gained = ((n + 1) / (self.windows + 2) for n in (self.lost, self.gained))
        return math.sqrt((lost + gained - (lost - gained) ** 2) / (self.windows + 2))

    @property
    def is_bearable(self) -> bool:
        """Whether at most half a point of accuracy is lost, and one point a standard error above that."""
        loss = self.accuracy_loss
        return loss <= _MOST_LOSS and loss + self.standard_error <= _MOST_WITH_ERROR


def lowest_bearable(trials: Sequence[JpegTrial]) -> JpegTrial | None:
    """Return the trial of the lowest quality from which on all are bearable; None where none is."""
    found = None
    for trial in sorted(trials, key=lambda t: -t.quality):
        if not trial.is_bearable:
            break
        found = trial
    return found
