from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import count, pairwise

import pytest

from engine.scheduling.policies.paced import Paced
from engine.scheduling.policy import Choice, State
from engine.scheduling.problem import (
    Budget,
    InContext,
    Link,
    Option,
    Place,
    Problem,
    Stage,
    configuration_cost,
)
from engine.scheduling.unserved import (
    BEING_LOADED,
    ENERGY_GONE,
    ENERGY_KEPT,
    NO_CONNECTION,
    OVERLOADED,
    TOO_LATE,
    TOO_SLOW,
)
from tests.scheduling_problems import all_resident, app, own_trunks, piece, shared_trunks

HOUR_S = 3600.0


def play(problem: Problem, hz: float, for_s: float, **state: object) -> list[Choice]:
    """Windows of all apps at an even pace, everything resident, energy falling as it is spent."""
    policy = Paced(problem)
    due = tuple(problem.apps)
    choices = []
    left_j = problem.budget.energy_j
    for n in range(int(for_s * hz)):
        now = n / hz
        seen = State(left_j, 1e9, for_s - now, frozenset(problem.pieces), **state)  # type: ignore[arg-type]
        policy.plan(seen, now)
        choice = policy.choose("digit", due, seen, now)
        left_j -= configuration_cost(problem, choice.options.values()).energy_j
        choices.append(choice)
    assert left_j >= 0.0
    return choices


def accuracies(choices: list[Choice], name: str = "who") -> Counter[float]:
    return Counter(c.options[name].accuracy if name in c.options else 0.0 for c in choices)


def test_a_budget_between_two_variants_is_spent_on_a_mix_of_them_from_start_to_end() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(6.0 * 1000, period_s=1000.0))
    choices = play(problem, 1.0, 1000.0)
    got = accuracies(choices)
    assert got[0.9] + got[0.8] == pytest.approx(1000, abs=15)  # 8 J and 4 J, half each
    assert got[0.9] == pytest.approx(500, abs=20)
    assert accuracies(choices[:500])[0.9] == pytest.approx(250, abs=20)


def test_with_too_little_for_every_window_the_cheapest_serves_as_many_as_it_can() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(500.0, period_s=1000.0))
    choices = play(problem, 1.0, 1000.0)
    assert accuracies(choices)[0.6] == pytest.approx(500, abs=5)
    assert {r for c in choices for r in c.unserved.values()} <= {ENERGY_KEPT, ENERGY_GONE}
    assert accuracies(choices[:500])[0.6] == pytest.approx(250, abs=10)


def test_apps_on_one_window_pay_a_shared_trunk_once_and_so_get_a_larger_one() -> None:
    budget = Budget(4.2 * 1000, period_s=1000.0)
    alone = own_trunks([app("who", wanted_hz=1.0), app("odd", wanted_hz=1.0)], budget)
    shared = shared_trunks([app("who", wanted_hz=1.0), app("odd", wanted_hz=1.0)], budget)

    def right(problem: Problem) -> float:
        return sum(o.accuracy for c in play(problem, 1.0, 1000.0) for o in c.options.values())

    assert right(shared) > 1.1 * right(alone)


def test_what_matters_more_gets_the_energy() -> None:
    problem = own_trunks(
        [app("who", wanted_hz=1.0, weight=5.0), app("odd", wanted_hz=1.0)],
        Budget(9.0 * 1000, period_s=1000.0),
    )
    choices = play(problem, 1.0, 1000.0)
    assert accuracies(choices, "who")[0.9] > 900
    assert accuracies(choices, "odd")[0.6] > 900


def test_only_what_fits_the_memory_together_is_kept() -> None:
    problem = own_trunks([app("who", wanted_hz=1.0), app("odd", wanted_hz=1.0)], Budget(memory_bytes=900))
    policy = Paced(problem)
    plan = policy.plan(State(period_left_s=HOUR_S), 0.0)
    held = sum(problem.pieces[p].memory_bytes for p in plan.resident)
    assert 0 < held <= 900
    assert {p.split(".")[0] for p in plan.resident} == {"middle of who", "middle of odd"}


def test_a_window_is_answered_by_what_is_resident_while_better_is_loaded() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0, latency_limit_s=2.0)], load_share=100.0)
    policy = Paced(problem)
    state = State(period_left_s=HOUR_S, resident=frozenset({"small", "small.who"}))
    policy.plan(state, 0.0)
    choice = policy.choose("digit", ("who",), state, 0.0)
    assert choice.options["who"].variant == "small/who"
    assert {"large", "large.who"} == {*choice.wanted}
    nothing = policy.choose("digit", ("who",), State(period_left_s=HOUR_S), 0.0)
    assert nothing.unserved == {"who": BEING_LOADED}
    later = policy.choose("digit", ("who",), all_resident(problem, period_left_s=HOUR_S), 1.0)
    assert later.options["who"].variant == "large/who"


