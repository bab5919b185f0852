"""Few values for many weights: k-means over the weights of one layer (Han et al., ICLR 2016, section 3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

_MOST_ROUNDS = 300


def shared_values(weights: Float32, clusters: int) -> tuple[Float32, Int64]:
    """Return centroids, ascending, and the centroid of each weight.

    Starts from centroids evenly spaced over the range of the weights, which keeps some for the few
    large ones: they matter most and a start by density would leave them none (section 3.2). A cluster
    that gets no weight is dropped.

    Args:
        weights: (N,), zeros left out.
        clusters: at most this many.
    """
    if len(weights) == 0:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    values = weights.astype(np.float64)
    centroids = np.linspace(values.min(), values.max(), clusters)
    nearest = _nearest(values, centroids)
    for _ in range(_MOST_ROUNDS):
        used, nearest = np.unique(nearest, return_inverse=True)
        centroids = np.bincount(nearest, values) / np.bincount(nearest)
        moved = _nearest(values, centroids)
        if np.array_equal(moved, nearest):
            break
        nearest = moved
    used, nearest = np.unique(nearest, return_inverse=True)
    return centroids[used].astype(np.float32), nearest.astype(np.int64)


def _nearest(values: npt.NDArray[np.float64], centroids: npt.NDArray[np.float64]) -> Int64:
    """Return the nearest of ascending centroids to each value, (N,)."""
    return np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values)
