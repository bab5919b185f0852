from __future__ import annotations

from dataclasses import replace

from engine.scheduling.policies.best_static import BestStatic, best_static_options
from engine.scheduling.policy import State
from engine.scheduling.problem import App, Budget, Problem
from tests.scheduling_problems import all_resident, app, own_trunks, shared_trunks


def variants(problem: Problem) -> dict[str, str]:
    return {a: o.variant for a, o in best_static_options(problem).items()}


def with_energy(apps: list[App], energy_j: float, **budget: float) -> Problem:
    """Ten windows in a period of ten seconds."""
    return shared_trunks(apps, Budget(energy_j=energy_j, period_s=10.0, **budget), windows_hz=1.0)


def test_a_shared_part_is_paid_once() -> None:
    assert variants(with_energy([app("who"), app("odd")], 80.0)) == {"who": "large/who", "odd": "large/odd"}
    assert variants(with_energy([app("who"), app("odd")], 79.0)) == {"who": "middle/who", "odd": "middle/odd"}


def test_parts_are_loaded_once_on_the_budget() -> None:
    problem = shared_trunks(
        [app("who")], Budget(energy_j=85.0, period_s=10.0), load_share=1.0, windows_hz=1.0
    )
    assert variants(problem) == {"who": "middle/who"}


def test_decoding_and_finding_windows_is_taken_off_first() -> None:
    problem = replace(with_energy([app("who")], 80.0), frames_hz=1.0, frame_energy_j=0.1)
    assert variants(problem) == {"who": "middle/who"}


def test_an_app_that_asks_seldom_may_be_more_accurate() -> None:
    problem = with_energy([app("who", wanted_hz=0.5)], 40.0)
    assert variants(problem) == {"who": "large/who"}


def test_energy_goes_first_to_the_app_that_weighs_more() -> None:
    apps = [app("who", weight=1.0), app("odd", weight=3.0)]
    problem = own_trunks(apps, Budget(energy_j=90.0, period_s=10.0), windows_hz=0.5)
    assert variants(problem) == {"who": "large of who/who", "odd": "large of odd/odd"}
    problem = own_trunks(apps, Budget(energy_j=79.0, period_s=10.0), windows_hz=0.5)
    assert variants(problem) == {"who": "middle of who/who", "odd": "large of odd/odd"}


def test_the_configuration_stays_within_the_memory() -> None:
    assert variants(with_energy([app("who")], 1e6, memory_bytes=500)) == {"who": "middle/who"}


def test_a_late_answer_is_worth_nothing() -> None:
    problem = with_energy([app("who", latency_limit_s=1.0)], 1e6)
    assert variants(problem) == {"who": "middle/who"}  # in the worst case large takes 1.6 s, middle 0.8 s


def test_what_the_processor_cannot_keep_up_with_is_not_chosen() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=1e9, period_s=10.0), windows_hz=2.0)
    assert variants(problem) == {"who": "middle/who"}  # large would take 2 * 0.8 s a second


def test_without_a_budget_the_knee_of_the_curve_is_taken() -> None:
    assert variants(shared_trunks([app("who")], windows_hz=1.0)) == {"who": "middle/who"}


def test_without_a_known_rate_the_knee_of_the_curve_is_taken() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=1e9, period_s=10.0))
    assert variants(problem) == {"who": "middle/who"}


def test_any_answer_is_better_than_none_at_the_knee() -> None:
    assert variants(shared_trunks([app("who")], Budget(memory_bytes=100))) == {"who": "small/who"}


def test_an_app_without_room_is_told_so() -> None:
    problem = with_energy([app("who")], 5.0)
    choice = BestStatic(problem).choose("digit", ["who"], all_resident(problem), 0.0)
    assert choice.options == {}
    assert choice.unserved["who"].startswith("no configuration within memory")


def test_the_parts_of_the_configuration_are_kept_in_memory() -> None:
    policy = BestStatic(with_energy([app("who"), app("odd")], 80.0))
    assert policy.plan(State(), 0.0).resident == ("large", "large.who", "large.odd")


def test_measured_costs_do_not_move_it_but_other_apps_do() -> None:
    problem = with_energy([app("who")], 80.0)
    policy = BestStatic(problem)
    dearer = {p: replace(c, run_energy_j=2.0 * c.run_energy_j) for p, c in problem.pieces.items()}
    policy.set_problem(replace(problem, pieces=dearer))
    assert policy.choose("digit", ["who"], all_resident(problem), 0.0).options["who"].variant == "large/who"
    policy.set_problem(with_energy([app("who"), app("odd")], 79.0))
    assert policy.choose("digit", ["who"], all_resident(problem), 0.0).options["who"].variant == "middle/who"