def test_a_window_that_has_waited_gets_what_is_still_in_time() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0, latency_limit_s=2.0)])  # worst: 1.6, 0.8, 0.2 s
    policy = Paced(problem)
    there = all_resident(problem, period_left_s=HOUR_S)
    policy.plan(there, 0.0)

    def after(backlog_s: float) -> Choice:
        return policy.choose("digit", ("who",), there._replace(backlog_s=backlog_s), 0.0)

    assert after(0.0).options["who"].accuracy == 0.9
    assert after(0.6).options["who"].accuracy == 0.8
    assert after(1.5).options["who"].accuracy == 0.6
    assert after(1.95).unserved == {"who": TOO_LATE}


def test_more_windows_than_the_processor_carries_get_smaller_variants_and_then_fewer_answers() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(1e9, period_s=HOUR_S))  # .8, .4, .1 s
    calm = accuracies(play(problem, 1.0, 100.0)[50:])
    busy = accuracies(play(problem, 4.0, 100.0)[200:])
    flood = play(problem, 20.0, 60.0)[600:]
    assert set(calm) == {0.9}
    assert 0.6 in busy and busy[0.0] == 0
    assert 0.3 * len(flood) < accuracies(flood)[0.6] < 0.55 * len(flood)
    assert OVERLOADED in {r for c in flood for r in c.unserved.values()}


def test_windows_that_nobody_took_in_time_count_as_come() -> None:
    problem = shared_trunks([app("who", wanted_hz=4.0)], Budget(1e9, period_s=HOUR_S))  # .8, .4, .1 s
    taken = accuracies(play(problem, 1.0, 100.0, missed=3)[50:])
    assert taken[0.9] == 0
    assert taken[0.6] > 0


def test_a_processor_that_others_need_too_gets_smaller_variants() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(1e9, period_s=HOUR_S))  # .8, .4, .1 s
    policy = Paced(problem)

    def accuracies_with(carried: float) -> Counter[float]:
        state = all_resident(problem, period_left_s=HOUR_S)._replace(carried=carried)
        choices = []
        for _ in range(30):
            policy.plan(state, next(now))
            choices.append(policy.choose("digit", ("who",), state, 0.0))
        return accuracies(choices[10:])

    now = (2.0 * n for n in count())
    assert set(accuracies_with(math.inf)) == {0.9}  # 0.4 s of the processor a second
    assert 0.6 in accuracies_with(0.15)
    policy.set_problem(problem)
    assert 0.6 in accuracies_with(0.15)
    assert set(accuracies_with(0.8)) == {0.9}


def test_it_goes_on_where_its_solver_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    problem = shared_trunks([app("who")], Budget(10.0, period_s=60.0, memory_bytes=100))
    policy = Paced(problem)
    state = all_resident(problem, period_left_s=10.0)._replace(energy_left_j=1.5, missed=10**15)
    for now in (0.0, 5.0, 10.0):
        policy.plan(state, now)
        choice = policy.choose("digit", ("who",), state, now)
        assert {*choice.options} | {*choice.unserved} == {"who"}
    assert "goes on with the plan before" in caplog.text


def test_an_app_keeps_its_least_rate_while_others_go_short() -> None:
    budget = Budget(100.0, period_s=1000.0)  # for a tenth of the windows
    dear = own_trunks(
        [app("who", wanted_hz=1.0, weight=5.0), app("odd", wanted_hz=1.0, least_hz=0.05)], budget
    )
    served = [t for t, c in enumerate(play(dear, 1.0, 1000.0)[:700]) if "odd" in c.options]
    assert len(served) == pytest.approx(35, abs=2)
    assert max(b - a for a, b in pairwise(served)) <= 20


def test_no_energy_left_means_no_answers_and_says_so() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(10.0, period_s=100.0))
    policy = Paced(problem)
    gone = all_resident(problem, 0.0, 50.0)
    policy.plan(gone, 0.0)
    assert policy.choose("digit", ("who",), gone, 0.0).unserved == {"who": ENERGY_GONE}


def test_an_app_that_is_never_in_time_is_told_why() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0, latency_limit_s=0.01)])
    policy = Paced(problem)
    state = all_resident(problem, period_left_s=100.0)
    policy.plan(state, 0.0)
    assert policy.choose("digit", ("who",), state, 0.0).unserved == {"who": TOO_SLOW}


