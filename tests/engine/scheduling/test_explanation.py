from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduling.explanation import AppExplained, Explanation, Taken, explain
from engine.scheduling.explanation_text import explanation_to_json, explanation_to_lines
from engine.scheduling.policies.table import POLICIES, make_policy
from engine.scheduling.policy import Choice, Plan, Prices, State
from engine.scheduling.problem import (
    App,
    Budget,
    InContext,
    Link,
    Option,
    PieceCost,
    Place,
    Problem,
    Stage,
)
from engine.scheduling.ruled_out import Rule
from tests.scheduling_problems import all_resident, app, option, shared_trunks

LARGE, MIDDLE, SMALL = "large/who", "middle/who", "small/who"
PRICED = Plan(prices=Prices(per_j=0.1))


def chosen(*options: Option, **unserved: str) -> Choice:
    return Choice({o.app: o for o in options}, unserved)


def account(
    problem: Problem, choice: Choice, state: State | None = None, plan: Plan = PRICED, name: str = "who"
) -> AppExplained:
    apps = explain(
        problem, plan, choice, "digit", tuple(problem.apps), state or all_resident(problem), 5.0
    ).apps
    return next(a for a in apps if a.app == name)


def rules(explained: AppExplained) -> dict[str, Rule | None]:
    return {o.variant: o.ruled_out and o.ruled_out.rule for o in explained.options}


def why(explained: AppExplained, variant: str) -> str:
    (found,) = [o for o in explained.options if o.variant == variant]
    assert found.ruled_out is not None
    return found.ruled_out.why


def alone(**settings: float) -> Problem:
    return shared_trunks([app("who", **settings)])


def test_what_other_apps_run_anyway_costs_nothing_more() -> None:
    problem = shared_trunks([app("who", weight=2.0), app("odd")])
    explained = account(problem, chosen(option("who", "small", 0.6), option("odd", "middle", 0.8)))
    large, middle, small = explained.options
    assert [o.alone.energy_j for o in explained.options] == [8.0, 4.0, 1.0]
    assert [o.marginal.energy_j for o in explained.options] == [8.0, 0.0, 1.0]
    assert middle.marginal == Taken(0.0, 0.0, 0.0)
    assert [o.worth for o in (large, middle, small)] == pytest.approx([1.8 - 0.8, 1.6, 1.2 - 0.1])
    assert explained.chosen == small
    assert "worth 0.5 more than small/who at the device on this window alone" in why(explained, MIDDLE)


def test_what_is_worth_less_at_the_prices_says_by_how_much() -> None:
    explained = account(alone(), chosen(option("who", "small", 0.6)))
    assert rules(explained) == {LARGE: Rule.WORTH, MIDDLE: Rule.WORTH, SMALL: None}
    assert why(explained, LARGE) == "worth 0.4 less than small/who at the device at these prices"


def test_equal_worth_is_a_matter_of_the_mix() -> None:
    even = Plan(prices=Prices(per_j=0.2 / 3.0))  # (0.8 - 0.6) / (4 J - 1 J)
    explained = account(alone(), chosen(option("who", "small", 0.6)), plan=even)
    assert rules(explained)[MIDDLE] is Rule.MIX
    assert "whose turn it is in the plan's mix" in why(explained, MIDDLE)


def test_a_policy_without_prices_follows_a_rule_of_its_own() -> None:
    explained = account(alone(), chosen(option("who", "small", 0.6)), plan=Plan())
    assert {*rules(explained).values()} == {Rule.POLICY, None}
    assert [o.worth for o in explained.options] == [0.9, 0.8, 0.6]


def test_energy_left_has_to_cover_the_worst_case_of_the_window() -> None:
    problem = shared_trunks([app("who"), app("odd")])
    state = all_resident(problem, energy_left_j=10.0)  # odd's worst case is 2 J of it
    explained = account(problem, chosen(option("who", "small", 0.6), option("odd", "small", 0.6)), state)
    assert rules(explained) == {LARGE: Rule.ENERGY, MIDDLE: Rule.WORTH, SMALL: None}
    assert why(explained, LARGE) == "10 J left do not cover the window's worst case of 18 J"


def test_memory_rules_out_what_does_not_fit_alone_or_beside_the_others() -> None:
    problem = shared_trunks([app("who"), app("odd")], Budget(memory_bytes=500.0))
    explained = account(problem, chosen(option("who", "small", 0.6), option("odd", "middle", 0.8)))
    assert rules(explained) == {LARGE: Rule.MEMORY, MIDDLE: Rule.MIX, SMALL: None}
    assert why(explained, LARGE) == "too large: 0.0008 of 0.0005 MB"
    beside = account(problem, chosen(option("who", "middle", 0.8), option("odd", "middle", 0.8)))
    assert rules(beside)[SMALL] is Rule.WORTH
    tight = replace(problem, budget=Budget(memory_bytes=450.0))
    assert rules(account(tight, chosen(option("odd", "middle", 0.8))))[SMALL] is Rule.MEMORY


