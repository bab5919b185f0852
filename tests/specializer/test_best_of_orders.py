from __future__ import annotations

from specializer.best_of_orders import BestOfOrders, Candidate
from specializer.cascade import CascadeRates, HeadCost
from specializer.policy import Active
from specializer.specialist import NotTrained, Trained
from tests.specializer.policies import STAKES

GOOD, POOR = CascadeRates(0.95, 0.02, 0.9), CascadeRates(0.5, 0.5, 0.9)
SKEW = 0.95


class Promised:
    """Gives what it was told to, at the time it was told."""

    def __init__(
        self,
        rates: CascadeRates | None,
        at_s: float = 0.0,
        passing: bool = False,
        falls_short: bool = False,
    ) -> None:
        self._rates = rates
        self._passing = passing
        self._falls_short = falls_short
        self._at_s = at_s
        self._classes: tuple[int, ...] | None = None

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        self._classes = classes

    def ready(self, now: float) -> Trained[str] | NotTrained | None:
        if self._classes is None or now < self._at_s:
            return None
        classes, self._classes = self._classes, None
        if self._rates is None:
            return NotTrained("not this one", self._passing)
        return Trained(Active(classes, self._rates), "", self._falls_short)


def best_of(*promised: tuple[Promised, float]) -> BestOfOrders[str]:
    found = BestOfOrders([Candidate(orders, HeadCost(cost)) for orders, cost in promised], STAKES, SKEW)
    found.order((4, 7), SKEW, 0.0)
    return found


def test_the_head_that_saves_most_is_taken_and_says_what_a_window_costs() -> None:
    became = best_of((Promised(POOR), 1.0), (Promised(GOOD), 3.0), (Promised(GOOD), 5.0)).ready(0.0)
    assert isinstance(became, Trained)
    assert became.active == Active((4, 7), GOOD, HeadCost(3.0))


def test_a_cheap_trunk_that_passes_on_much_loses_to_a_dear_one_that_does_not() -> None:
    passes = SKEW * (POOR.in_to_other - GOOD.in_to_other) * STAKES.generic_cost
    for dearer, taken in ((0.9 * passes, GOOD), (1.1 * passes, POOR)):
        became = best_of((Promised(POOR), 1.0), (Promised(GOOD), 1.0 + dearer)).ready(0.0)
        assert isinstance(became, Trained)
        assert became.active.rates == taken


def test_a_head_that_is_accurate_enough_is_taken_before_one_that_saves_more_and_may_not_be() -> None:
    became = best_of((Promised(GOOD, falls_short=True), 1.0), (Promised(POOR), 1.0)).ready(0.0)
    assert isinstance(became, Trained)
    assert became.active.rates == POOR


def test_a_head_that_saves_nothing_is_not_taken_for_its_accuracy() -> None:
    dear = 2.0 * STAKES.generic_cost
    became = best_of((Promised(GOOD), dear), (Promised(GOOD, falls_short=True), 1.0)).ready(0.0)
    assert isinstance(became, Trained)
    assert became.active.cost == HeadCost(1.0)


def test_nothing_is_taken_before_the_last_one_is_there() -> None:
    orders = best_of((Promised(GOOD), 1.0), (Promised(None, at_s=2.0), 1.0))
    assert orders.ready(1.0) is None
    assert isinstance(orders.ready(2.0), Trained)
    assert orders.ready(3.0) is None


def test_where_none_came_the_most_promising_trunk_says_why() -> None:
    became = best_of((Promised(None), 1.0), (Promised(None), 1.0)).ready(0.0)
    assert became == NotTrained("not this one")


def test_where_none_came_a_passing_reason_is_told_before_one_that_lasts() -> None:
    became = best_of((Promised(None), 1.0), (Promised(None, passing=True), 1.0)).ready(0.0)
    assert became == NotTrained("not this one", passing=True)


def test_another_order_takes_the_place_of_one_that_is_half_done() -> None:
    orders = best_of((Promised(GOOD), 1.0), (Promised(GOOD, at_s=2.0), 1.0))
    assert orders.ready(1.0) is None
    orders.order((1, 2), SKEW, 1.0)
    became = orders.ready(2.0)
    assert isinstance(became, Trained)
    assert became.active.classes == (1, 2)
