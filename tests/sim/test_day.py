from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduling.policies.mcdnn2016 import Mcdnn2016
from engine.scheduling.policies.original import Original
from engine.scheduling.policies.table import POLICIES, make_policy
from engine.scheduling.policy import Policy
from engine.scheduling.problem import Budget, Problem
from sim.day import Happening, simulate_day
from sim.report import DayResult
from sim.traces import Arrival
from tests.scheduling_problems import app, own_trunks, shared_trunks


def arrivals(*times_s: float, due: tuple[str, ...] = ("who",)) -> list[Arrival]:
    return [Arrival(t, "cam", str(i), "digit", due) for i, t in enumerate(times_s)]


def day_log(problem: Problem, policy: Policy, asked: Sequence[Arrival]) -> tuple[DayResult, list[Happening]]:
    """Run a day; the times of the log are rounded to a nanosecond."""
    log: list[Happening] = []
    result = simulate_day(
        problem, policy, asked, on_happening=lambda h: log.append(replace(h, t_s=round(h.t_s, 9)))
    )
    return result, log


def test_a_window_waits_for_loading_running_and_the_windows_before_it() -> None:
    problem = shared_trunks([app("who")], load_share=1.0)  # large: 0.8 s to load, 0.8 s to run
    result, log = day_log(problem, Original(problem), arrivals(0.0, 1.0, 10.0))
    assert log == [
        Happening(0.8, "loaded", "large"),
        Happening(0.8, "loaded", "large.who"),
        Happening(1.6, "answered", "who", "large/who"),
        Happening(2.4, "answered", "who", "large/who"),
        Happening(10.8, "answered", "who", "large/who"),
    ]
    (who,) = result.apps
    assert (who.requests, who.served, who.accuracy) == (3, 3, pytest.approx(0.9))
    assert who.latency_s == pytest.approx((1.6 + 1.4 + 0.8) / 3)
    assert result.energy_j == {"loading": pytest.approx(8.0), "execution": pytest.approx(24.0)}
    assert (result.loads, result.evictions, result.memory_peak_bytes) == (2, 0, 800)


def test_a_late_answer_is_unserved_and_charged_all_the_same() -> None:
    problem = shared_trunks([app("who", latency_limit_s=0.9)])
    result, log = day_log(problem, Original(problem), arrivals(0.0, 0.1))
    assert log[-2:] == [
        Happening(0.8, "answered", "who", "large/who"),
        Happening(1.6, "unserved", "who", "late"),
    ]
    assert (result.served_share, result.accuracy) == (0.5, pytest.approx(0.45))
    assert result.total_energy_j == pytest.approx(16.0)


def test_without_energy_requests_are_counted_and_not_answered_until_it_renews() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=20.0, period_s=10.0))
    result, log = day_log(problem, Original(problem), arrivals(0.0, 2.0, 4.0, 11.0))
    assert [(h.t_s, h.what, h.detail) for h in log if h.subject == "who"] == [
        (0.8, "answered", "large/who"),
        (2.0, "unserved", "energy budget gone"),
        (4.0, "unserved", "energy budget gone"),
        (11.8, "answered", "large/who"),
    ]
    assert result.apps[0].unserved == {"energy budget gone": 2}
    assert result.overdraft_j == 0.0


def test_models_that_do_not_fit_together_evict_one_another_within_the_limit() -> None:
    problem = own_trunks([app("who"), app("odd")], Budget(memory_bytes=1000), load_share=1.0)
    result, log = day_log(problem, Original(problem), arrivals(0.0, 5.0, due=("who", "odd")))
    assert [(h.what, h.subject) for h in log if not h.subject.count(".")] == [
        ("loaded", "large of who"),
        ("answered", "who"),
        ("evicted", "large of who"),
        ("loaded", "large of odd"),
        ("answered", "odd"),
        ("evicted", "large of odd"),
        ("loaded", "large of who"),
        ("answered", "who"),
        ("evicted", "large of who"),
        ("loaded", "large of odd"),
        ("answered", "odd"),
    ]
    assert result.served == 4
    assert result.memory_peak_bytes <= 1000


def test_a_better_variant_is_loaded_beside_the_one_that_answers() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=90.0, period_s=100.0), load_share=1.0)
    policy = Mcdnn2016(problem, {"who": 0.1})  # 9 J a request, but large loads and runs too slowly on a miss
    _, log = day_log(problem, policy, arrivals(0.0, 99.0, 99.5, 101.0, 102.0))
    assert [(h.t_s, h.what, h.subject, h.detail) for h in log if "." not in h.subject] == [
        (0.4, "loaded", "middle", ""),
        (0.8, "answered", "who", "middle/who"),
        (99.4, "answered", "who", "middle/who"),
        (99.9, "answered", "who", "middle/who"),
        (100.2, "loaded", "large", ""),
        (101.4, "answered", "who", "middle/who"),
        (102.8, "answered", "who", "large/who"),
    ]


def test_decoding_and_finding_windows_is_charged_as_time_goes_by() -> None:
    problem = replace(shared_trunks([app("who")]), frames_hz=10.0, frame_energy_j=0.05)
    result, _ = day_log(problem, Original(problem), arrivals(0.0, 20.0))
    assert result.energy_j["extraction"] == pytest.approx(10.0)


def test_the_parts_of_a_plan_are_loaded_before_they_are_asked_for() -> None:
    problem = shared_trunks([app("who")], Budget(1e6, period_s=100.0), load_share=1.0, windows_hz=0.1)
    _, log = day_log(problem, make_policy("best-static", problem), arrivals(0.0, 10.0))
    assert [h.what for h in log] == ["loaded", "loaded", "answered", "answered"]
    assert log[2].t_s == pytest.approx(1.6)


def test_an_empty_day_is_a_result_too() -> None:
    problem = shared_trunks([app("who")])
    result, log = day_log(problem, Original(problem), [])
    assert (result.requests, result.served_share, result.accuracy, log) == (0, 1.0, 0.0, [])


def test_a_budget_of_zero_serves_nothing_and_says_why() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=0.0, period_s=10.0), windows_hz=1.0)
    for name in POLICIES:
        result, _ = day_log(problem, make_policy(name, problem), arrivals(0.0, 1.0))
        assert (result.served, result.total_energy_j, result.overdraft_j) == (0, 0.0, 0.0)
        assert sum(result.apps[0].unserved.values()) == 2
        assert all(result.apps[0].unserved)


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=25, deadline=None)
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
    result, log = day_log(problem, make_policy(name, problem), arrivals(*times_s, due=("who", "odd")))
    assert result.requests == 2 * len(waits_s) == sum(h.what in ("answered", "unserved") for h in log)
    assert result.served == sum(h.what == "answered" for h in log)
    assert result.memory_peak_bytes <= memory_bytes
    loads_j = result.energy_j.get("loading", 0.0)
    assert result.overdraft_j <= loads_j + 1e-9  # only loads in the background are not reserved
    assert [h.t_s for h in log] == sorted(h.t_s for h in log)
