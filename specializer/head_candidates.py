"""Two ways to a head for the classes that dominate: the generic head with other priors, and a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.calibration import fit_temperature
from catalog.class_balance import balanced_rows
from catalog.heads import Float32, HeadWeights
from catalog.logistic_regression import FeatureScale, fit_logistic
from catalog.store import StoredFeatures

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_HALF = 0.5
# Trunks tell their own training windows apart better than any others: less of it fits them too well.
_PENALTY = 3e-3
# Further ones change no answer: 30 and 60 give heads that pass on the same.
_MOST_ITERATIONS = 30
# Others that are drawn in any case: next to a class of few rows they would not say what "other" is.
_LEAST_OTHERS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class OwnLabels:
    """The rows of a split as a head for some classes sees them.

    Args:
        labels: class ids (N,) of the task.
        own: (N,) position of each row's class among the dominant ones, or their number for any other.
        dominant: how many classes dominate.
        row_weights: (N,), together 1: every dominant class weighs the same, likewise every other one.
    """

    labels: Int64
    own: Int64
    dominant: int
    row_weights: Float32

    @classmethod
    def of(cls, labels: Int64, dominant: tuple[int, ...], skew: float = _HALF) -> OwnLabels:
        """Return the rows of a split.

        Args:
            labels: class ids (N,); at least one row is dominant and one is not.
            dominant: class ids.
            skew: what the dominant classes weigh together, in (0, 1).
        """
        own = np.full(len(labels), len(dominant), np.int64)
        for position, class_id in enumerate(dominant):
            own[labels == class_id] = position
        return cls(labels, own, len(dominant), _row_weights(labels, own < len(dominant), skew))

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Which rows are of dominant classes, (N,)."""
        return self.own < self.dominant


def _row_weights(labels: Int64, inside: npt.NDArray[np.bool_], skew: float) -> Float32:
    weights = np.empty(len(labels))
    for rows, share in ((inside, skew), (~inside, 1.0 - skew)):
        _, of_class, counts = np.unique(labels[rows], return_inverse=True, return_counts=True)
        weights[rows] = share / (len(counts) * counts[of_class])
    return weights.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class NewPriors:
    """How often classes are seen now, against how often a generic head has seen them.

    Bayes' rule multiplies a class's odds by new over old prior (Saerens et al., Adjusting the Outputs of a
    Classifier to New a Priori Probabilities, Neural Computation 2002).

    Args:
        order: class ids, those that dominate first, (C,).
        ratios: new over old prior of each class in that order, (C,).
    """

    order: Int64
    ratios: Float64

    @classmethod
    def of(cls, seen: Int64, classes: int, dominant: tuple[int, ...], skew: float) -> NewPriors:
        """Return them where some classes dominate.

        Args:
            seen: how often the generic head has seen each class, (C,) or less where the last were never seen.
            classes: of the task.
            dominant: class ids.
            skew: what they hold together, in (0, 1).
        """
        others = other_classes(classes, dominant)
        order = np.asarray([*dominant, *others], np.int64)
        counts = np.ones(classes)
        counts[: len(seen)] += seen
        old = (counts / counts.sum())[order]
        new = np.concatenate(
            [np.full(len(dominant), skew / len(dominant)), np.full(len(others), (1.0 - skew) / len(others))]
        )
        return cls(order, new / old)

    def head(self, generic: HeadWeights) -> HeadWeights:
        """Return the generic head as it would be had it seen the classes as often as they are seen now.

        "Other" keeps a row for each class in it, which no single linear row can stand for.

        Args:
            generic: of all classes of the task, calibrated.
        """
        moved = generic.bias[self.order] + generic.temperature * np.log(self.ratios)
        return HeadWeights(generic.weight[self.order], moved.astype(np.float32), generic.temperature)

    def confidences(self, generic: Float32) -> Float32:
        """Return what that head says where it is known what the generic one does, without their features.

        Args:
            generic: its calibrated confidences, (N, C).
        """
        moved = generic[:, self.order] * self.ratios.astype(np.float32)
        moved /= moved.sum(axis=1, keepdims=True)
        return moved


def other_classes(classes: int, dominant: Sequence[int]) -> tuple[int, ...]:
    """Return which classes the further rows of an adapted head stand for, in order."""
    return tuple(c for c in range(classes) if c not in dominant)


def retrained_head(
    train: StoredFeatures,
    validation: tuple[Float32, OwnLabels],
    dominant: tuple[int, ...],
    skew: float,
    start: HeadWeights | None,
    rng: np.random.Generator,
) -> HeadWeights:
    """Train a head whose last row is "other" on rows of which half weigh as dominant and half as others.

    That make-up is MCDNN's (MobiSys 2016) and Sequential Specialization's; the priors are then moved to
    the skew as NewPriors does.

    Args:
        train: features (N, D) and labels (N,) of the task.
        validation: features (M, D), and their rows weighted half and half, for the temperature.
        dominant: class ids.
        skew: what they hold together, in (0, 1).
        start: generic head of all classes, whose rows the search begins with; None to begin with 0.
        rng: draws the rows.
    """
    rows = _drawn(OwnLabels.of(train.labels, dominant), rng)
    drawn = OwnLabels.of(train.labels[rows], dominant)
    features = np.asarray(train.features[rows], np.float32)
    scale = FeatureScale.of(features)
    found = fit_logistic(
        scale.apply(features),
        drawn.own,
        drawn.row_weights,
        _PENALTY,
        _first_guess(scale, start, dominant, features.shape[1]),
        _MOST_ITERATIONS,
    )
    weight, bias = scale.unfold(found)
    held_out, of_rows = validation
    temperature = fit_temperature(held_out @ weight.T + bias, of_rows.own, of_rows.row_weights)
    shares = np.append(np.full(len(dominant), skew), 1.0 - skew) / _HALF
    return HeadWeights(weight, (bias + temperature * np.log(shares)).astype(np.float32), temperature)


def _drawn(own: OwnLabels, rng: np.random.Generator) -> Int64:
    """Return all rows of dominant classes and about as many of others, balanced between those."""
    inside, outside = np.flatnonzero(own.inside), np.flatnonzero(~own.inside)
    wanted = max(len(inside), _LEAST_OTHERS)
    others = outside[balanced_rows(own.labels[outside], wanted, rng)]
    inside = inside[balanced_rows(own.labels[inside], max(len(others), 1), rng)]
    return np.sort(np.concatenate([inside, others])).astype(np.int64)


def _first_guess(
    scale: FeatureScale, start: HeadWeights | None, dominant: tuple[int, ...], dim: int
) -> Float64:
    if start is None:
        return np.zeros((len(dominant) + 1, dim + 1))
    others = np.setdiff1d(np.arange(len(start.bias)), dominant)
    weight = np.concatenate([start.weight[list(dominant)], start.weight[others].mean(axis=0)[None]])
    return scale.fold(weight, np.append(start.bias[list(dominant)], start.bias[others].mean()))
