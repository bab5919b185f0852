"""A trainer that makes two heads at once, and rates at which that pays on the built catalog."""

from __future__ import annotations

from concurrent.futures import Future
from enum import Enum

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


class First(Enum):
    """What a first head makes of every window."""

    SURE = "sure"
    UNSURE = "unsure"
    OTHER = "other"


class TwoHeaded:
    """Makes two heads where a second one is wanted, of which the second always answers; rejects others.

    Args:
        catalog: knows the trunks.
        first: what the first one makes of every window.
        prior_shift: by how much what the generic variant answers behind them leans to their classes.
    """

    def __init__(self, catalog: Catalog, first: First = First.UNSURE, prior_shift: float = 0.0) -> None:
        self._catalog = catalog
        self._first = first
        self._prior_shift = prior_shift
        self.orders: list[TrainingOrder] = []

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        self.orders.append(order)
        future: Future[TrainingResult] = Future()
        if order.second is None:
            future.set_exception(HeadRejected("too poor", TOOK_S))
            return future
        answered = len(order.dominant) if self._first is First.OTHER else 0
        threshold = 1.0 if self._first is First.UNSURE else 0.5
        second = SecondHead(order.second.trunk, self._always(order, order.second.trunk, 0), 0.5)
        first = self._always(order, order.trunk, answered)
        shift = self._prior_shift
        head = SpecialHead(first, order.dominant, BOTH, threshold, second=second, prior_shift=shift)
        future.set_result(TrainingResult(head, 0.1, TOOK_S))
        return future

    def close(self) -> None:
        return

    def _always(self, order: TrainingOrder, trunk: str, row: int) -> HeadWeights:
        """Return a head that is sure of one row, if not wholly, whatever it reads."""
        bias = np.zeros(len(order.dominant) + 1, np.float32)
        bias[row] = 9.0
        dim = self._catalog.trunks[trunk].feature_dim
        return HeadWeights(np.zeros((len(bias), dim), np.float32), bias, 1.0)
