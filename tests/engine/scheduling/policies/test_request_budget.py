from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduling.policies.candidates import candidates_of
from engine.scheduling.policies.request_budget import CachedSquares, request_budget
from engine.scheduling.policy import State
from engine.scheduling.problem import Option, Place, Problem, Stage
from tests.scheduling_problems import app, piece, shared_trunks

WHO = app("who")
LARGE, MIDDLE, SMALL = candidates_of(shared_trunks([WHO]), WHO).candidates


@given(
    frequencies=st.lists(st.floats(0.001, 100.0), min_size=1, max_size=6),
    left_j=st.floats(1.0, 1e6),
    left_s=st.floats(1.0, 1e5),
)
def test_without_loads_the_budgets_of_all_requests_add_up_to_what_is_left(
    frequencies: list[float], left_j: float, left_s: float
) -> None:
    total_j = 0.0
    for i, hz in enumerate(frequencies):
        others = CachedSquares(sum(f * f for j, f in enumerate(frequencies) if j != i))
        budget = request_budget(State(left_j, period_left_s=left_s), hz, others, math.inf)
        total_j += left_j * budget.device_share * hz * left_s
    assert total_j == pytest.approx(left_j)


def test_an_app_alone_may_spend_what_is_left_over_its_expected_requests() -> None:
    budget = request_budget(State(40.0, period_left_s=10.0), 1.0, CachedSquares(), math.inf)
    assert budget.affords_running(MIDDLE)
    assert not budget.affords_running(LARGE)


def test_a_load_that_would_come_again_and_again_is_taken_off() -> None:
    budget = request_budget(State(50.0, period_left_s=10.0), 1.0, CachedSquares(), 5.0)
    assert budget.affords_loading(MIDDLE, 5.0)  # 50 J - 5 J * 10 s / 5 s leave 4 J a request
    assert not budget.affords_loading(MIDDLE, 6.0)


def test_a_load_costs_nothing_where_the_app_is_cached_nowhere() -> None:
    budget = request_budget(State(40.0, period_left_s=10.0), 1.0, CachedSquares(), math.inf)
    assert budget.affords_loading(MIDDLE, 1e6)


def test_a_period_without_a_known_end_is_taken_as_ten_hours() -> None:
    budget = request_budget(State(36_000.0 * 4.0), 1.0, CachedSquares(), math.inf)
    assert budget.affords_running(MIDDLE)
    assert not budget.affords_running(LARGE)


def test_without_a_limit_everything_is_affordable() -> None:
    budget = request_budget(State(period_left_s=10.0), 1.0, CachedSquares(), 1e-9)
    assert budget.affords_loading(LARGE, 1e6)
    assert budget.affords_running(LARGE)


def test_a_split_candidate_gets_its_share_of_either_budget() -> None:
    split = Option(
        "who",
        "split",
        0.9,
        (Stage(Place.DEVICE, ("front",)), Stage(Place.CLOUD, ("rest",), run_s=0.75, cost_usd=0.03)),
    )
    problem = Problem({"who": WHO}, {"who": (split,)}, {"front": piece(1.0, run_s=0.25)})
    (candidate,) = candidates_of(problem, WHO).candidates
    assert candidate.device_share == 0.25

    def affords(left_j: float, left_usd: float) -> bool:
        state = State(left_j, left_usd, period_left_s=10.0, connected=True)
        return request_budget(state, 1.0, CachedSquares(), math.inf).affords_running(candidate)

    assert affords(40.0, 0.4)  # 1 J <= 4 J * 0.25 and 0.03 $ <= 0.04 $ * 0.75
    assert not affords(39.0, 0.4)
    assert not affords(40.0, 0.39)
