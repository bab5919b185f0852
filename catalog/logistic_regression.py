"""Multinomial logistic regression by L-BFGS: features of unit variance, weighted rows, any start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_MOST_ITERATIONS = 200
_SMALLEST_SPREAD = 1e-6
# Features that are worked on at a time, so that they are read from memory once a pass, in place of three
# times, and that whatever runs meanwhile keeps its share of the processors' common cache.
_BLOCK_BYTES = 2**19
_LEAST_BLOCK_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScale:
    """Brings features to mean 0 and variance 1; penalties mean the same for every trunk then.

    Args:
        mean: (D,).
        spread: (D,), positive.
    """

    mean: Float32
    spread: Float32

    @classmethod
    def of(cls, features: Float32) -> FeatureScale:
        """Return the scale of features (N, D)."""
        return cls(features.mean(axis=0), features.std(axis=0) + np.float32(_SMALLEST_SPREAD))

    def apply(self, features: Float32) -> Float32:
        """Return features (N, D), scaled."""
        return np.ascontiguousarray((features - self.mean) / self.spread)

    def unfold(self, rows: Float64) -> tuple[Float32, Float32]:
        """Return weight (C, D) and bias (C,) on plain features for rows (C, D + 1) on scaled ones."""
        weight = (rows[:, :-1] / self.spread).astype(np.float32)
        return weight, (rows[:, -1] - rows[:, :-1] @ (self.mean / self.spread)).astype(np.float32)

    def fold(self, weight: Float32, bias: Float32) -> Float64:
        """Return rows (C, D + 1) on scaled features for weight (C, D) and bias (C,) on plain ones."""
        return np.concatenate([weight * self.spread, (bias + weight @ self.mean)[:, None]], 1).astype(
            np.float64
        )


def fit_logistic(
    features: Float32,
    labels: Int64,
    row_weights: Float32,
    penalty: float,
    start: Float64,
    most_iterations: int = _MOST_ITERATIONS,
) -> Float64:
    """Minimise sum of row weight * cross-entropy + penalty / 2 * |W|^2 and return (C, D + 1).

    Args:
        features: (N, D), scaled.
        labels: (N,).
        row_weights: (N,), together 1.
        penalty: on all but the last column, which is the bias.
        start: (C, D + 1).
        most_iterations: after which it ends in any case.
    """
    in_block = max(_LEAST_BLOCK_ROWS, _BLOCK_BYTES // max(1, features.shape[1] * features.itemsize))
    blocks = [slice(i, i + in_block) for i in range(0, len(labels), in_block)]

    def loss_and_slope(flat: Float64) -> tuple[float, Float64]:
        w = flat.reshape(start.shape).astype(np.float32)
        loss = 0.5 * penalty * float((w[:, :-1] ** 2).sum(dtype=np.float64))
        slope = np.zeros(start.shape)
        slope[:, :-1] = penalty * w[:, :-1]
        for block in blocks:
            losses, residual = _losses_and_residual(features[block] @ w[:, :-1].T + w[:, -1], labels[block])
            loss += float(losses.astype(np.float64) @ row_weights[block])
            residual *= row_weights[block, None]
            slope[:, :-1] += residual.T @ features[block]
            slope[:, -1] += residual.sum(axis=0)
        return loss, slope.ravel()

    found = minimize(
        loss_and_slope,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": most_iterations, "gtol": 1e-4},
    )
    return np.asarray(found.x, dtype=np.float64).reshape(start.shape)


def _losses_and_residual(logits: Float32, labels: Int64) -> tuple[Float32, Float32]:
    """Return each row's cross-entropy (N,) and its slope by the logits (N, C), which are overwritten."""
    rows = np.arange(len(labels))
    logits -= logits.max(axis=1, keepdims=True)
    exps = np.exp(logits)
    sums = exps.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - logits[rows, labels]
    residual = exps / sums
    residual[rows, labels] -= 1.0
    return losses, residual
