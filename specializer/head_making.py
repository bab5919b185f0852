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
    ThresholdChoice,
)
from specializer.errors import HeadRejected
from specializer.generic_answers import GenericAnswers
from specializer.head_candidates import NewPriors, OwnLabels, retrained_head
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
    def generic_confidences(self) -> Float32:
        """What the generic head says of the validation rows, (M, C); far less to keep than their features."""
        assert self.generic is not None, "asked only where there is one"
        return self.generic.confidences(np.asarray(self.validation.features, np.float32))

    @functools.cached_property
    def counts(self) -> Int64:
        """Training rows of each class."""
        return np.bincount(self.train.labels)

    @functools.cached_property
    def classes(self) -> frozenset[int]:
        """Which classes there are training rows of."""
        return frozenset(np.flatnonzero(self.counts).tolist())

    @functools.cached_property
    def validation_classes(self) -> frozenset[int]:
        """Which classes there are validation rows of."""
        return frozenset(np.unique(self.validation.labels).tolist())


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
        choice = ThresholdChoice(rows, aim, behind)
        first = _made(material, classes, choice, rng)
        chosen, relief = first.threshold, None
        sure = chosen.confidence
        if second is not None:
            other = _made(second.material, classes, choice, rng)
            two = choose_two_thresholds(first.answers, other.answers, choice, second.cost)
            if two.rank(second.cost) < chosen.rank():
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
    material: Material, classes: tuple[int, ...], choice: ThresholdChoice, rng: np.random.Generator
) -> _Made:
    """Make the better one of a head with other priors and, where that knows little, a trained one."""
    rows, generic, skew = choice.rows, material.generic, min(choice.aim.skew, _MOST_SKEW)
    found = []
    if generic is not None:
        priors = NewPriors.of(material.counts, len(generic.bias), classes, skew)
        others = tuple(priors.order[len(classes) :].tolist())
        answers = HeadAnswers.of(priors.confidences(material.generic_confidences), rows, others)
        found.append(_Made(priors.head(generic), others, answers, choice.best(answers)))
    if not any(_knows_its_classes(made.threshold) for made in found):
        held_out = material.held_out
        trained = retrained_head(material.train, (held_out, rows), classes, skew, generic, rng)
        answers = HeadAnswers.of(trained.confidences(held_out), rows)
        found.append(_Made(trained, (), answers, choice.best(answers)))
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
    for split, known in (("training", material.classes), ("validation", material.validation_classes)):
        missing = sorted(set(classes) - known)
        if missing:
            raise DataError(f"special head: no {split} features of classes {missing}")
        if known <= set(classes):
            raise DataError(f"special head: no {split} features of other classes than {list(classes)}")
    return classes
