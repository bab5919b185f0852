from __future__ import annotations

from dataclasses import replace

import pytest

from engine.scheduling.policies.mcdnn2016 import Mcdnn2016
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import Budget, Option, Place, Problem, Stage
from tests.scheduling_problems import all_resident, app, own_trunks, shared_trunks

ONE_HZ = {"who": 1.0, "odd": 1.0}


def variants(choice: Choice) -> dict[str, str]:
    return {a: o.variant for a, o in choice.options.items()}


def resident(problem: Problem, energy_left_j: float, *trunks: str) -> State:
    """Ten seconds are left, and these trunks are in memory with all heads."""
    pieces = frozenset(p for p in problem.pieces if p in trunks or "." in p)
    return State(energy_left_j, period_left_s=10.0, resident=pieces)


def test_the_most_accurate_variant_within_the_request_s_budget_runs() -> None:
    problem = shared_trunks([app("who")])
    for left_j, variant in ((80.0, "large/who"), (79.0, "middle/who"), (39.0, "small/who")):
        policy = Mcdnn2016(problem, ONE_HZ)
        assert variants(policy.choose("digit", ["who"], resident(problem, left_j), 0.0)) == {"who": variant}


def test_apps_divide_the_budget_by_their_frequencies() -> None:
    problem = own_trunks([app("who"), app("odd")])
    policy = Mcdnn2016(problem, {"who": 1.0, "odd": 2.0})
    state = all_resident(problem, 80.0, period_left_s=10.0)
    policy.choose("digit", ["who", "odd"], state, 0.0)
    choice = policy.choose("digit", ["who", "odd"], state, 1.0)
    choice = policy.choose("digit", ["who", "odd"], state, 2.0)
    # b_who = 80 * 1 / (10 * 5) = 1.6 J, b_odd = 80 * 2 / (10 * 5) = 3.2 J
    assert variants(choice) == {"who": "small of who/who", "odd": "small of odd/odd"}
    state = all_resident(problem, 100.0, period_left_s=10.0)
    policy.choose("digit", ["odd"], state, 3.0)
    # b_odd = 4 J
    assert variants(policy.choose("digit", ["odd"], state, 4.0)) == {"odd": "middle of odd/odd"}


def test_if_nothing_is_affordable_the_cheapest_runs_while_energy_is_left() -> None:
    problem = shared_trunks([app("who")])
    policy = Mcdnn2016(problem, ONE_HZ)
    assert variants(policy.choose("digit", ["who"], resident(problem, 2.0), 0.0)) == {"who": "small/who"}
    gone = policy.choose("digit", ["who"], resident(problem, 0.9), 1.0)
    assert gone.unserved == {"who": "energy budget gone"}


def test_what_the_worst_case_does_not_cover_is_turned_away() -> None:
    problem = shared_trunks([app("who")])
    gone = Mcdnn2016(problem, ONE_HZ).choose("digit", ["who"], resident(problem, 1.9), 0.0)
    assert gone.unserved == {"who": "energy budget gone"}


def test_a_cached_app_runs_what_is_cached_and_is_updated_in_the_background() -> None:
    problem = shared_trunks([app("who")])
    policy = Mcdnn2016(problem, ONE_HZ)
    small = resident(problem, 30.0, "small")
    assert variants(policy.choose("digit", ["who"], small, 0.0)) == {"who": "small/who"}

    richer = resident(problem, 80.0, "small")
    choice = policy.choose("digit", ["who"], richer, 1.0)
    assert (variants(choice), choice.wanted) == ({"who": "small/who"}, ("large", "large.who"))

    loaded = resident(problem, 80.0, "small", "large")
    choice = policy.choose("digit", ["who"], loaded, 2.0)
    assert (variants(choice), choice.wanted) == ({"who": "small/who"}, ())
    assert variants(policy.choose("digit", ["who"], loaded, 3.0)) == {"who": "large/who"}


def test_in_a_replay_the_new_variant_answers_the_same_request() -> None:
    problem = shared_trunks([app("who")])
    policy = Mcdnn2016(problem, ONE_HZ, immediate=True)
    policy.choose("digit", ["who"], resident(problem, 30.0, "small"), 0.0)
    choice = policy.choose("digit", ["who"], resident(problem, 80.0, "small"), 1.0)
    assert (variants(choice), choice.wanted) == ({"who": "large/who"}, ())