def test_latency_counts_the_wait() -> None:
    problem = shared_trunks([app("who", latency_limit_s=1.0), app("odd")])
    idle, waited = all_resident(problem), all_resident(problem)._replace(backlog_s=0.3)
    small = chosen(option("who", "small", 0.6))
    assert rules(account(problem, small, idle)) == {LARGE: Rule.LATENCY, MIDDLE: Rule.WORTH, SMALL: None}
    late = account(problem, small, waited)
    assert why(late, LARGE) == "too slow: up to 1.6 s, the limit is 1 s"
    assert why(late, MIDDLE) == "too slow after waiting 0.3 s: up to 0.8 s more, the limit is 1 s"


def test_latency_counts_what_the_other_apps_run() -> None:
    problem = shared_trunks([app("who", latency_limit_s=0.9), app("odd")])
    explained = account(problem, chosen(option("who", "middle", 0.8), option("odd", "middle", 0.8)))
    assert why(explained, SMALL) == "too slow beside the other apps: who up to 1 s, the limit is 0.9 s"


def test_what_is_not_resident_would_have_to_be_loaded() -> None:
    problem = shared_trunks([app("who", latency_limit_s=3.0)], load_share=1.0)
    state = State(1e9, resident=frozenset({"small", "small.who"}), loading=frozenset({"middle"}))
    planned = replace(PRICED, resident=("small", "small.who"))
    explained = account(problem, chosen(option("who", "small", 0.6)), state, planned)
    assert why(explained, LARGE) == "not resident and not in the plan: loading it takes 0.8 s and 8 J"
    assert rules(explained)[MIDDLE] is Rule.RESIDENCY
    large = explained.options[0]
    assert (large.load_s, large.load_j) == (0.8, 8.0)
    hurried = shared_trunks([app("who", latency_limit_s=2.0)], load_share=1.0)
    late = account(hurried, chosen(option("who", "small", 0.6)), state, planned)
    assert why(late, LARGE) == "not resident: loading takes 0.8 s, too long for the limit of 2 s"


def test_a_plan_that_leaves_memory_to_demand_rules_nothing_out_by_residency() -> None:
    problem = shared_trunks([app("who")], load_share=1.0)
    explained = account(problem, chosen(option("who", "small", 0.6)), State(1e9))
    assert rules(explained) == {LARGE: Rule.WORTH, MIDDLE: Rule.WORTH, SMALL: None}


def cloudy() -> Problem:
    here = option("who", "small", 0.6)
    away = Option(
        "who",
        "away",
        0.95,
        (Stage(Place.CLOUD, ("huge",), "huge.who", up_bytes=125_000, run_s=0.1, cost_usd=0.01),),
    )
    pieces = {
        "small": PieceCost(0.1, 0.1, 1.0, 1.0, 0.0, 0.0, 1),
        "small.who": PieceCost(0, 0, 0, 0, 0, 0, 0),
    }
    who = {"who": app("who", latency_limit_s=2.0)}
    return Problem(who, {"who": (away, here)}, pieces, Budget(cost_usd=1.0), link=Link(0.5, mbps=10.0))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(connected=False), "no connection to the cloud"),
        (State(connected=True, cost_left_usd=0.001), "$0.001 left do not cover the window's $0.01"),
        (State(connected=True, mbps=0.1), "too slow: up to 10.1 s, the limit is 2 s"),
    ],
)
def test_the_cloud_needs_a_connection_that_is_fast_enough_and_money(state: State, expected: str) -> None:
    problem = cloudy()
    here = state._replace(resident=frozenset(problem.pieces))
    assert why(account(problem, chosen(problem.options["who"][1]), here), "away") == expected


def test_a_context_decides_what_an_option_is_worth() -> None:
    special = Option(
        "who", "special", 0.0, option("who", "small", 0.6).stages, (InContext("home", 0.9, (1.0,)),)
    )
    problem = alone()
    problem = replace(problem, options={"who": (special, *problem.options["who"])})
    small = chosen(option("who", "small", 0.6))
    street = account(problem, small, all_resident(problem)._replace(context="street"))
    assert why(street, "special") == "of no use in context 'street'"
    home = account(problem, chosen(special), all_resident(problem)._replace(context="home"))
    assert home.chosen is not None
    assert (home.chosen.accuracy, home.chosen.value) == (0.9, 0.9)


