"""Which weights go: the smallest of each layer, a little more at each of several prunings.

Han, Pool, Tran and Dally, Learning both Weights and Connections for Efficient Neural Networks, NIPS
2015: weights below a threshold of their layer are removed, the rest is trained on, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def kept_shares(sizes: Sequence[int], share: float) -> list[float]:
    """Return the share of its weights that each layer keeps.

    The largest layer keeps the given share, one of a quarter of its size twice that: small layers have
    fewer weights to spare. On LeNet-5 this gives about what Han et al., ICLR 2016, table 3 arrive at by
    trying each layer.

    Args:
        sizes: weights of each layer.
        share: in (0, 1].
    """
    largest = max(sizes)
    return [min(1.0, share * float(np.sqrt(largest / n))) for n in sizes]


def pruning_rungs(final_share: float, rungs: int) -> list[float]:
    """Return the shares kept after each of several prunings, each the same factor below the one before."""
    return [float(final_share ** ((k + 1) / rungs)) for k in range(rungs)]


def largest_weights(weights: npt.NDArray[np.float32], share: float) -> npt.NDArray[np.bool_]:
    """Return which weights stay: those of the largest magnitude, at least one, none that is zero.

    Args:
        weights: of one layer, any shape.
        share: of all weights of the layer, zeros counted.
    """
    magnitudes = np.abs(weights).ravel()
    count = max(1, round(share * magnitudes.size))
    threshold = np.partition(magnitudes, magnitudes.size - count)[magnitudes.size - count]
    return np.asarray((np.abs(weights) >= threshold) & (weights != 0.0))
