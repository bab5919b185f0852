from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from catalog.devices import DeviceProfile, RadioProfile
from catalog.heads import HeadWeights
from catalog.store import Catalog, open_catalog
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.cascade import CascadeRates
from specializer.errors import HeadRejected, NotTrainable, TrainerBroke, TrainingFailed, TrainingLate
from specializer.head_trainer import HeadTrainer, NoHeadTrainer, SecondOrder, TrainingOrder, TrainingResult
from specializer.placed_trainer import PlacedHeadTrainer
from specializer.special_head import SpecialHead
from specializer.training_effort import TrainingEffort
from specializer.training_place import TrainingPrices
from tests.catalog_builder import build_catalog
from tests.specializer.head_trainer_contract import ORDER, HeadTrainerContract

RADIO = RadioProfile(1e-6, 1e-6, 10.0)
LOST = TrainingEffort(0.5, up_bytes=500.0)
DEAR_HERE = TrainingPrices(DeviceProfile("hot", "nobody", 1.0, 1e6), RADIO)
DEAR_THERE = TrainingPrices(DeviceProfile("cool", "nobody", 1.0, 1e-6), RADIO)


def a_result(processor_s: float) -> TrainingResult:
    weights = HeadWeights(np.zeros((2, 4), np.float32), np.zeros(2, np.float32), 1.0)
    return TrainingResult(SpecialHead(weights, (1,), CascadeRates(1.0, 0.0, 1.0)), 1.0, processor_s)


class Asked:
    """A trainer whose orders a test ends as it likes."""

    def __init__(self, *, at_once: TrainingFailed | None = None) -> None:
        self.at_once = at_once
        self.orders: list[tuple[TrainingOrder, Future[TrainingResult]]] = []

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        future: Future[TrainingResult] = Future()
        self.orders.append((order, future))
        if self.at_once is not None:
            future.set_exception(self.at_once)
        return future

    def close(self) -> None:
        for _, future in self.orders:
            if not future.done():
                future.set_exception(TrainerBroke("closed"))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return open_catalog(build_catalog(tmp_path_factory.mktemp("catalog")))


@pytest.fixture(scope="module")
def trainer(catalog: Catalog) -> Iterator[HeadTrainer]:
    made = PlacedHeadTrainer(BackgroundHeadTrainer(catalog), NoHeadTrainer(), DEAR_THERE)
    yield made
    made.close()


@pytest.fixture
def closable(catalog: Catalog) -> Iterator[HeadTrainer]:
    made = PlacedHeadTrainer(BackgroundHeadTrainer(catalog), Asked(), DEAR_THERE)
    yield made
    made.close()


class TestPlacedHeadTrainer(HeadTrainerContract):
    pass


def test_the_cheaper_place_is_asked_alone() -> None:
    for prices, cheap in ((DEAR_HERE, 1), (DEAR_THERE, 0)):
        places = [Asked(), Asked()]
        PlacedHeadTrainer(places[0], places[1], prices).begin(ORDER)
        assert [len(p.orders) for p in places] == [1 - cheap, cheap]


def test_where_one_place_fails_the_other_has_the_time_that_is_left() -> None:
    now_s = 0.0
    here, there = Asked(), Asked()
    trainer = PlacedHeadTrainer(here, there, DEAR_HERE, lambda: now_s)
    begun = trainer.begin(replace(ORDER, deadline_s=10.0))
    now_s = 4.0
    there.orders[0][1].set_exception(TrainerBroke("lost"))
    assert here.orders[0][0].deadline_s == 6.0
    assert not begun.done()
    here.orders[0][1].set_exception(NotTrainable("nothing stored"))
    with pytest.raises(TrainerBroke, match="lost"):
        begun.result(0.0)


def test_a_rejected_head_is_not_trained_elsewhere() -> None:
    here, there = Asked(), Asked(at_once=HeadRejected("poor"))
    with pytest.raises(HeadRejected):
        PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER).result(0.0)
    assert not here.orders


def test_what_a_server_rejects_alone_is_trained_here_where_it_may_have_a_second_head() -> None:
    here, there = Asked(), Asked(at_once=HeadRejected("poor").took(LOST))
    order = replace(ORDER, second=SecondOrder("narrow", 0.5))
    begun = PlacedHeadTrainer(here, there, DEAR_HERE).begin(order)
    here.orders[0][1].set_result(a_result(0.25))
    assert begun.result(0.0).in_vain == (LOST,)


def test_what_is_rejected_here_with_a_second_head_is_not_sent_to_a_server_that_makes_none() -> None:
    here, there = Asked(at_once=HeadRejected("poor")), Asked()
    order = replace(ORDER, second=SecondOrder("narrow", 0.5))
    with pytest.raises(HeadRejected):
        PlacedHeadTrainer(here, there, DEAR_THERE).begin(order).result(0.0)
    assert not there.orders


def test_a_rejection_is_told_before_what_went_wrong_elsewhere() -> None:
    here, there = Asked(at_once=HeadRejected("poor")), Asked(at_once=TrainerBroke("lost"))
    with pytest.raises(HeadRejected):
        PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER).result(0.0)


def test_what_the_place_took_that_failed_is_told_with_the_head_of_the_other() -> None:
    here, there = Asked(), Asked(at_once=TrainerBroke("lost").took(LOST))
    begun = PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER)
    here.orders[0][1].set_result(a_result(0.25))
    assert begun.result(0.0).in_vain == (LOST,)
    assert begun.result(0.0).effort == TrainingEffort(0.25)


def test_where_both_places_fail_what_both_took_is_told() -> None:
    late = TrainingLate("late").took(TrainingEffort(3.0))
    here, there = Asked(at_once=late), Asked(at_once=TrainerBroke("lost").took(LOST))
    error = PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER).exception(0.0)
    assert isinstance(error, TrainerBroke)
    assert error.efforts == (LOST, TrainingEffort(3.0))


def test_an_order_that_is_being_trained_cannot_be_cancelled_and_tells_what_it_took() -> None:
    here, there = Asked(), Asked()
    begun = PlacedHeadTrainer(here, there, DEAR_THERE).begin(ORDER)
    assert here.orders[0][1].set_running_or_notify_cancel()
    assert not begun.cancel()
    here.orders[0][1].set_result(a_result(0.25))
    assert begun.result(0.0).processor_s == 0.25


def test_an_order_that_fails_after_it_was_given_up_goes_nowhere_else() -> None:
    here, there = Asked(), Asked()
    begun = PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER)
    there.orders[0][1].set_running_or_notify_cancel()
    assert not begun.cancel()
    there.orders[0][1].set_exception(TrainerBroke("given up").took(LOST))
    error = begun.exception(0.0)
    assert isinstance(error, TrainerBroke)
    assert error.efforts == (LOST,)
    assert not here.orders


def test_an_order_that_waits_at_the_second_place_ends_with_what_the_first_took() -> None:
    here, there = Asked(), Asked(at_once=TrainerBroke("lost").took(LOST))
    begun = PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER)
    begun.cancel()
    assert here.orders[0][1].cancelled()
    error = begun.exception(0.0)
    assert isinstance(error, TrainerBroke)
    assert error.efforts == (LOST,)


def test_a_cancelled_order_is_cancelled_where_it_is_and_goes_nowhere_else() -> None:
    here, there = Asked(), Asked()
    begun = PlacedHeadTrainer(here, there, DEAR_HERE).begin(ORDER)
    assert begun.cancel()
    assert there.orders[0][1].cancelled()
    assert not here.orders