def test_on_a_miss_only_what_loads_and_runs_in_acceptable_time_is_taken() -> None:
    problem = shared_trunks([app("who")], load_share=1.0)  # large: 0.8 s to load and 0.8 s to run
    policy = Mcdnn2016(problem, ONE_HZ)
    assert variants(policy.choose("digit", ["who"], resident(problem, 80.0), 0.0)) == {"who": "middle/who"}
    patient = Mcdnn2016(problem, ONE_HZ, acceptable_s=2.0)
    assert variants(patient.choose("digit", ["who"], resident(problem, 80.0), 0.0)) == {"who": "large/who"}


def test_a_variant_that_was_loaded_a_moment_ago_is_not_replaced() -> None:
    problem = shared_trunks([app("who")], load_share=1.0)
    policy = Mcdnn2016(problem, ONE_HZ)
    policy.choose("digit", ["who"], resident(problem, 30.0), 0.0)
    # large costs 8 J to load: 80 J - 8 J * 10 s / 1 s leave nothing, 80 J - 8 J * 10 s / 100 s leave 7.9 J
    assert policy.choose("digit", ["who"], resident(problem, 80.0, "small"), 1.0).wanted == (
        "middle",
        "middle.who",
    )
    assert policy.choose("digit", ["who"], resident(problem, 41.0, "small"), 1.0).wanted == ()
    assert policy.choose("digit", ["who"], resident(problem, 81.0, "small"), 100.0).wanted[0] == "large"


def test_an_app_whose_parts_were_evicted_no_longer_counts() -> None:
    problem = own_trunks([app("who"), app("odd")])
    policy = Mcdnn2016(problem, ONE_HZ)
    policy.choose("digit", ["odd"], resident(problem, 80.0), 0.0)
    alone = policy.choose("digit", ["who"], resident(problem, 80.0), 1.0)
    assert variants(alone) == {"who": "large of who/who"}
    policy = Mcdnn2016(problem, ONE_HZ)
    policy.choose("digit", ["odd"], resident(problem, 80.0), 0.0)
    beside = policy.choose("digit", ["who"], resident(problem, 80.0, "large of odd"), 1.0)
    assert variants(beside) == {"who": "middle of who/who"}


def test_apps_of_one_window_do_not_choose_what_does_not_fit_together() -> None:
    problem = own_trunks([app("who"), app("odd")], Budget(memory_bytes=1200))
    policy = Mcdnn2016(problem, ONE_HZ)
    choice = policy.choose("digit", ["who", "odd"], State(1e9, period_left_s=10.0), 0.0)
    assert variants(choice) == {"who": "large of who/who", "odd": "middle of odd/odd"}


def test_a_variant_that_is_always_late_is_never_chosen() -> None:
    problem = shared_trunks([app("who", latency_limit_s=1.0), app("odd", latency_limit_s=0.1)])
    choice = Mcdnn2016(problem).choose("digit", ["who", "odd"], all_resident(problem), 0.0)
    assert variants(choice) == {"who": "middle/who"}
    assert choice.unserved == {"odd": "no variant is fast enough for the latency limit"}


def test_frequencies_are_measured_where_none_are_given() -> None:
    problem = shared_trunks([app("who")])
    policy = Mcdnn2016(problem)
    for i in range(100):
        policy.choose("digit", ["who"], resident(problem, 80.0, "large", "middle", "small"), i / 10.0)
    # ten requests a second: 80 J / (10 s * 10 / s) = 0.8 J, so the cheapest
    choice = policy.choose("digit", ["who"], resident(problem, 80.0, "large", "middle", "small"), 10.0)
    assert variants(choice) == {"who": "small/who"}


def test_corrected_costs_keep_what_is_cached_and_decide_anew() -> None:
    problem = shared_trunks([app("who")])
    policy = Mcdnn2016(problem, ONE_HZ)
    policy.choose("digit", ["who"], resident(problem, 80.0, "large", "small"), 0.0)
    dearer = {p: replace(c, run_energy_j=2.0 * c.run_energy_j) for p, c in problem.pieces.items()}
    policy.set_problem(replace(problem, pieces=dearer))
    choice = policy.choose("digit", ["who"], resident(problem, 80.0, "large", "small"), 1.0)
    assert (variants(choice), choice.wanted) == ({"who": "large/who"}, ("middle", "middle.who"))