def test_an_app_without_an_answer_says_why() -> None:
    explained = account(alone(), chosen(who="energy kept for the rest of the period"), plan=PRICED)
    assert (explained.chosen, explained.unserved) == (None, "energy kept for the rest of the period")
    assert why(explained, SMALL) == "not answered: energy kept for the rest of the period"
    dear = account(alone(), chosen(who="energy kept"), plan=Plan(prices=Prices(per_j=1.0)))
    assert why(dear, SMALL) == "worth 0.4 less than no answer at these prices"


def test_apps_without_options_and_strangers_are_explained_too() -> None:
    problem = replace(alone(accuracy_floor=0.99), options={"who": ()})
    state = all_resident(problem)
    who, stray = explain(problem, Plan(), chosen(), "digit", ("who", "stray"), state, 0.0).apps
    assert who.unserved == "no variant of task of who reaches the accuracy floor 0.99"
    assert stray.unserved == "not an app of this run"


def test_budgets_are_held_against_an_even_pace() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=100.0, period_s=1000.0))
    state = all_resident(problem, energy_left_j=30.0, period_left_s=600.0)
    explained = explain(problem, PRICED, chosen(), "digit", ("who",), state, 400.0)
    assert explained.energy.pace == pytest.approx(0.5)
    assert (explained.money.budget, explained.money.pace) == (math.inf, None)


def whole() -> Explanation:
    problem = shared_trunks([app("who"), app("odd", latency_limit_s=9.0, accuracy_floor=0.5)], load_share=1.0)
    plan = Plan(("small", "large"), {"odd": 2.0}, "may keep everything", Prices(0.1))
    state = State(50.0, resident=frozenset({"small", "small.who"}), context="home", backlog_s=0.25)
    choice = Choice({"who": option("who", "small", 0.6)}, {"odd": "being loaded"}, ("small.odd",))
    return explain(problem, plan, choice, "digit", ("who", "odd"), state, 36000.0)


def test_a_person_reads_the_moment_the_prices_and_a_table_an_app() -> None:
    lines = explanation_to_lines(whole())
    assert lines[0] == "at 36000 s: a window of digit, context home, no connection, waited 0.25 s"
    assert "prices in right answers: 0.1 a J, 0 a $, 0 a processor second (may keep everything)" in lines
    assert "in memory: small, small.who" in lines
    assert "planned and not in memory: large" in lines
    assert "asked for by this choice: small.odd" in lines
    assert "rates lowered: odd at most 2 a second" in lines
    assert "odd (weight 1, limit 9 s, nothing below 50.0% is offered): not answered: being loaded" in lines
    (taken,) = [line for line in lines if line.startswith(">")]
    assert taken.split()[1:4] == ["small/who", "at", "the"]
    assert taken.endswith("0.5  chosen")


def test_a_program_reads_the_same_as_strict_json() -> None:
    written = json.loads(json.dumps(explanation_to_json(whole()), allow_nan=False))
    who, odd = written["apps"]
    assert [o["variant"] for a in (who, odd) for o in a["options"] if o["chosen"]] == [SMALL]
    assert written["state"]["resident"] == ["small", "small.who"]
    assert written["energy"] == {"left": 50.0, "budget": None, "pace": None}
    assert who["options"][0]["ruled_out"]["rule"] == "residency"


APPS: list[App] = [app("who", latency_limit_s=5.0), app("odd", weight=2.0)]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(POLICIES)),
    energy_left_j=st.sampled_from([0.0, 3.0, 20.0, 1e6]),
    memory=st.sampled_from([100.0, 450.0, math.inf]),
    resident=st.frozensets(st.sampled_from(["large", "middle", "small", "small.who", "small.odd"])),
    backlog_s=st.sampled_from([0.0, 4.0, 9.0]),
)
def test_every_option_of_every_policy_is_chosen_or_ruled_out(
    name: str, energy_left_j: float, memory: float, resident: frozenset[str], backlog_s: float
) -> None:
    problem = shared_trunks(APPS, Budget(50.0, period_s=60.0, memory_bytes=memory), load_share=1.0)
    policy = make_policy(name, problem)
    state = State(energy_left_j, period_left_s=60.0, resident=resident, backlog_s=backlog_s)
    plan = policy.plan(state, 0.0)
    choice = policy.choose("digit", ("who", "odd"), state, 0.0)
    explained = explain(problem, plan, choice, "digit", ("who", "odd"), state, 0.0)
    for a in explained.apps:
        assert [o.variant for o in a.options if o.chosen] == [
            o.variant for name, o in choice.options.items() if name == a.app
        ]
        assert all(o.chosen == (o.ruled_out is None) for o in a.options)
        assert bool(a.unserved) == (a.app not in choice.options)
    json.dumps(explanation_to_json(explained), allow_nan=False)
    assert explanation_to_lines(explained)
