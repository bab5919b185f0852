"""Which facilities to open: each has a price, which items that several need share, and serves clients.

With few facilities all sets are tried; with more, all pairs of the promising ones, and further ones are
added while that pays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

LEAST_GAIN = 1e-12
_MOST_ENUMERATED = 12
_MOST_PAIRED, _MOST_ALONE = 10, 2


def best_facilities(table: Float64, shares: Float64, item_price: Float64) -> Index:
    """Return the facilities to open so that gains less prices are highest; see the module.

    Args:
        table: (clients, facilities) what a client gains at a facility, at least 0.
        shares: (facilities, items) probability with which a facility needs an item.
        item_price: (items,).
    """
    if table.shape[1] <= _MOST_ENUMERATED:
        return _best_of_all(table, shares, item_price)
    return _best_by_pairs(table, shares, item_price)


def _best_of_all(table: Float64, shares: Float64, item_price: Float64) -> Index:
    """Try every set of facilities; exact."""
    clients, facilities = table.shape
    best = np.zeros((1, clients))
    needs = np.zeros((1, len(item_price)))
    for f in range(facilities):  # the sets without f, then the same with it: index = bit mask
        best = np.concatenate([best, np.maximum(best, table[:, f])])
        needs = np.concatenate([needs, np.maximum(needs, shares[f])])
    top = int(np.argmax(best.sum(axis=1) - needs @ item_price))
    return np.flatnonzero([(top >> f) & 1 for f in range(facilities)])


def _best_by_pairs(table: Float64, shares: Float64, item_price: Float64) -> Index:
    """Try every pair of the most promising facilities, then add further ones while that pays."""
    price = shares @ item_price
    promising = _promising(table, price)
    gains, needs_of = table[:, promising], shares[promising]
    pairs = np.maximum(gains.T[:, None, :], gains.T[None, :, :]).sum(axis=2)
    pair_price = np.maximum(needs_of[:, None, :], needs_of[None, :, :]) @ item_price
    first, second = np.unravel_index(int(np.argmax(pairs - pair_price)), pairs.shape)
    opened = [int(promising[first])] if first == second else [int(promising[first]), int(promising[second])]
    best, needs = table[:, opened].max(axis=1), shares[opened].max(axis=0)
    while True:
        more = np.maximum(best[:, None], table).sum(axis=0) - best.sum()
        extra = (np.maximum(needs, shares) - needs) @ item_price
        top = int(np.argmax(more - extra))
        if more[top] - extra[top] <= LEAST_GAIN:
            return np.array(opened, dtype=np.intp)
        opened.append(top)
        best, needs = np.maximum(best, table[:, top]), np.maximum(needs, shares[top])


def _promising(table: Float64, price: Float64) -> Index:
    """Return the facilities that are best for all clients together, and for each of them alone."""
    together = np.argsort(price - table.sum(axis=0))[:_MOST_PAIRED]
    alone = np.argsort(price - table, axis=1)[:, :_MOST_ALONE]
    return np.union1d(together, alone)