def test_apps_may_come_and_go() -> None:
    policy = Mcdnn2016(shared_trunks([app("who")]))
    both = shared_trunks([app("who"), app("odd")])
    policy.set_problem(both)
    assert set(policy.choose("digit", ["who", "odd"], all_resident(both), 0.0).options) == {"who", "odd"}
    policy.set_problem(shared_trunks([app("odd")]))
    choice = policy.choose("digit", ["who", "odd"], all_resident(both), 1.0)
    assert choice.unserved == {"who": "not an app of this run"}


def test_it_has_no_plan() -> None:
    assert Mcdnn2016(shared_trunks([app("who")])).plan(State(), 0.0) == Plan()


def cloud_option(cost_usd: float, accuracy: float) -> Option:
    stage = Stage(Place.CLOUD, ("huge",), "huge.who", run_s=0.2, cost_usd=cost_usd)
    return Option("who", "huge/who", accuracy, (stage,))


def with_cloud(cost_usd: float = 0.01, accuracy: float = 0.95) -> Problem:
    problem = shared_trunks([app("who")])
    return replace(problem, options={"who": (*problem.options["who"], cloud_option(cost_usd, accuracy))})


@pytest.mark.parametrize(
    ("left_usd", "connected", "variant"),
    [(0.1, True, "huge/who"), (0.09, True, "middle/who"), (0.1, False, "middle/who")],
)
def test_the_cloud_answers_while_connected_and_within_its_own_budget(
    left_usd: float, connected: bool, variant: str
) -> None:
    problem = with_cloud()
    state = resident(problem, 40.0)._replace(cost_left_usd=left_usd, connected=connected)
    assert variants(Mcdnn2016(problem, ONE_HZ).choose("digit", ["who"], state, 0.0)) == {"who": variant}


def test_of_equally_accurate_variants_the_one_at_the_device_runs() -> None:
    problem = with_cloud(accuracy=0.9)
    state = resident(problem, 80.0)._replace(cost_left_usd=1.0, connected=True)
    assert variants(Mcdnn2016(problem, ONE_HZ).choose("digit", ["who"], state, 0.0)) == {"who": "large/who"}


def test_without_energy_the_cheapest_in_the_cloud_would_be_taken_while_money_is_left() -> None:
    problem = with_cloud(cost_usd=0.5)
    state = resident(problem, 0.5)._replace(cost_left_usd=1.0, connected=True)
    assert variants(Mcdnn2016(problem, ONE_HZ).choose("digit", ["who"], state, 0.0)) == {"who": "huge/who"}


@pytest.mark.parametrize(
    ("connected", "reason"), [(True, "cloud budget gone"), (False, "no connection to the cloud")]
)
def test_an_app_that_only_the_cloud_can_answer_is_told_what_is_missing(connected: bool, reason: str) -> None:
    problem = with_cloud()
    problem = replace(problem, options={"who": (cloud_option(0.01, 0.9),)})
    state = State(100.0, 0.0, 10.0, connected=connected)
    choice = Mcdnn2016(problem, ONE_HZ).choose("digit", ["who"], state, 0.0)
    assert choice.unserved == {"who": reason}


def test_an_app_that_moved_leaves_the_location_it_left() -> None:
    problem = own_trunks([app("who"), app("odd")])
    problem = replace(
        problem, options=problem.options | {"who": (*problem.options["who"], cloud_option(0.01, 0.95))}
    )
    policy = Mcdnn2016(problem, ONE_HZ, immediate=True)
    state = all_resident(problem, 80.0, period_left_s=10.0)._replace(cost_left_usd=0.0)
    policy.choose("digit", ["who"], state, 0.0)
    shared = policy.choose("digit", ["odd"], state, 1.0)
    assert variants(shared) == {"odd": "middle of odd/odd"}  # 80 J / (10 s * 2)
    away = state._replace(cost_left_usd=10.0, connected=True)
    assert variants(policy.choose("digit", ["who"], away, 2.0)) == {"who": "huge/who"}
    assert variants(policy.choose("digit", ["odd"], away, 3.0)) == {"odd": "large of odd/odd"}
    cut_off = away._replace(connected=False)
    assert variants(policy.choose("digit", ["odd"], cut_off, 4.0)) == {"odd": "large of odd/odd"}
