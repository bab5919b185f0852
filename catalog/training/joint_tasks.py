"""Tasks that train one trunk together, where not every window has a label for every task.

One linear layer answers all of them: its outputs are the classes of the first task, then those of the
next. A window counts in the losses of the tasks that it has a label for, and in no other (Kokkinos,
UberNet, CVPR 2017, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.labelled_windows import UNLABELLED

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class JointTasks:
    """Tasks in the order of the columns of their labels: (N, T) int64, UNLABELLED where there is none.

    Args:
        classes: how many each task has.
        weights: of each task's mean loss in the sum, above 0.
    """

    classes: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def outputs(self) -> tuple[slice, ...]:
        """Which outputs of the linear layer belong to each task."""
        ends = np.cumsum(self.classes).tolist()
        return tuple(slice(end - count, end) for end, count in zip(ends, self.classes, strict=True))


def alone(classes: int) -> JointTasks:
    """Return the only task that trains a trunk; its labels may also be (N,)."""
    return JointTasks((classes,), (1.0,))


def mixed_order(labels: Int64, rng: np.random.Generator) -> Int64:
    """Return a random order of the rows of (N, T) labels in which kinds of windows are evenly mixed.

    A kind is which tasks a window has labels for. Any stretch of n rows holds each kind n times its share
    of all, give or take about one, so that batches are alike and no data set waits for its turn.
    """
    _, kinds = np.unique(labels != UNLABELLED, axis=0, return_inverse=True)
    place = np.empty(len(labels))
    for kind in range(int(kinds.max(initial=-1)) + 1):
        rows = rng.permutation(np.flatnonzero(kinds.ravel() == kind))
        place[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
    return np.argsort(place, kind="stable").astype(np.int64)
