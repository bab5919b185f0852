from __future__ import annotations

from dataclasses import replace

from engine.scheduling.policies.original import Original
from engine.scheduling.policy import Plan, State
from engine.scheduling.problem import Budget
from tests.scheduling_problems import all_resident, app, shared_trunks


def test_every_app_runs_its_most_accurate_variant_whatever_it_costs() -> None:
    problem = shared_trunks(
        [app("who"), app("odd", latency_limit_s=1e-3)], Budget(energy_j=1.0, period_s=10.0)
    )
    choice = Original(problem).choose("digit", ["who", "odd"], all_resident(problem), 0.0)
    assert {a: o.variant for a, o in choice.options.items()} == {"who": "large/who", "odd": "large/odd"}


def test_a_variant_that_could_never_be_in_memory_is_passed_over() -> None:
    problem = shared_trunks([app("who")], Budget(memory_bytes=799))
    assert (
        Original(problem).choose("digit", ["who"], all_resident(problem), 0.0).options["who"].accuracy == 0.8
    )


def test_an_app_without_any_variant_in_memory_is_told_so() -> None:
    problem = shared_trunks([app("who")], Budget(memory_bytes=99))
    choice = Original(problem).choose("digit", ["who"], all_resident(problem), 0.0)
    assert choice.unserved == {"who": "no variant fits the memory alone"}


def test_an_app_without_options_and_one_that_is_unknown_are_told_apart() -> None:
    problem = replace(shared_trunks([app("who", accuracy_floor=0.95)]), options={"who": ()})
    choice = Original(problem).choose("digit", ["who", "stray"], all_resident(problem), 0.0)
    assert choice.unserved == {
        "who": "no variant of task of who reaches the accuracy floor 0.95",
        "stray": "not an app of this run",
    }


def test_it_serves_until_the_energy_is_gone_and_then_no_longer() -> None:
    problem = shared_trunks([app("who")])
    policy = Original(problem)
    assert policy.choose("digit", ["who"], all_resident(problem, energy_left_j=16.0), 0.0).options
    gone = policy.choose("digit", ["who"], all_resident(problem, energy_left_j=15.9), 0.0)
    assert (gone.options, gone.unserved) == ({}, {"who": "energy budget gone"})


def test_it_leaves_memory_to_demand() -> None:
    policy = Original(shared_trunks([app("who")]))
    assert policy.plan(State(), 0.0) == Plan()
    assert policy.name == "original"


def test_apps_may_come_and_go() -> None:
    policy = Original(shared_trunks([app("who")]))
    both = shared_trunks([app("who"), app("odd")])
    policy.set_problem(both)
    assert set(policy.choose("digit", ["who", "odd"], all_resident(both), 0.0).options) == {"who", "odd"}
