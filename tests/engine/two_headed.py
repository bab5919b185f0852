"""A trainer that makes two heads at once, and rates at which that pays on the built catalog."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np

from catalog.heads import HeadWeights
from catalog.store import Catalog
from specializer.cascade import CascadeRates
from specializer.errors import HeadRejected
from specializer.head_trainer import TrainingOrder, TrainingResult
from specializer.special_head import SecondHead, SpecialHead

TOOK_S = 0.002
# The small trunk knows half of its classes' windows, the narrow one all.
ON_TWO = {"small/identity": CascadeRates(0.5, 0.5, 1.0), "narrow/identity": CascadeRates(1.0, 0.0, 1.0)}
BOTH = CascadeRates(1.0, 0.0, 1.0, second_in=0.5, second_out=1.0)


class TwoHeaded:
    """Makes two heads where a second one is wanted, of which the second always answers; rejects others.

    Args:
        catalog: knows the trunks.
        first_passes_on: whether the first one says "other" to all, or to nothing.
    """

    def __init__(self, catalog: Catalog, first_passes_on: bool = True) -> None:
        self._catalog = catalog
        self._first_passes_on = first_passes_on
        self.orders: list[TrainingOrder] = []

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        self.orders.append(order)
        future: Future[TrainingResult] = Future()
        if order.second is None:
            future.set_exception(HeadRejected("too poor", TOOK_S))
            return future
        answered = len(order.dominant) if self._first_passes_on else 0
        second = SecondHead(order.second.trunk, self._always(order, order.second.trunk, 0), 0.5)
        first = self._always(order, order.trunk, answered)
        head = SpecialHead(first, order.dominant, BOTH, 0.5, second=second)
        future.set_result(TrainingResult(head, 0.1, TOOK_S))
        return future

    def close(self) -> None:
        return

    def _always(self, order: TrainingOrder, trunk: str, row: int) -> HeadWeights:
        """Return a head that is sure of one row, whatever it reads."""
        bias = np.zeros(len(order.dominant) + 1, np.float32)
        bias[row] = 9.0
        dim = self._catalog.trunks[trunk].feature_dim
        return HeadWeights(np.zeros((len(bias), dim), np.float32), bias, 1.0)