def cloud_problem(exchange_j: float = 0.1, cost_usd: float = 0.0, local: bool = True) -> Problem:
    away = Option(
        "who",
        "large/who",
        0.95,
        (Stage(Place.CLOUD, ("large",), up_bytes=1_000_000, run_s=0.05, cost_usd=cost_usd),),
    )
    here = Option("who", "small/who", 0.6, (Stage(Place.DEVICE, ("small",)),))
    return Problem(
        {"who": app("who", wanted_hz=1.0, latency_limit_s=2.0)},
        {"who": (away, here) if local else (away,)},
        {"small": piece(1.0)},
        Budget(1000.0, 1.0, 1000.0),
        link=Link(exchange_j=exchange_j, mbps=80.0, round_trip_s=0.05),
    )


def one_choice(problem: Problem, **settings: object) -> Choice:
    policy = Paced(problem)
    state = State(1000.0, 1.0, 1000.0, frozenset({"small"}), connected=True)
    policy.plan(state, 0.0)
    return policy.choose("digit", ("who",), state._replace(**settings), 0.0)  # type: ignore[arg-type]


def test_the_cloud_answers_while_it_is_there_affordable_and_fast_enough() -> None:
    problem = cloud_problem()
    assert one_choice(problem).options["who"].place is Place.CLOUD
    assert one_choice(problem, connected=False).options["who"].place is Place.DEVICE
    assert one_choice(problem, mbps=40.0).options["who"].place is Place.CLOUD
    assert one_choice(problem, mbps=2.0).options["who"].place is Place.DEVICE
    priced = cloud_problem(cost_usd=0.0001)
    poor = one_choice(priced, cost_left_usd=0.00001, resident=frozenset())
    assert all(o.place is Place.DEVICE for o in poor.options.values())
    assert one_choice(priced, cost_left_usd=0.00001).options["who"].place is Place.DEVICE


def test_an_app_that_only_the_cloud_can_answer_goes_unserved_without_it() -> None:
    problem = cloud_problem(local=False)
    assert one_choice(problem, connected=False).unserved == {"who": NO_CONNECTION}


def test_sending_is_paid_from_the_battery() -> None:
    """One exchange takes as much as ten windows at the device."""
    problem = replace(cloud_problem(exchange_j=10.0), budget=Budget(2000.0, 1.0, 1000.0))
    policy = Paced(problem)
    left_j, places = 2000.0, Counter[Place]()
    for t in range(1000):
        state = State(left_j, 1.0, 1000.0 - t, frozenset({"small"}), connected=True)
        policy.plan(state, t)
        choice = policy.choose("digit", ("who",), state, t)
        left_j -= configuration_cost(problem, choice.options.values()).energy_j
        places.update(o.place for o in choice.options.values())
    assert left_j >= 0.0
    assert places.total() >= 985
    assert places[Place.CLOUD] == pytest.approx(1000 / 9, rel=0.1)


def test_a_special_variant_is_used_while_its_context_lasts() -> None:
    plain = Option("who", "plain", 0.9, (Stage(Place.DEVICE, ("large",)),))
    special = Option(
        "who", "special", 0.0, (Stage(Place.DEVICE, ("small",)),), (InContext("home", 0.93, (1.0,)),)
    )
    problem = Problem(
        {"who": app("who", wanted_hz=1.0)},
        {"who": (plain, special)},
        {"large": piece(8.0), "small": piece(1.0)},
        Budget(1e6, period_s=1000.0),
    )
    policy = Paced(problem)
    state = all_resident(problem, 1e6, 1000.0)
    policy.plan(state, 0.0)

    def variant(context: str) -> str:
        return policy.choose("digit", ("who",), state._replace(context=context), 0.0).options["who"].variant

    assert [variant(""), variant("home"), variant("street")] == ["plain", "special", "plain"]


def test_a_renewed_budget_is_planned_with_anew() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(100.0, period_s=100.0))
    policy = Paced(problem)
    poor = all_resident(problem, 1.0, 90.0)
    policy.plan(poor, 10.0)
    rich = replace(problem, budget=Budget(10_000.0, period_s=100.0))
    policy.set_problem(rich)
    state = all_resident(rich, 10_000.0, 100.0)
    policy.plan(state, 100.0)
    assert policy.choose("digit", ("who",), state, 100.0).options["who"].accuracy == 0.9


def test_a_plan_tells_its_prices() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)], Budget(6000.0, period_s=1000.0))
    plan = Paced(problem).plan(all_resident(problem, 6000.0, 1000.0), 0.0)
    assert plan.prices is not None
    assert plan.prices.per_j == pytest.approx(0.1 / 4.0, rel=1e-3)  # from middle to large: .1 for 4 J
