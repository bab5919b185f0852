from __future__ import annotations

from dataclasses import replace

from engine.scheduling.decision_log import AllDecisions
from engine.scheduling.explanation import explain
from engine.scheduling.latest_choices import LatestChoices
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import State
from engine.scheduling.problem import Budget
from tests.scheduling_problems import app, shared_trunks

PROBLEM = shared_trunks([app("who"), app("odd")], Budget(200.0, period_s=60.0, memory_bytes=900.0), 1.0)


def state(resident: frozenset[str] = frozenset()) -> State:
    return State(energy_left_j=100.0, period_left_s=60.0, resident=resident)


def test_an_app_is_told_of_the_last_choice_that_it_was_part_of() -> None:
    latest = LatestChoices()
    policy = latest.watch(make_policy("mcdnn2016", PROBLEM), PROBLEM)
    assert latest.explain() == {}
    plan = policy.plan(state(), 0.0)
    both = policy.choose("digit", ["who", "odd"], state(), 1.0)
    policy.choose("digit", ["odd"], state(frozenset(["small"])), 2.0)
    expected = explain(PROBLEM, plan, both, "digit", ["who", "odd"], state(), 1.0)
    explained = latest.explain()
    assert explained["who"] == (expected, expected.apps[0])
    assert (explained["odd"][0].t_s, explained["odd"][1].app) == (2.0, "odd")
    assert latest.plan is plan


def test_an_app_that_is_gone_is_forgotten() -> None:
    latest = LatestChoices()
    policy = latest.watch(make_policy("mcdnn2016", PROBLEM), PROBLEM)
    policy.choose("digit", ["who", "odd"], state(), 1.0)
    policy.set_problem(replace(PROBLEM, apps={"odd": PROBLEM.apps["odd"]}))
    assert list(latest.explain()) == list(latest.apps) == ["odd"]


def test_several_watch_the_same_policy() -> None:
    first, second = LatestChoices(), LatestChoices()
    policy = AllDecisions([first, second]).watch(make_policy("mcdnn2016", PROBLEM), PROBLEM)
    policy.plan(state(), 0.0)
    policy.choose("digit", ["who"], state(), 1.0)
    assert first.explain() == second.explain() != {}
    assert policy.name == "mcdnn2016"
