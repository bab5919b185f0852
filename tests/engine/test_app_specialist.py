"""One app's specialist where second heads pay: what it orders, offers and says was saved."""

from __future__ import annotations

import itertools

import pytest

from catalog.store import Catalog
from engine.app_specialist import AppSpecialist, Bench
from engine.head_orders import TrainingAccount
from engine.ledger import Ledger
from engine.period import FixedPeriod
from engine.reachable_cloud import NO_RADIO
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.problem import Budget
from specializer.cascade import RatesByCount
from specializer.head_trainer import SecondOrder
from specializer.policy import Seen
from specializer.training_place import TrainingPrices
from tests.engine.rig import PROFILE, WHO
from tests.engine.two_headed import BOTH, ON_TWO, TOOK_S, TwoHeaded

# Claimed of a window, heads included: see rig and catalog_builder.
WIDE_S, NARROW_S, SMALL_S = 1.005e-3, 0.505e-3, 0.105e-3


class Watched:
    """A specialist of one app that the wide variant answers, always with the same class."""

    def __init__(self, catalog: Catalog) -> None:
        self.trainer = TwoHeaded(catalog)
        ledger = Ledger(Budget(), FixedPeriod(600.0))
        account = TrainingAccount(ledger, TrainingPrices(PROFILE, NO_RADIO), TOOK_S)
        rates = {variant: RatesByCount({1: r, 5: r}) for variant, r in ON_TWO.items()}
        numbers = itertools.count(1)
        bench = Bench(
            catalog, self.trainer, rates, account, lambda trunk, task: f"{trunk}.{task}.{next(numbers)}"
        )
        self.problem = problem_from_catalog(catalog, [WHO], Budget(), PROFILE, catalog.measurements())
        self.specialist = AppSpecialist("who", bench)
        for i in range(200):
            self.specialist.observe(self.problem, Seen(None, 3), "wide/identity", frozenset(), i / 10)
            self.specialist.attend(i / 10)

    def saved_s(self, seen: Seen) -> float:
        return self.specialist.observe(self.problem, seen, None, frozenset(), 20.0)


def test_an_order_has_the_second_trunk_with_it_and_what_that_takes_of_the_generic_model(
    built_catalog: Catalog,
) -> None:
    orders = {o.trunk: o for o in Watched(built_catalog).trainer.orders}
    assert orders["small"].second == SecondOrder("narrow", pytest.approx(NARROW_S / WIDE_S))
    assert orders["narrow"].second is None


def test_both_heads_are_offered_with_what_each_holds(built_catalog: Catalog) -> None:
    specialist = Watched(built_catalog).specialist
    offer = specialist.offer()
    assert offer is not None and offer.second is not None
    trunks, variants = built_catalog.trunks, built_catalog.variants
    assert (offer.parts, offer.second.parts) == (trunks["small"].parts, trunks["narrow"].parts)
    assert offer.like == variants["small/identity"].head
    assert offer.second.like == variants["narrow/identity"].head
    rows = 2
    sizes = [4 * rows * (trunks[t].feature_dim + 1) for t in ("small", "narrow")]
    assert [offer.size_bytes, offer.second.size_bytes] == sizes
    assert offer.rates == BOTH
    assert specialist.head is not None
    assert [link.head for link in offer.links] == list(specialist.head.pieces)
    assert not specialist.has_changed()


@pytest.mark.parametrize(
    ("seen", "saved_s"),
    [
        (Seen(3, None, 0.9, cascaded=True), WIDE_S - SMALL_S),
        (Seen(3, None, 0.9, cascaded=True, second=True), WIDE_S - SMALL_S - NARROW_S),
        (Seen(3, 3, 0.9, cascaded=True), -SMALL_S),
        (Seen(None, 3, 0.9, cascaded=True, second=True), -SMALL_S - NARROW_S),
        (Seen(None, 3, 0.9), 0.0),
    ],
)
def test_what_a_window_saved_depends_on_which_models_were_asked(
    built_catalog: Catalog, seen: Seen, saved_s: float
) -> None:
    assert Watched(built_catalog).saved_s(seen) == pytest.approx(saved_s)


def test_the_share_that_is_offered_is_that_of_all_answers_since_the_last_change_by_who_gave_them(
    built_catalog: Catalog,
) -> None:
    watched = Watched(built_catalog)
    specialist, right = watched.specialist, built_catalog.variants["wide/identity"].validation_accuracy
    own = 200 - 4  # only the fifth answer tells what usually answers
    for _ in range(20):
        specialist.observe(watched.problem, Seen(None, 5), "wide/identity", frozenset(), 20.0)
    offer = specialist.offer()
    assert offer is not None
    assert offer.share == pytest.approx(own / (own + 20) / right)
    for _ in range(4):
        watched.saved_s(Seen(3, None, 0.9, cascaded=True))
    offer = specialist.offer()
    assert offer is not None
    seem = (4 + (own + 20) * right) / (own + 24)  # of all answers, if nothing else were seen
    assert offer.share == pytest.approx((own + 4) / (own + 24) / seem)


def test_it_has_drifted_once_the_share_is_quite_another_than_was_offered(built_catalog: Catalog) -> None:
    watched = Watched(built_catalog)
    specialist = watched.specialist
    drifted = []
    for _ in range(30):
        specialist.observe(watched.problem, Seen(None, 5), "wide/identity", frozenset(), 20.0)
        if len(drifted) == 10:
            specialist.offer()
        drifted.append(specialist.has_drifted())
    assert drifted == sorted(drifted)
    assert not any(drifted[:12])  # before anything was offered, and where it is hardly another one
    assert drifted[-1]
    specialist.offer()
    assert not specialist.has_drifted()
