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


class OtherClasses:
    """What share of each other class is passed on, by threshold.

    Classes of which no row could be answered are left out: all of theirs are passed on.

    Args:
        labels: class ids of all rows of other classes, (M,).
        levels: at how many of the thresholds, from the lowest on, each of them is answered, (M,); 0 for one
            that is always passed on.
        pooled: share that is passed on of all other classes' windows at each threshold, (T,).
    """

    def __init__(self, labels: Int64, levels: Int64, pooled: Float64) -> None:
        answered, width = levels > 0, len(pooled) + 1
        self._class_ids, of_class = np.unique(labels[answered], return_inverse=True)
        self._rows = np.bincount(labels)[self._class_ids][:, None]  # (C, 1)
        cells = np.bincount(of_class * width + levels[answered], minlength=len(self._class_ids) * width)
        at_or_above = np.cumsum(cells.reshape(-1, width)[:, ::-1], axis=1)[:, ::-1]
        self._passed = self._rows - at_or_above[:, 1:]  # (C, T)
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
