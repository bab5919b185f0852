"""Training a head on stored features: multinomial logistic regression, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from catalog.calibration import calibration_error, fit_temperature, log_likelihood_loss
from catalog.errors import DataError
from catalog.heads import HeadWeights
from catalog.logistic_regression import FeatureScale, fit_logistic

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

PENALTIES = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A head and how it does on the validation split.

    Args:
        accuracy: share of right answers, in [0, 1].
        calibration_error: expected calibration error after temperature scaling.
    """

    weights: HeadWeights
    accuracy: float
    calibration_error: float


def train_head(
    train: tuple[npt.NDArray[np.floating], Int64],
    validation: tuple[npt.NDArray[np.floating], Int64],
    classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> TrainedHead:
    """Train a head on features (N, D) and labels (N,) and calibrate it on the validation split.

    For each penalty minimises mean cross-entropy + penalty / 2 * |W|^2 over features scaled to unit
    variance; the penalty with the smallest validation loss stays. The scaling is folded into the
    weights. The result depends on the inputs alone: one thread, no randomness.

    Raises:
        DataError: no rows, labels outside 0..classes-1, fewer than two classes in train, or features
            that are not finite.
    """
    features, labels = train[0].astype(np.float32), train[1]
    held_out, held_labels = validation[0].astype(np.float32), validation[1]
    _check(features, labels, classes, "training")
    _check(held_out, held_labels, classes, "validation")
    if len(np.unique(labels)) < 2:
        raise DataError("head: the training features hold a single class: expected two or more")
    row_weights = np.full(len(labels), 1.0 / len(labels), np.float32)
    with threadpool_limits(limits=1):
        scale = FeatureScale.of(features)
        scaled = scale.apply(features)
        start = np.zeros((classes, features.shape[1] + 1))
        best: tuple[float, Float32, Float32] | None = None
        for penalty in sorted(penalties, reverse=True):
            start = fit_logistic(scaled, labels, row_weights, penalty, start)
            weight, bias = scale.unfold(start)
            loss = log_likelihood_loss(held_out @ weight.T + bias, held_labels)
            if best is None or loss < best[0]:
                best = (loss, weight, bias)
        assert best is not None
        return calibrated_head(best[1], best[2], (held_out, held_labels))


def calibrated_head(
    weight: Float32, bias: Float32, validation: tuple[npt.NDArray[np.floating], Int64]
) -> TrainedHead:
    """Return a head (C, D), (C,) with the temperature that fits the validation split."""
    features, labels = validation[0].astype(np.float32), validation[1]
    temperature = fit_temperature(features @ weight.T + bias, labels)
    head = HeadWeights(weight, bias, float(np.float32(temperature)))
    confidences = head.confidences(features)
    accuracy = float((confidences.argmax(axis=1) == labels).mean())
    return TrainedHead(head, accuracy, calibration_error(confidences, labels))


def _check(features: Float32, labels: Int64, classes: int, split: str) -> None:
    if len(labels) == 0 or len(labels) != len(features):
        raise DataError(f"head: {len(features)} rows of {split} features with {len(labels)} labels")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"head: {split} labels {labels.min()}..{labels.max()}: expected 0..{classes - 1}")
    if not np.isfinite(features).all():
        raise DataError(f"head: {split} features are not finite")
