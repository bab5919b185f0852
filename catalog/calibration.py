"""Confidence that can be believed: temperature scaling and its error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

CALIBRATION_BINS = 15
_LOG_TEMPERATURE_RANGE = (-3.0, 3.0)


def log_likelihood_loss(logits: Float32, labels: Int64, row_weights: Float32 | None = None) -> float:
    """Return the mean negative log likelihood of labels (N,) under logits (N, C), in nats.

    Args:
        row_weights: (N,), not all 0; None for rows that count alike.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1, dtype=np.float64))
    losses = log_sums - shifted[np.arange(len(labels)), labels]
    return float(np.average(losses, weights=row_weights))


def fit_temperature(logits: Float32, labels: Int64, row_weights: Float32 | None = None) -> float:
    """Return the temperature that makes softmax(logits / temperature) fit held-out labels best.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2. The loss is convex in
    1 / temperature; the search is kept within [e^-3, e^3], so that few labels that happen to be all
    right cannot make it 0.

    Args:
        row_weights: (N,), not all 0; None for rows that count alike.
    """
    found = minimize_scalar(
        lambda t: log_likelihood_loss((logits / np.exp(t)).astype(np.float32), labels, row_weights),
        bounds=_LOG_TEMPERATURE_RANGE,
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(found.x))


def calibration_error(confidences: Float32, labels: Int64, bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error of class probabilities (N, C) in [0, 1].

    The sum over equally wide bins of top confidence of the share of windows in the bin times |its
    accuracy - its mean confidence| (Guo et al. 2017, equation 3).
    """
    top = confidences.max(axis=1)
    right = confidences.argmax(axis=1) == labels
    bin_of = np.minimum((top * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, weights=right.astype(np.float64) - top, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(labels), 1))
