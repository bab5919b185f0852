"""Has each head trained where it is cheaper, and at the other place where that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from specializer.errors import HeadRejected
from specializer.head_trainer import HeadTrainer, TrainingOrder, TrainingResult
from specializer.training_place import TrainingEffort, TrainingPrices

# Before the first head: what one takes that reads 512 features, priors moved, as it was measured; the first
# one opens the catalog, too.
FIRST_HERE = TrainingEffort(processor_s=0.02)
FIRST_THERE = TrainingEffort(processor_s=0.02, up_bytes=500.0, down_bytes=25_000.0)


@dataclass(slots=True, eq=False)
class _Order:
    order: TrainingOrder
    ends_s: float
    result: Future[TrainingResult] = field(default_factory=Future)
    under_way: Future[TrainingResult] | None = None
    first_error: BaseException | None = None


class PlacedHeadTrainer:
    """Implements HeadTrainer by two others.

    A head that was trained and rejected is not trained again: it would be the same one. Where both
    places fail, the first one's error is told.

    Args:
        here: trains on this device.
        there: has a server train.
        prices: of both.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        here: HeadTrainer,
        there: HeadTrainer,
        prices: TrainingPrices,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here, self._there = here, there
        self._prices = prices
        self._clock = clock
        self._lock = threading.Lock()
        self._efforts = {here: FIRST_HERE, there: FIRST_THERE}
        self._closed = False

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        """Take an order; see HeadTrainer."""
        placed = _Order(order, self._clock() + order.deadline_s)
        placed.result.add_done_callback(partial(self._cancelled, placed))
        self._begin_at(self._order_of_places(), placed)
        return placed.result

    def close(self) -> None:
        """Close both; see HeadTrainer."""
        self._closed = True
        self._here.close()
        self._there.close()

    def _order_of_places(self) -> list[HeadTrainer]:
        with self._lock:
            here, there = self._efforts[self._here], self._efforts[self._there]
        places = [self._here, self._there]
        return places[::-1] if self._prices.cheaper_there(here, there) else places

    def _begin_at(self, places: list[HeadTrainer], placed: _Order) -> None:
        left_s = placed.ends_s - self._clock()
        placed.under_way = places[0].begin(replace(placed.order, deadline_s=left_s))
        placed.under_way.add_done_callback(partial(self._ended, places, placed))

    def _ended(self, places: list[HeadTrainer], placed: _Order, training: Future[TrainingResult]) -> None:
        if placed.result.cancelled() or training.cancelled():
            return
        error = training.exception()
        if error is None:
            self._learn(places[0], training.result())
        elif places[1:] and not (self._closed or isinstance(error, HeadRejected)):
            placed.first_error = error
            self._begin_at(places[1:], placed)
            return
        if not placed.result.set_running_or_notify_cancel():
            return
        if error is None:
            placed.result.set_result(training.result())
        else:
            placed.result.set_exception(placed.first_error or error)

    def _learn(self, place: HeadTrainer, result: TrainingResult) -> None:
        with self._lock:
            self._efforts[place] = self._efforts[place].moved_to(TrainingEffort.of(result))

    def _cancelled(self, placed: _Order, result: Future[TrainingResult]) -> None:
        if result.cancelled() and placed.under_way is not None:
            placed.under_way.cancel()
