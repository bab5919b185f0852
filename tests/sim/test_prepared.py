from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduling.problem import InContext, Link, Option, Place, Problem, Stage, configuration_cost
from sim.prepared import PreparedPasses, make_pass
from tests.scheduling_problems import app, option, shared_trunks

LINK = Link(exchange_j=0.3, up_j_per_byte=1e-5, down_j_per_byte=2e-5)


def stage(trunk: str, up_bytes: int, probability: float = 1.0) -> Stage:
    return Stage(Place.CLOUD, (trunk,), None, probability, up_bytes, 100, 0.25, 1e-4)


def cloud(app_name: str, trunk: str) -> Option:
    return Option(app_name, f"{trunk}/{app_name} away", 0.9, (stage(trunk, 10_000),))


def cascade(app_name: str, probability: float) -> Option:
    first = Stage(Place.DEVICE, ("small",), f"small.{app_name}")
    rare = (InContext("office", 0.95, (1.0, 0.1)),)
    stages = (first, stage("large", 10_000, probability))
    return Option(app_name, f"cascade/{app_name}", 0.85, stages, rare)


def split(app_name: str) -> Option:
    stages = (Stage(Place.DEVICE, ("small",)), stage("rest", 500))
    return Option(app_name, f"split/{app_name}", 0.8, stages)


def problem() -> Problem:
    made = shared_trunks([app("who"), app("odd"), app("age")])
    return Problem(made.apps, made.options, made.pieces, link=LINK)


def kinds(name: str) -> st.SearchStrategy[Option]:
    return st.sampled_from(
        [
            option(name, "small", 0.6),
            cloud(name, "large"),
            cascade(name, 0.3),
            cascade(name, 0.7),
            split(name),
        ]
    )


@settings(max_examples=60, deadline=None)
@given(who=kinds("who"), odd=kinds("odd"), age=kinds("age"), context=st.sampled_from(["", "office"]))
def test_what_is_drawn_costs_on_average_what_the_configuration_costs(
    who: Option, odd: Option, age: Option, context: str
) -> None:
    p = problem()
    options = {o.app: o for o in (who, odd, age)}
    ready = make_pass(p, options, context)
    expected = configuration_cost(p, options.values(), context)
    assert ready.run_j + expected.radio_j == pytest.approx(expected.energy_j)
    worst_j = ready.worst_j + sum(e.worst_j for e in ready.exchanges)
    assert worst_j == pytest.approx(expected.worst_energy_j)
    assert sum(e.worst_usd for e in ready.exchanges) == pytest.approx(expected.worst_cost_usd)

    windows = 1000
    radio_j = cost_usd = cloud_s = 0.0
    for _ in range(windows):
        for exchange, message in zip(ready.exchanges, ready.draw().messages, strict=True):
            if message is not None:
                radio_j += exchange.worst_j
                cost_usd += message.cost_usd
                cloud_s += message.run_s
    assert radio_j / windows == pytest.approx(expected.radio_j, rel=0.02, abs=1e-9)
    assert cost_usd / windows == pytest.approx(expected.cost_usd, rel=0.02, abs=1e-12)
    assert cloud_s / windows == pytest.approx(expected.cloud_s, rel=0.02, abs=1e-9)


def test_what_is_cut_at_the_same_place_is_sent_once() -> None:
    ready = make_pass(problem(), {"who": cloud("who", "large"), "odd": cloud("odd", "large")}, "")
    (exchange,) = ready.exchanges
    assert (exchange.up_bytes, len(exchange.runs)) == (10_000, 1)
    assert [a.waits for a in ready.answers] == [((0, 1.0),), ((0, 1.0),)]


def test_a_stage_that_two_cuts_ask_for_runs_with_the_one_that_asks_more_often() -> None:
    ready = make_pass(problem(), {"odd": cascade("odd", 0.3), "who": cloud("who", "large")}, "")
    rare, always = ready.exchanges
    assert (rare.probability, rare.runs) == (0.3, ())
    assert (always.probability, [r.probability for r in always.runs]) == (1.0, [1.0])


def test_the_context_says_how_good_an_answer_is_and_how_often_it_goes_on() -> None:
    passes = PreparedPasses(problem())
    options = {"who": cascade("who", 0.3)}
    (usual,), (office,) = passes.of(options, ""), passes.of(options, "office")
    assert [(a.right, a.waits) for a in (*usual.answers, *office.answers)] == [
        (0.85, ((0, 0.3),)),
        (0.95, ((0, 0.1),)),
    ]


def test_the_same_options_are_added_up_once() -> None:
    passes = PreparedPasses(problem())
    choice = option("who", "small", 0.6)
    assert passes.of({"who": choice}, "") is passes.of({"who": choice}, "")
