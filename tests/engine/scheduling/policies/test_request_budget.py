from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduling.policies.candidates import candidates_of
from engine.scheduling.policies.request_budget import BudgetShares, RequestBudget
from engine.scheduling.policy import State
from engine.scheduling.problem import Option, Place, Problem, Stage
from tests.scheduling_problems import app, piece, shared_trunks

WHO = app("who")
LARGE, MIDDLE, SMALL = candidates_of(shared_trunks([WHO]), WHO).best_first


def budget_of(state: State, hz: float = 1.0, since_load_s: float = math.inf) -> RequestBudget:
    return BudgetShares(state).request(hz, since_load_s)


@given(
    frequencies=st.lists(st.floats(0.001, 100.0), min_size=1, max_size=6),
    left_j=st.floats(1.0, 1e6),
    left_s=st.floats(1.0, 1e5),
)
def test_without_loads_the_budgets_of_all_requests_add_up_to_what_is_left(
    frequencies: list[float], left_j: float, left_s: float
) -> None:
    shares = BudgetShares(State(left_j, period_left_s=left_s))
    for hz in frequencies:
        shares.count(Place.DEVICE, hz)
    total_j = 0.0
    for hz in frequencies:
        shares.discount(Place.DEVICE, hz)
        total_j += shares.request(hz, math.inf).energy_j * hz * left_s
        shares.count(Place.DEVICE, hz)
    assert total_j == pytest.approx(left_j, rel=1e-6)


def test_an_app_is_counted_where_it_is_cached_and_nowhere_else() -> None:
    shares = BudgetShares(State(80.0, 8.0, period_left_s=10.0))
    shares.count(Place.CLOUD, 1.0)
    shares.count(None, 5.0)
    budget = shares.request(1.0, math.inf)
    assert (budget.energy_j, budget.cost_usd) == (pytest.approx(8.0), pytest.approx(0.4))
    shares.discount(Place.CLOUD, 1.0)
    assert shares.request(1.0, math.inf).cost_usd == pytest.approx(0.8)


def test_an_app_alone_may_spend_what_is_left_over_its_expected_requests() -> None:
    budget = budget_of(State(40.0, period_left_s=10.0))
    assert budget.affords(MIDDLE)
    assert not budget.affords(LARGE)


def test_a_load_that_would_come_again_and_again_is_taken_off() -> None:
    budget = budget_of(State(50.0, period_left_s=10.0), since_load_s=5.0)
    assert budget.affords(MIDDLE, 5.0)  # 50 J - 5 J * 10 s / 5 s leave 4 J a request
    assert not budget.affords(MIDDLE, 6.0)


def test_a_load_costs_nothing_where_the_app_is_cached_nowhere() -> None:
    assert budget_of(State(40.0, period_left_s=10.0)).affords(MIDDLE, 1e6)


def test_a_period_without_a_known_end_is_taken_as_ten_hours() -> None:
    budget = budget_of(State(36_000.0 * 4.0))
    assert budget.affords(MIDDLE)
    assert not budget.affords(LARGE)


def test_without_a_limit_everything_is_affordable() -> None:
    assert budget_of(State(period_left_s=10.0), since_load_s=1e-9).affords(LARGE, 1e6)


def test_a_split_candidate_gets_its_share_of_either_budget() -> None:
    split = Option(
        "who",
        "split",
        0.9,
        (Stage(Place.DEVICE, ("front",)), Stage(Place.CLOUD, ("rest",), run_s=0.75, cost_usd=0.03)),
    )
    problem = Problem({"who": WHO}, {"who": (split,)}, {"front": piece(1.0, run_s=0.25)})
    (candidate,) = candidates_of(problem, WHO).best_first
    assert candidate.device_share == 0.25

    def affords(left_j: float, left_usd: float) -> bool:
        state = State(left_j, left_usd, period_left_s=10.0, connected=True)
        return budget_of(state).affords(candidate)

    assert affords(40.0, 0.4)  # 1 J <= 4 J * 0.25 and 0.03 $ <= 0.04 $ * 0.75
    assert not affords(39.0, 0.4)
    assert not affords(40.0, 0.39)
