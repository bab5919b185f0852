"""What the generic model makes of validation rows: alone, and behind heads for some classes.

Behind heads its answers lean towards their classes, which is Bayes' rule with other priors as for a head
(see head_candidates.NewPriors), so what it costs is an addition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.errors import CatalogError
from catalog.heads import Float32, HeadWeights
from catalog.store import Catalog

Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]

# Of the logarithm of the new odds over the old. All of it would be right for what is seen, none for what is
# passed on, were it passed on whatever the generic model makes of it: of that, other classes are about half.
_SHARE_OF_SHIFT = 0.5


def prior_shift(dominant: int, classes: int, skew: float) -> float:
    """Return by how much the log odds of a head's classes are raised in what the generic model answers.

    Args:
        dominant: how many classes the head has.
        classes: of the task; taken to be alike in what the generic model was trained on.
        skew: share of the head's classes in what is seen, in (0, 1).
    """
    odds = (skew / dominant) / ((1.0 - skew) / (classes - dominant))
    return max(0.0, _SHARE_OF_SHIFT * math.log(odds))


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """The generic model behind heads for some classes, on N validation rows.

    Args:
        right: which rows it answers rightly alone, (N,).
        right_behind: which it answers rightly with the shift, (N,).
        taken: rows of other classes that get one of the head's classes with the shift only, (N,).
        shift: natural logarithm; 0 for none.
    """

    right: Bool
    right_behind: Bool
    taken: Bool
    shift: float = 0.0

    @classmethod
    def unmoved(cls, right: Bool) -> Behind:
        """Return a model whose answers stay what they are.

        Args:
            right: which rows it answers rightly, (N,).
        """
        return cls(right, right, np.zeros(len(right), np.bool_))


class GenericAnswers:
    """What the generic model answers to validation rows.

    Args:
        confidences: calibrated, (N, C).
        labels: class ids, (N,).
    """

    def __init__(self, confidences: Float32, labels: Int64) -> None:
        tiny = np.finfo(np.float32).tiny
        self._logs = np.log(np.maximum(confidences, tiny))
        self._labels = labels
        self._alone = self._logs.argmax(axis=1)

    def behind(self, dominant: Sequence[int], skew: float) -> Behind:
        """Return what it is behind heads for some classes.

        Args:
            dominant: class ids, fewer than all.
            skew: share of these classes in what is seen, in (0, 1).
        """
        return self.shifted(dominant, prior_shift(len(dominant), self._logs.shape[1], skew))

    def shifted(self, dominant: Sequence[int], shift: float) -> Behind:
        """Return what it is with a shift that was chosen already; see behind."""
        inside = np.zeros(self._logs.shape[1], np.bool_)
        inside[list(dominant)] = True
        moved = (self._logs + np.where(inside, np.float32(shift), np.float32(0.0))).argmax(axis=1)
        taken = inside[moved] & ~inside[self._alone] & ~inside[self._labels]
        return Behind(self._alone == self._labels, moved == self._labels, taken, shift)


def generic_head(catalog: Catalog, trunk: str, task: str) -> HeadWeights | None:
    """Return the head of a trunk for all classes of a task; None where there is none.

    Raises:
        CatalogError: it cannot be read.
    """
    for variant in catalog.contents.variants:
        if variant.trunk == trunk and variant.task == task:
            return catalog.head_weights(variant.head)
    return None


def stored_answers(catalog: Catalog, trunk: str, task: str, labels: Int64) -> GenericAnswers | None:
    """Return what a model makes of the validation rows of others; None where it cannot be told.

    All trunks that were trained together have features of the same windows in the same order.

    Args:
        trunk: of the model.
        labels: of those rows, (N,).

    Raises:
        CatalogError: its head cannot be read.
    """
    head = generic_head(catalog, trunk, task)
    if head is None:
        return None
    try:
        stored = catalog.features(trunk, task, "validation")
    except CatalogError:
        return None
    if not np.array_equal(stored.labels, labels):
        return None
    return GenericAnswers(head.confidences(np.asarray(stored.features, np.float32)), labels)
