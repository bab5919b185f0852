"""Makes special heads from features that the compiler stored.

The trunk stays as it is, so specialising is at most a logistic regression.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from catalog.errors import DataError
from catalog.heads import Float32, HeadWeights
from catalog.store import StoredFeatures
from specializer.cascade_threshold import (
    CascadeAim,
    HeadAnswers,
    Threshold,
    choose_threshold,
)
from specializer.errors import HeadRejected
from specializer.generic_answers import Behind, GenericAnswers
from specializer.head_candidates import OwnLabels, adapted_head, other_classes, retrained_head
from specializer.special_head import SecondHead, SpecialHead
from specializer.two_heads import choose_two_thresholds

Int64 = npt.NDArray[np.int64]

# At a skew of 1 nothing would ever be passed on, and nobody would learn that the scene has changed.
_MOST_SKEW = 0.98
# Accuracy that a head with moved priors may lack before one is trained: where it lacks less, the trunk is too
# weak for the classes, and a trained head is no better.
_KNOWS_LITTLE = 0.05


@dataclass(frozen=True, eq=False)
class Material:
    """What heads on a trunk are made of; what is worked out of it is kept for the next head.

    Args:
        train: features (N, D) and labels (N,) of the task.
        validation: likewise; its rows set temperature and threshold, and the figures are theirs.
        generic: head of the same trunk for all classes of the task, calibrated; None where there is none.
    """

    train: StoredFeatures
    validation: StoredFeatures
    generic: HeadWeights | None = None

    @functools.cached_property
    def held_out(self) -> Float32:
        """Features of the validation rows, (M, D)."""
        return np.asarray(self.validation.features, np.float32)

    @functools.cached_property
    def counts(self) -> Int64:
        """Training rows of each class."""
        return np.bincount(self.train.labels)

    @functools.cached_property
    def validation_counts(self) -> Int64:
        """Validation rows of each class."""
        return np.bincount(self.validation.labels)


@dataclass(frozen=True, slots=True, eq=False)
class SecondMaterial:
    """What second heads are made of.

    Args:
        trunk: name in the catalog.
        material: of that trunk; its validation rows are those of the first, in the same order.
        cost: of a window with it, as a share of the generic model's.
    """

    trunk: str
    material: Material
    cost: float


def train_special_head(
    material: Material,
    dominant: Sequence[int],
    aim: CascadeAim,
    rng: np.random.Generator,
    generic: GenericAnswers | None = None,
    second: SecondMaterial | None = None,
) -> SpecialHead:
    """Make a head that costs as little as it can while the cascade is as accurate as it should be.

    First the generic head with other priors is tried on the validation split, which takes a few
    milliseconds; one is trained on stored features only where the generic head knows little of the classes.
    Where a second head makes it cheaper, or accurate enough, there is one.

    Args:
        material: of the trunk.
        dominant: class ids, at least one, all different.
        aim: what the head is for.
        rng: draws the rows.
        generic: what the model behind the cascade makes of the validation rows (M,); None where that is
            not known.
        second: of a slower and more accurate trunk; None for a single head.

    Raises:
        DataError: no dominant class is named, one is named twice or has no rows, or no rows of other
            classes are left.
        HeadRejected: none is good enough.
    """
    classes = _checked(material, dominant)
    rows = OwnLabels.of(material.validation.labels, classes)
    behind = None if generic is None else generic.behind(classes, min(aim.skew, _MOST_SKEW))
    with _threads().limit(limits=1):
        first = _made(material, rows, classes, aim, rng, behind)
        chosen, relief = first.threshold, None
        sure = chosen.confidence
        if second is not None:
            other = _made(second.material, rows, classes, aim, rng, behind)
            two = choose_two_thresholds(first.answers, other.answers, rows, aim, second.cost, behind)
            if two.both.rank(two.asked * second.cost) < chosen.rank():
                chosen, sure = two.both, two.first
                relief = SecondHead(second.trunk, other.weights, chosen.confidence, other.others)
    shortcoming = chosen.shortcoming()
    if shortcoming is not None:
        raise HeadRejected(f"special head of classes {list(classes)}: {shortcoming}")
    shift = 0.0 if behind is None else behind.shift
    falls_short = not chosen.reaches
    return SpecialHead(first.weights, classes, chosen.rates, sure, falls_short, relief, shift, first.others)


class _Made(NamedTuple):
    """A head alone, and how it does on the validation rows."""

    weights: HeadWeights
    others: tuple[int, ...]
    answers: HeadAnswers
    threshold: Threshold


def _made(
    material: Material,
    rows: OwnLabels,
    classes: tuple[int, ...],
    aim: CascadeAim,
    rng: np.random.Generator,
    behind: Behind | None,
) -> _Made:
    """Make the better one of a head with other priors and, where that knows little, a trained one."""
    held_out, skew, generic = material.held_out, min(aim.skew, _MOST_SKEW), material.generic

    def tried(weights: HeadWeights, others: tuple[int, ...] = ()) -> _Made:
        answers = HeadAnswers.of(weights.confidences(held_out), rows, others)
        return _Made(weights, others, answers, choose_threshold(answers, rows, aim, behind))

    found = []
    if generic is not None:
        adapted = adapted_head(generic, material.counts, classes, skew)
        found.append(tried(adapted, other_classes(len(generic.bias), classes)))
    if not any(_knows_its_classes(made.threshold) for made in found):
        found.append(tried(retrained_head(material.train, (held_out, rows), classes, skew, generic, rng)))
    return min(found, key=lambda made: made.threshold.rank())


@functools.cache
def _threads() -> ThreadpoolController:
    """Find the libraries that have threads, once: it takes as long as a head whose priors are moved."""
    return ThreadpoolController()


def _knows_its_classes(threshold: Threshold) -> bool:
    tells_others = threshold.hidden is None and threshold.tells_others
    return tells_others and threshold.accuracy >= threshold.wanted - _KNOWS_LITTLE


def _checked(material: Material, dominant: Sequence[int]) -> tuple[int, ...]:
    classes = tuple(dominant)
    if not classes or len(set(classes)) != len(classes):
        raise DataError(
            f"special head: dominant classes {list(classes)}: expected one or more, all different"
        )
    for split, counts in (("training", material.counts), ("validation", material.validation_counts)):
        _check(np.flatnonzero(counts), classes, split)
    return classes


def _check(known: Int64, dominant: tuple[int, ...], split: str) -> None:
    missing = np.setdiff1d(dominant, known).tolist()
    if missing:
        raise DataError(f"special head: no {split} features of classes {missing}")
    if np.isin(known, dominant).all():
        raise DataError(f"special head: no {split} features of other classes than {list(dominant)}")
