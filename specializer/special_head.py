"""A head for the classes that dominate, and one more for everything else, from stored features.

The trunk stays as it is, so specialising is a logistic regression on features that the compiler
stored, and putting it to use is the swap of two arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.errors import DataError
from catalog.head_training import train_head
from catalog.heads import Float32, HeadWeights
from catalog.store import StoredFeatures
from specializer.cascade import CascadeRates

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpecialHead:
    """A specialised head and how it does on the validation split.

    The figures are those of Sequential Specialization (CVPR 2017), section 4, from which the
    accuracy of a cascade at any skew is estimated; what is answered with less confidence than the
    threshold counts as "other" in them.

    Args:
        weights: classes in the order of `dominant`, then "other".
        dominant: class ids of the task.
        accuracy_in: share of windows of dominant classes that are answered rightly.
        in_to_other: share of windows of dominant classes that are passed on.
        accuracy_out: share of windows of other classes that are passed on.
        threshold: least confidence of an answer that is not passed on, in [0, 1].
    """

    weights: HeadWeights
    dominant: tuple[int, ...]
    accuracy_in: float
    in_to_other: float
    accuracy_out: float
    threshold: float = 0.0

    @property
    def rates(self) -> CascadeRates:
        """How it does in front of a generic model."""
        return CascadeRates(self.accuracy_in, self.in_to_other, self.accuracy_out)

    def class_of(self, answer: int, confidence: float) -> int | None:
        """Return the class id that an answer stands for; None where the generic model has to be asked.

        Args:
            answer: position among the head's classes.
            confidence: calibrated, of that answer.
        """
        if answer == len(self.dominant) or confidence < self.threshold:
            return None
        return self.dominant[answer]


def train_special_head(
    train: StoredFeatures,
    validation: StoredFeatures,
    dominant: Sequence[int],
    rng: np.random.Generator,
) -> SpecialHead:
    """Train a head on features of which half are of dominant classes and half of others.

    As many rows as there are of the rarer half are drawn of the other one, without repetition; the
    head is calibrated on a validation split of the same make-up.

    Args:
        train: features (N, D) and labels (N,) of the task.
        validation: likewise.
        dominant: class ids, at least one, all different.
        rng: draws the rows.

    Raises:
        DataError: no dominant class is named, one is named twice or has no rows, or no rows of other
            classes are left.
    """
    classes = tuple(dominant)
    if not classes or len(set(classes)) != len(classes):
        raise DataError(
            f"special head: dominant classes {list(classes)}: expected one or more, all different"
        )
    own_train, own_validation = (_own_labels(s.labels, classes) for s in (train, validation))
    for split, labels in (("training", own_train), ("validation", own_validation)):
        _check(labels, classes, split)
    rows, held_out = (_half_and_half(labels, len(classes), rng) for labels in (own_train, own_validation))
    trained = train_head(
        (train.features[rows], own_train[rows]),
        (validation.features[held_out], own_validation[held_out]),
        len(classes) + 1,
    )
    return _assess(trained.weights, classes, validation.features.astype(np.float32), own_validation)


def _own_labels(labels: Int64, dominant: tuple[int, ...]) -> Int64:
    """Return the position of each label among the dominant ones, or their number for any other."""
    own = np.full(len(labels), len(dominant), np.int64)
    for position, class_id in enumerate(dominant):
        own[labels == class_id] = position
    return own


def _check(own_labels: Int64, dominant: tuple[int, ...], split: str) -> None:
    counts = np.bincount(own_labels, minlength=len(dominant) + 1)
    missing = [c for c, count in zip(dominant, counts, strict=False) if count == 0]
    if missing:
        raise DataError(f"special head: no {split} features of classes {missing}")
    if counts[-1] == 0:
        raise DataError(f"special head: no {split} features of other classes than {list(dominant)}")


def _half_and_half(own_labels: Int64, other: int, rng: np.random.Generator) -> Int64:
    """Draw as many rows of dominant classes as of others, in the order of the file."""
    inside, outside = np.flatnonzero(own_labels != other), np.flatnonzero(own_labels == other)
    count = min(len(inside), len(outside))
    drawn = [rng.choice(rows, count, replace=False) for rows in (inside, outside)]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def _assess(
    weights: HeadWeights, dominant: tuple[int, ...], features: Float32, own_labels: Int64
) -> SpecialHead:
    answers = weights.confidences(features).argmax(axis=1)
    other = len(dominant)
    inside = own_labels != other
    return SpecialHead(
        weights,
        dominant,
        float((answers[inside] == own_labels[inside]).mean()),
        float((answers[inside] == other).mean()),
        float((answers[~inside] == other).mean()),
    )
