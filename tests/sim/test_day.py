from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduling.policies.mcdnn2016 import Mcdnn2016
from engine.scheduling.policies.original import Original
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import Budget, Problem
from sim.day import simulate_scenario, simulate_timed
from sim.scenario import Scenario
from tests.scheduling_problems import app, option, own_trunks, shared_trunks
from tests.sim.days import Always, arrivals, device, live


def test_a_window_waits_for_loading_running_and_the_windows_before_it() -> None:
    problem = shared_trunks([app("who")], load_share=1.0)  # large: 0.8 s to load, 0.8 s to run
    result, log = live(device(problem, arrivals(0.0, 1.0, 10.0)), Original)
    assert log.loads == [(0.8, "in", "large"), (0.8, "in", "large.who")]
    assert log.answers == [
        (1.6, "who", "large/who at device"),
        (2.4, "who", "large/who at device"),
        (10.8, "who", "large/who at device"),
    ]
    (who,) = result.apps
    assert (who.requests, who.served, who.accuracy) == (3, 3, pytest.approx(0.9))
    assert who.latency_s == pytest.approx((1.6 + 1.4 + 0.8) / 3)
    assert result.energy_j == {"loading": pytest.approx(8.0), "execution": pytest.approx(24.0)}
    assert (result.loads, result.evictions, result.memory_peak_bytes) == (2, 0, 800)


def test_loads_that_take_no_time_are_charged_all_the_same() -> None:
    problem = shared_trunks([app("who")], load_share=1.0)
    result, log = live(device(problem, arrivals(0.0)), Original, loads_take_time=False)
    assert log.answers == [(0.8, "who", "large/who at device")]
    assert result.energy_j["loading"] == pytest.approx(8.0)


def test_a_policy_hears_how_long_a_window_has_waited_and_in_which_context() -> None:
    problem = shared_trunks([app("who")])
    policy = Always([option("who", "large", 0.9)])
    live(device(problem, arrivals(0.0, 0.5, context="office")), lambda _: policy)
    assert [s.backlog_s for s in policy.states] == [0.0, pytest.approx(0.3)]
    assert {s.context for s in policy.states} == {"office"}


def test_a_late_answer_is_unserved_and_charged_all_the_same() -> None:
    problem = shared_trunks([app("who", latency_limit_s=0.9)])
    result, log = live(device(problem, arrivals(0.0, 0.1)), Original)
    assert log.answers == [(0.8, "who", "large/who at device"), (0.1, "who", "late")]
    assert (result.served_share, result.accuracy) == (0.5, pytest.approx(0.45))
    assert result.total_energy_j == pytest.approx(16.0)


def test_without_energy_requests_are_counted_and_not_answered_until_it_renews() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=20.0, period_s=10.0))
    result, log = live(device(problem, arrivals(0.0, 2.0, 4.0, 11.0)), Original)
    assert log.answers == [
        (0.8, "who", "large/who at device"),
        (2.0, "who", "energy budget gone"),
        (4.0, "who", "energy budget gone"),
        (11.8, "who", "large/who at device"),
    ]
    assert result.unserved == result.apps[0].unserved == {"energy budget gone": 2}
    assert (result.overdraft_j, result.periods) == (0.0, 2)


def test_a_policy_hears_of_a_renewed_budget() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=20.0, period_s=10.0))
    policy = Always([option("who", "small", 0.6)])
    live(device(problem, arrivals(0.0, 1.0, 12.0, 13.0, 35.0)), lambda _: policy)
    assert policy.budgets_j == [20.0, 20.0]
    assert [s.energy_left_j for s in policy.states] == [20.0, 19.0, 20.0, 19.0, 20.0]


def test_without_admission_what_is_chosen_runs_and_is_overdrawn() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=20.0, period_s=100.0))
    choosing = Always([option("who", "large", 0.9)])
    day = device(problem, arrivals(0.0, 10.0, 20.0, 30.0))
    result, _ = live(day, lambda _: choosing, admission=False)
    assert (result.served, result.overdraft_j) == (4, pytest.approx(12.0))
    assert result.accuracy == pytest.approx(0.9)
    assert (result.accuracy_until_exhausted, result.exhausted_s) == (pytest.approx(0.45), 20.0)
    within, _ = live(day, lambda _: choosing)
    assert (within.served, within.overdraft_j, within.exhausted_s) == (1, 0.0, None)
    assert within.accuracy_until_exhausted == within.accuracy


def test_what_goes_beyond_the_rate_of_a_plan_is_counted_and_not_asked() -> None:
    problem = shared_trunks([app("who"), app("odd")])
    options = [option("who", "small", 0.6), option("odd", "small", 0.6)]
    times_s = [0.5 * i for i in range(40)]
    day = device(problem, arrivals(*times_s, due=("who", "odd")))
    result, _ = live(day, lambda _: Always(options, rates_hz={"who": 0.5}))
    who, odd = result.apps
    assert (who.served, who.unserved) == (10, {"rate lowered by the plan": 30})
    assert (odd.served, odd.unserved) == (40, {})


