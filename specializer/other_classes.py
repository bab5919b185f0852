"""Whether a special head leaves each other class a way to the generic model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# A head that takes more of a class's windows for its own hides that class: were it all that is seen, most
# answers would be wrong, and the head would count what it sees as its own classes.
LEAST_CLASS_OUT = 0.5
# So many rows more, passed on like those of all other classes: a person with five rows has to have them all
# taken for another before that says anything, while one or two of 200 rows change nothing.
_POOLED_ROWS = 5.0
_NOISE_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class HiddenClass:
    """A class that a head is sure to hide.

    Args:
        class_id: of the task.
        passed_on: share of its rows.
    """

    class_id: int
    passed_on: float


class OtherRows:
    """Rows of other classes than a head's, by class.

    Args:
        labels: class ids, (M,).
    """

    __slots__ = ("class_ids", "counts", "of_class")

    def __init__(self, labels: Int64) -> None:
        self.class_ids, self.of_class, self.counts = np.unique(
            labels, return_inverse=True, return_counts=True
        )


class OtherClasses:
    """What share of each other class is passed on, by threshold.

    Classes of which no row could be answered are left out: all of theirs are passed on.

    Args:
        rows: of other classes, M of them.
        levels: at how many of the thresholds, from the lowest on, each of them is answered, (M,); 0 for one
            that is always passed on.
        pooled: share that is passed on of all other classes' windows at each threshold, (T,).
    """

    def __init__(self, rows: OtherRows, levels: Int64, pooled: Float64) -> None:
        classes, width = len(rows.class_ids), len(pooled) + 1
        cells = np.bincount(rows.of_class * width + levels, minlength=classes * width).reshape(classes, width)
        at_or_above = np.cumsum(cells[:, :0:-1], axis=1)[:, ::-1]  # (C, T)
        met = at_or_above[:, 0] > 0
        self._class_ids, self._rows = rows.class_ids[met], rows.counts[met, None]  # (C,), (C, 1)
        self._passed = self._rows - at_or_above[met]  # (C, T)
        self._pooled = pooled

    def all_reached(self) -> Bool:
        """Tell for each threshold whether enough of every class is passed on, few rows helped out, (T,)."""
        helped = (self._passed + _POOLED_ROWS * self._pooled) / (self._rows + _POOLED_ROWS)
        reached: Bool = np.all(helped >= LEAST_CLASS_OUT, axis=0)
        return reached

    def hidden(self, index: int) -> HiddenClass | None:
        """Return the class that a threshold is surest to hide; None where noise could explain each."""
        if len(self._class_ids) == 0:
            return None
        rows = self._rows[:, 0]
        shares = self._passed[:, index] / rows
        # In standard errors of a class of which just enough is passed on.
        excess = (shares - LEAST_CLASS_OUT) * np.sqrt(rows / (LEAST_CLASS_OUT * (1.0 - LEAST_CLASS_OUT)))
        worst = int(excess.argmin())
        if excess[worst] >= -_NOISE_ERRORS:
            return None
        return HiddenClass(int(self._class_ids[worst]), float(shares[worst]))
