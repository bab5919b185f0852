"""Taking some of many labelled rows so that every class has as nearly the same number as it can."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def class_quotas(counts: Int64, most: int) -> Int64:
    """Return how many rows of each class to take, at most so many together.

    Classes are filled like vessels with one water level: what a small class cannot use goes to the larger
    ones. What is left below one row for each class goes to the first of those that have more.

    Args:
        counts: rows that each class has, (C,).
        most: rows to take altogether, 0 or more.
    """
    quotas = np.zeros_like(counts)
    while (left := most - int(quotas.sum())) > 0 and (open_classes := np.flatnonzero(quotas < counts)).size:
        share = max(1, left // open_classes.size)
        filled = open_classes[:left]
        quotas[filled] = np.minimum(quotas[filled] + share, counts[filled])
    return quotas


def balanced_rows(labels: Int64, most: int, rng: np.random.Generator) -> Int64:
    """Draw row indices, ascending, of which every class has its quota; all rows where there are no more.

    Args:
        labels: class ids (N,).
        most: rows to take altogether.
        rng: draws within each class.
    """
    if len(labels) <= most:
        return np.arange(len(labels), dtype=np.int64)
    classes, counts = np.unique(labels, return_counts=True)
    quotas = class_quotas(counts.astype(np.int64), most)
    drawn = [
        rng.choice(np.flatnonzero(labels == c), quota, replace=False)
        for c, quota in zip(classes, quotas, strict=True)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)
