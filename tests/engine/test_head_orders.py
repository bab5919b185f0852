"""Orders of heads: what becomes of them, and what they cost."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest

from catalog.devices import DeviceProfile, RadioProfile
from catalog.heads import HeadWeights
from engine.head_orders import HeadsWanted, TrainerOrders, TrainingAccount
from engine.ledger import Category, Ledger
from engine.period import FixedPeriod
from engine.scheduling.problem import Budget
from specializer.cascade import CascadeRates
from specializer.errors import (
    HeadRejected,
    NotTrainable,
    TrainerBroke,
    TrainerBusy,
    TrainingFailed,
    TrainingLate,
)
from specializer.head_trainer import NoHeadTrainer, SecondOrder, TrainingOrder, TrainingResult
from specializer.placed_trainer import FIRST_THERE, PlacedHeadTrainer
from specializer.policy import AIMED_SKEW
from specializer.special_head import SecondHead, SpecialHead
from specializer.specialist import NotTrained, Trained
from specializer.training_effort import TrainingEffort
from specializer.training_place import TrainingPrices

HEAD_S = 0.01
RADIO = RadioProfile(1e-6, 2e-6, mbps=8.0, tail_w=0.5, tail_s=2.0)
PRICES = TrainingPrices(DeviceProfile("made up", "nobody", 1.0, 2.0), RADIO, usd_per_s=2.0, usd_per_byte=1e-6)
SENT = TrainingEffort(30.0, up_bytes=500.0, at_most=True)
SENT_J = 500 * 1e-6 + 0.5 * 2.0


class Asked:
    """A trainer whose orders a test ends as it likes; each is being trained at once."""

    def __init__(self) -> None:
        self.orders: list[TrainingOrder] = []
        self.begun: list[Future[TrainingResult]] = []

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        self.orders.append(order)
        self.begun.append(Future())
        self.begun[-1].set_running_or_notify_cancel()
        return self.begun[-1]

    def close(self) -> None:
        return


class Desk:
    """An app's orders, and the ledger that they are booked in."""

    def __init__(self, energy_j: float = 1000.0, second: SecondOrder | None = None) -> None:
        self.trainer = Asked()
        self.ledger = Ledger(Budget(energy_j, 10.0), FixedPeriod(600.0))
        self.account = TrainingAccount(self.ledger, PRICES, HEAD_S)
        trainer = PlacedHeadTrainer(self.trainer, NoHeadTrainer(), PRICES)
        wanted = HeadsWanted("small", "identity", "wide", 0.95, second)
        self.orders = TrainerOrders(trainer, wanted, self.account, ("0", "1", "2"), "{}.{}".format)

    def order(self, *classes: int) -> Future[TrainingResult]:
        self.orders.order(classes, AIMED_SKEW, 0.0)
        return self.trainer.begun[-1]

    def charged(self) -> tuple[float, float]:
        self.account.settle(0.0)
        lines = [x for x in self.ledger.lines(0.0) if x.category is Category.TRAINING]
        return sum(x.energy_j for x in lines), sum(x.cost_usd for x in lines)


def a_result(processor_s: float, in_vain: tuple[TrainingEffort, ...] = ()) -> TrainingResult:
    weights = HeadWeights(np.zeros((2, 4), np.float32), np.zeros(2, np.float32), 1.0)
    return TrainingResult(
        SpecialHead(weights, (1,), CascadeRates(1.0, 0.0, 1.0)), 1.0, processor_s, in_vain=in_vain
    )


def two_heads() -> SpecialHead:
    """A head of two rows on "small", and one of three behind it on "narrow"."""
    first, behind = (HeadWeights(np.zeros((n, 4), np.float32), np.zeros(n, np.float32), 1.0) for n in (2, 3))
    second = SecondHead("narrow", behind, 0.8)
    rates = CascadeRates(0.9, 0.05, 0.9, second_in=0.3, second_out=0.95)
    return SpecialHead(first, (1,), rates, 0.6, second=second)


def test_an_order_names_the_second_trunk_and_what_it_costs() -> None:
    second = SecondOrder("narrow", 0.25)
    desk = Desk(second=second)
    desk.order(1)
    (order,) = desk.trainer.orders
    assert (order.trunk, order.generic_trunk, order.second) == ("small", "wide", second)


