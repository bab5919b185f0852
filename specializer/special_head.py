"""A head for the classes that dominate, and for everything else together, from stored features.

The trunk stays as it is, so specialising is a logistic regression on features that the compiler
stored, and putting it to use is the swap of two arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from catalog.errors import DataError
from catalog.heads import HeadWeights
from catalog.store import StoredFeatures
from specializer.cascade import CascadeRates
from specializer.cascade_threshold import LEAST_ACCURACY_OUT, CascadeAim, Threshold, choose_threshold
from specializer.errors import HeadRejected
from specializer.head_candidates import OwnLabels, adapted_head, retrained_head

Int64 = npt.NDArray[np.int64]

# At a skew of 1 nothing would ever be passed on, and nobody would learn that the scene has changed.
_MOST_SKEW = 0.98
# Accuracy that a head with moved priors may lack before one is trained: where it lacks less, the trunk is too
# weak for the classes, and a trained head is no better.
_KNOWS_LITTLE = 0.05


@dataclass(frozen=True, slots=True)
class SpecialHead:
    """A specialised head and how it does on the validation split.

    The figures are those of Sequential Specialization (CVPR 2017), section 4, from which the
    accuracy of a cascade at any skew is estimated; what is answered with less confidence than the
    threshold counts as "other" in them.

    Args:
        weights: classes in the order of `dominant`, then one or more rows that all mean "other".
        dominant: class ids of the task.
        accuracy_in: share of windows of dominant classes that are answered rightly.
        in_to_other: share of windows of dominant classes that are passed on.
        accuracy_out: share of windows of other classes that are passed on.
        threshold: least confidence of an answer that is not passed on, in [0, 1].
        harder_in: see CascadeRates, as the next.
        harder_out: likewise.
        falls_short: whether the cascade seemed less accurate than it should be; chance may have done so.
    """

    weights: HeadWeights
    dominant: tuple[int, ...]
    accuracy_in: float
    in_to_other: float
    accuracy_out: float
    threshold: float = 0.0
    harder_in: float = 0.0
    harder_out: float = 0.0
    falls_short: bool = False

    @property
    def rates(self) -> CascadeRates:
        """How it does in front of a generic model."""
        return CascadeRates(
            self.accuracy_in, self.in_to_other, self.accuracy_out, self.harder_in, self.harder_out
        )

    def class_of(self, answer: int, confidence: float) -> int | None:
        """Return the class id that an answer stands for; None where the generic model has to be asked.

        Args:
            answer: position among the head's classes.
            confidence: calibrated, of that answer.
        """
        if answer >= len(self.dominant) or confidence < self.threshold:
            return None
        return self.dominant[answer]


def train_special_head(
    train: StoredFeatures,
    validation: StoredFeatures,
    dominant: Sequence[int],
    aim: CascadeAim,
    rng: np.random.Generator,
    generic: HeadWeights | None = None,
    generic_right: npt.NDArray[np.bool_] | None = None,
) -> SpecialHead:
    """Make a head that passes on as little as it can while the cascade is as accurate as it should be.

    First the generic head with other priors is tried on the validation split, which takes a few
    milliseconds; one is trained on stored features only where the generic head knows little of the classes.

    Args:
        train: features (N, D) and labels (N,) of the task.
        validation: likewise; its rows set temperature and threshold, and the figures are theirs.
        dominant: class ids, at least one, all different.
        aim: what the head is for.
        rng: draws the rows.
        generic: head of the same trunk for all classes of the task, calibrated; None where there is none.
        generic_right: which validation rows (M,) the model behind the cascade answers rightly; None
            where that is not known.

    Raises:
        DataError: no dominant class is named, one is named twice or has no rows, or no rows of other
            classes are left.
        HeadRejected: neither is good enough.
    """
    classes = tuple(dominant)
    if not classes or len(set(classes)) != len(classes):
        raise DataError(
            f"special head: dominant classes {list(classes)}: expected one or more, all different"
        )
    for split, labels in (("training", train.labels), ("validation", validation.labels)):
        _check(labels, classes, split)
    skew = min(aim.skew, _MOST_SKEW)
    held_out = np.asarray(validation.features, np.float32)
    evenly = OwnLabels.of(validation.labels, classes)

    def tried(weights: HeadWeights) -> tuple[HeadWeights, Threshold]:
        return weights, choose_threshold(weights.confidences(held_out), evenly, aim, generic_right)

    with _threads().limit(limits=1):
        found = [] if generic is None else [tried(adapted_head(generic, train.labels, classes, skew))]
        if not any(_knows_its_classes(threshold) for _, threshold in found):
            found.append(tried(retrained_head(train, (held_out, evenly), classes, skew, generic, rng)))
    weights, threshold = min(found, key=lambda f: _rank(f[1]))
    shortcoming = threshold.shortcoming()
    if shortcoming is not None:
        raise HeadRejected(f"special head of classes {list(classes)}: {shortcoming}")
    rates = threshold.rates
    return SpecialHead(
        weights,
        classes,
        rates.accuracy_in,
        rates.in_to_other,
        rates.accuracy_out,
        threshold.confidence,
        rates.harder_in,
        rates.harder_out,
        not threshold.reaches,
    )


@functools.cache
def _threads() -> ThreadpoolController:
    """Find the libraries that have threads, once: it takes as long as a head whose priors are moved."""
    return ThreadpoolController()


def _knows_its_classes(threshold: Threshold) -> bool:
    tells_others = threshold.hidden is None and threshold.rates.accuracy_out >= LEAST_ACCURACY_OUT
    return tells_others and threshold.accuracy >= threshold.wanted - _KNOWS_LITTLE


def _rank(threshold: Threshold) -> tuple[bool, bool, float]:
    """Order thresholds, best first: accurate enough and passing on little, or as accurate as can be.

    Those that hide a class come last.
    """
    hides = threshold.hidden is not None
    if threshold.reaches:
        return hides, False, threshold.passed_on
    return hides, True, -threshold.accuracy


def _check(labels: Int64, dominant: tuple[int, ...], split: str) -> None:
    missing = sorted(set(dominant) - set(labels.tolist()))
    if missing:
        raise DataError(f"special head: no {split} features of classes {missing}")
    if np.isin(labels, dominant).all():
        raise DataError(f"special head: no {split} features of other classes than {list(dominant)}")
