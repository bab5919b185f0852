"""Has each head trained where it is cheaper, and at the other place where that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from functools import partial

from specializer.errors import HeadRejected, TrainingFailed
from specializer.head_trainer import HeadTrainer, TrainingOrder, TrainingResult
from specializer.training_effort import TrainingEffort
from specializer.training_place import TrainingPrices

# Before the first head: what one takes that reads 512 features, priors moved, as it was measured; the first
# one opens the catalog, too.
FIRST_HERE = TrainingEffort(processor_s=0.02)
FIRST_THERE = TrainingEffort(processor_s=0.02, up_bytes=500.0, down_bytes=25_000.0)


class _Order(Future[TrainingResult]):
    """What becomes of an order. It is cancelled only where it could be at the place that has it.

    Args:
        order: itself.
        ends_s: its deadline.
    """

    def __init__(self, order: TrainingOrder, ends_s: float) -> None:
        super().__init__()
        self.order = order
        self.ends_s = ends_s
        self.under_way: Future[TrainingResult] | None = None
        self.withdrawn = False
        self.failures: list[TrainingFailed] = []

    @property
    def in_vain(self) -> tuple[TrainingEffort, ...]:
        """What places took that gave no head."""
        return tuple(effort for failure in self.failures for effort in failure.efforts)

    def cancel(self) -> bool:
        """Try to; see HeadTrainer."""
        self.withdrawn = True
        if self.under_way is not None:
            self.under_way.cancel()
        return self.cancelled()

    def give_up(self) -> None:
        """End without a head: cancelled where nothing was tried, else by what went wrong first.

        A rejection comes first of all: it is about the head, the others about a place.
        """
        if self.failures:
            told = next((f for f in self.failures if isinstance(f, HeadRejected)), self.failures[0])
            self.set_exception(told.took(*self.in_vain))
        elif super().cancel():
            self.set_running_or_notify_cancel()  # else who waits for several futures never learns of it


class PlacedHeadTrainer:
    """Implements HeadTrainer by two others.

    A head that was trained and rejected is not trained again: it would be the same one. Only where a
    second head may stand behind it, which a server makes none of, it is tried here as well. Where both
    places fail, the first one's error is told, with what both took.

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
        self._begin_at(self._order_of_places(), placed)
        return placed

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
        training = placed.under_way = places[0].begin(replace(placed.order, deadline_s=left_s))
        training.add_done_callback(partial(self._ended, places, placed))
        if placed.withdrawn:  # while it went from one place to the other
            training.cancel()

    def _ended(self, places: list[HeadTrainer], placed: _Order, training: Future[TrainingResult]) -> None:
        try:
            result = training.result()
        except CancelledError:
            placed.give_up()
        except TrainingFailed as e:
            placed.failures.append(e)
            if places[1:] and not (self._closed or placed.withdrawn or self._is_final(e, places[0], placed)):
                self._begin_at(places[1:], placed)
            else:
                placed.give_up()
        else:
            self._learn(places[0], result.effort)
            placed.set_result(replace(result, in_vain=placed.in_vain))

    def _is_final(self, error: TrainingFailed, place: HeadTrainer, placed: _Order) -> bool:
        """Tell whether the other place would say the same."""
        alone = place is self._there and placed.order.second is not None
        return isinstance(error, HeadRejected) and not alone

    def _learn(self, place: HeadTrainer, effort: TrainingEffort) -> None:
        with self._lock:
            self._efforts[place] = self._efforts[place].moved_to(effort)