def test_a_head_with_a_second_one_becomes_two_variants_and_two_pieces() -> None:
    desk = Desk(second=SecondOrder("narrow", 0.25))
    head = two_heads()
    desk.order(1).set_result(TrainingResult(head, 1.0, 0.1))
    became = desk.orders.ready(0.0)
    assert isinstance(became, Trained)
    first, second = became.head.variants
    assert (first.id, first.trunk, first.head) == ("small/identity[1]", "small", "small.identity")
    assert (second.id, second.trunk, second.head) == ("narrow/identity[1]", "narrow", "narrow.identity")
    assert (first.classes, second.classes) == (("1", ""), ("1", "", ""))
    assert (first.threshold, second.threshold) == (0.6, 0.8)
    assert head.second is not None
    assert became.head.pieces == {first.head: head.weights, second.head: head.second.weights}
    assert became.active.rates is head.rates


def test_a_head_alone_is_one_variant_and_one_piece_though_a_second_was_wanted() -> None:
    desk = Desk(second=SecondOrder("narrow", 0.25))
    desk.order(1).set_result(a_result(0.1))
    became = desk.orders.ready(0.0)
    assert isinstance(became, Trained)
    assert became.head.variants == (became.head.variant,)
    assert became.head.pieces.keys() == {"small.identity"}


def test_an_order_that_is_superseded_while_it_is_trained_is_charged() -> None:
    desk = Desk()
    first = desk.order(1)
    second = desk.order(2)
    first.set_result(a_result(0.25))
    assert desk.charged() == (0.25 * 2.0, 0.0)
    second.set_result(a_result(0.5))
    assert desk.charged() == ((0.25 + 0.5) * 2.0, 0.0)
    assert desk.ledger.energy_left_j(0.0) == 1000.0 - 1.5  # nothing is held any longer


@pytest.mark.parametrize(
    ("error", "energy_j"),
    [
        (TrainingLate("late").took(TrainingEffort(3.0)), 6.0),
        (TrainerBroke("lost").took(TrainingEffort(0.5)), 1.0),
        (HeadRejected("poor", 0.25), 0.5),
        (TrainerBroke("closed"), 0.0),
    ],
)
def test_a_training_that_gave_no_head_is_charged_what_it_took(error: TrainingFailed, energy_j: float) -> None:
    desk = Desk()
    desk.order(1).set_exception(error)
    assert desk.charged() == (energy_j, 0.0)


def test_a_head_that_a_server_trained_and_rejected_costs_its_way_and_its_price() -> None:
    desk = Desk()
    effort = TrainingEffort(1.0, up_bytes=500.0, down_bytes=100.0)
    desk.order(1).set_exception(HeadRejected("poor").took(effort))
    energy_j, cost_usd = desk.charged()
    assert energy_j == pytest.approx(500 * 1e-6 + 100 * 2e-6 + 2 * 0.5 * 2.0)
    assert cost_usd == pytest.approx(2.0 * 1.0 + 600e-6)


def test_a_server_that_does_not_tell_how_long_it_worked_costs_at_most_what_was_held() -> None:
    desk = Desk()
    desk.order(1).set_exception(TrainerBroke("lost").took(SENT))
    energy_j, cost_usd = desk.charged()
    assert energy_j == pytest.approx(SENT_J)
    assert cost_usd == pytest.approx(PRICES.there(FIRST_THERE.times(3.0)).cost_usd)


def test_what_a_server_took_in_vain_is_charged_with_the_head_that_was_trained_here() -> None:
    desk = Desk()
    account, ledger = desk.account, desk.ledger
    training: Future[TrainingResult] = Future()
    held = account.hold(0.0)
    account.follow(training, held)  # type: ignore[arg-type]
    training.set_result(a_result(0.25, in_vain=(SENT,)))
    energy_j, cost_usd = desk.charged()
    assert energy_j == pytest.approx(SENT_J + 0.5)
    assert 0.0 < cost_usd <= PRICES.there(FIRST_THERE.times(3.0)).cost_usd
    assert ledger.energy_left_j(0.0) == pytest.approx(1000.0 - SENT_J - 0.5)
    assert account.heads == 1


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (HeadRejected("poor"), False),
        (NotTrainable("no rows"), False),
        (TrainerBusy("5 heads wait", 1.0), True),
        (TrainingLate("not trained within 30 s"), True),
        (TrainerBroke("lost"), True),
    ],
)
def test_only_what_the_head_or_the_catalog_lacks_lasts(error: TrainingFailed, passing: bool) -> None:
    desk = Desk()
    training = desk.order(1)
    assert desk.orders.ready(0.0) is None
    training.set_exception(error)
    assert desk.orders.ready(0.0) == NotTrained(str(error), passing)


def test_a_budget_that_is_gone_passes() -> None:
    desk = Desk(energy_j=0.0)
    desk.orders.order((1,), AIMED_SKEW, 0.0)
    became = desk.orders.ready(0.0)
    assert isinstance(became, NotTrained)
    assert became.passing