def test_models_that_do_not_fit_together_evict_one_another_within_the_limit() -> None:
    problem = own_trunks([app("who"), app("odd")], Budget(memory_bytes=1000), load_share=1.0)
    result, log = live(device(problem, arrivals(0.0, 5.0, due=("who", "odd"))), Original)
    assert [(what, piece) for _, what, piece in log.loads if not piece.count(".")] == [
        ("in", "large of who"),
        ("out", "large of who"),
        ("in", "large of odd"),
        ("out", "large of odd"),
        ("in", "large of who"),
        ("out", "large of who"),
        ("in", "large of odd"),
    ]
    assert result.served == 4
    assert result.memory_peak_bytes <= 1000


def test_a_better_variant_is_loaded_beside_the_one_that_answers() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=90.0, period_s=100.0), load_share=1.0)
    day = device(problem, arrivals(0.0, 99.0, 99.5, 101.0, 102.0))
    # 9 J a request, but large loads and runs too slowly on a miss
    _, log = live(day, lambda p: Mcdnn2016(p, {"who": 0.1}))
    assert log.answers == [
        (0.8, "who", "middle/who at device"),
        (99.4, "who", "middle/who at device"),
        (99.9, "who", "middle/who at device"),
        (101.4, "who", "middle/who at device"),
        (102.8, "who", "large/who at device"),
    ]
    assert (100.2, "in", "large") in log.loads


def test_decoding_and_finding_windows_is_charged_as_time_goes_by() -> None:
    problem = replace(shared_trunks([app("who")]), frames_hz=10.0, frame_energy_j=0.05)
    result, _ = live(device(problem, arrivals(0.0, 20.0)), Original)
    assert result.energy_j["extraction"] == pytest.approx(10.0)


def test_the_parts_of_a_plan_are_loaded_before_they_are_asked_for() -> None:
    problem = shared_trunks([app("who")], Budget(1e6, period_s=100.0), load_share=1.0, windows_hz=0.1)
    result, log = live(device(problem, arrivals(0.0, 10.0)), POLICIES["best-static"])
    assert log.loads[0] == (0.8, "in", "large")
    assert [t for t, *_ in log.answers] == [1.6, 10.8]
    assert result.plans == 2


def test_an_empty_day_is_a_result_too() -> None:
    result, log = live(device(shared_trunks([app("who")]), []), Original)
    assert (result.requests, result.served_share, result.accuracy, log.answers) == (0, 1.0, 0.0, [])


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_budget_of_zero_serves_nothing_and_says_why(name: str) -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=0.0, period_s=10.0), windows_hz=1.0)
    result, _ = live(device(problem, arrivals(0.0, 1.0)), POLICIES[name])
    assert (result.served, result.total_energy_j, result.overdraft_j) == (0, 0.0, 0.0)
    assert sum(result.unserved.values()) == 2
    assert all(result.unserved)


def test_a_measured_day_is_the_same_day() -> None:
    problem = shared_trunks([app("who")], windows_hz=1.0)
    scenario = Scenario("test", (device(problem, arrivals(0.0, 1.0)),))
    readings = iter(range(1000))
    timed = simulate_timed(scenario, POLICIES["best-static"], lambda: float(next(readings)))
    assert timed == simulate_scenario(scenario, POLICIES["best-static"])
    assert timed[0].timing is not None
    assert timed[0].timing.plan_s == 2.0  # making the policy, and one plan
    assert timed[0].timing.choose_p99_s == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=20, deadline=None)
@given(
    waits_s=st.lists(st.sampled_from([0.0, 0.1, 1.0, 30.0]), max_size=25),
    energy_j=st.sampled_from([0.0, 30.0, 300.0, math.inf]),
    memory_bytes=st.sampled_from([100, 450, 900, math.inf]),
    make=st.sampled_from([shared_trunks, own_trunks]),
)
def test_every_request_is_counted_and_no_limit_is_exceeded(
    name: str, waits_s: list[float], energy_j: float, memory_bytes: float, make: Callable[..., Problem]
) -> None:
    apps = [app("who"), app("odd", latency_limit_s=3.0)]
    budget = Budget(energy_j, period_s=60.0, memory_bytes=memory_bytes)
    problem = make(apps, budget, 0.5, 1.0)
    times_s = [sum(waits_s[: i + 1]) for i in range(len(waits_s))]
    result, log = live(device(problem, arrivals(*times_s, due=("who", "odd"))), POLICIES[name])
    assert result.requests == 2 * len(waits_s) == len(log.answers)
    assert result.served == sum(" at " in detail for _, _, detail in log.answers)
    assert result.served + sum(result.unserved.values()) == result.requests
    assert result.memory_peak_bytes <= memory_bytes
    assert result.overdraft_j == 0.0
    assert result.energy_j == pytest.approx({c.value: j for c, j in log.spent_j.items() if j > 0.0})
