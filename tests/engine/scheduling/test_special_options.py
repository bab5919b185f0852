from __future__ import annotations

from dataclasses import replace

import pytest

from engine.scheduling.problem import App, Option, PieceCost, Place, Problem, Stage, configuration_cost
from engine.scheduling.special_options import (
    SpecialOffer,
    promising_stakes,
    special_heads,
    with_specials,
    without_specials,
)
from specializer.cascade import CascadeRates, RatesByCount

RATES = CascadeRates(0.95, 0.04, 0.9)
OFFER = SpecialOffer("who", ("small",), "special", 100, "small-head", RATES, 0.9, 0.01)


def piece(run_s: float) -> PieceCost:
    return PieceCost(run_s, 2 * run_s, 10 * run_s, 20 * run_s, 0.1, 1.0, 1000)


def whole(trunk: str, accuracy: float) -> Option:
    return Option("who", f"{trunk}/identity", accuracy, (Stage(Place.DEVICE, (trunk,), f"{trunk}-head"),))


PROBLEM = Problem(
    {"who": App("who", "identity", "digit")},
    {"who": (whole("large", 0.93), whole("small", 0.8))},
    {"large": piece(0.01), "large-head": piece(0.0), "small": piece(0.001), "small-head": piece(0.0)},
)


def test_a_cascade_stands_in_front_of_every_slower_variant() -> None:
    problem = with_specials(PROBLEM, [OFFER])
    (cascade,) = [o for o in problem.options["who"] if o.is_cascade]
    assert problem.options["who"][0] is cascade
    assert cascade.accuracy == pytest.approx(RATES.accuracy(0.9, 0.93))
    passed_on = RATES.passed_on(0.9)
    assert cascade.stages[1].probability == pytest.approx(passed_on + 0.01 * (1 - passed_on))
    cost = configuration_cost(problem, [cascade])
    assert cost.run_s == pytest.approx(0.001 + 0.01 * cascade.stages[1].probability)
    assert cost.run_worst_s == pytest.approx(0.022)
    assert problem.pieces["special"].memory_bytes == 100


def test_taking_cascades_out_gives_the_problem_back() -> None:
    problem = with_specials(PROBLEM, [OFFER])
    assert special_heads(problem) == {"special"}
    assert without_specials(problem) == PROBLEM
    assert without_specials(PROBLEM) is PROBLEM


def test_a_cascade_below_the_apps_floor_is_not_offered() -> None:
    strict = replace(PROBLEM, apps={"who": replace(PROBLEM.apps["who"], accuracy_floor=0.99)})
    assert not special_heads(with_specials(strict, [OFFER]))


def test_the_trunk_that_saves_most_is_taken() -> None:
    rates = {"small/identity": RatesByCount({2: RATES})}
    found = promising_stakes(PROBLEM, PROBLEM.options["who"][0], frozenset(), rates, 0.1, 0.95)
    ((option, stakes),) = found
    assert option.variant == "small/identity"
    assert (stakes.generic_cost, stakes.special_cost, stakes.head_cost) == (0.01, 0.001, 0.1)


def test_nothing_pays_where_other_apps_run_the_trunk_anyway() -> None:
    rates = {"small/identity": RatesByCount({2: RATES})}
    shared = frozenset({"large"})
    assert promising_stakes(PROBLEM, PROBLEM.options["who"][0], shared, rates, 0.1, 0.95) == []


def test_a_trunk_that_makes_the_answers_worse_is_not_taken() -> None:
    poor = {"small/identity": RatesByCount({2: CascadeRates(0.7, 0.1, 0.9)})}
    assert promising_stakes(PROBLEM, PROBLEM.options["who"][0], frozenset(), poor, 0.1, 0.95) == []


def test_a_cascade_that_may_be_as_accurate_counts_as_such_and_comes_first() -> None:
    weak = replace(OFFER, rates=CascadeRates(0.92, 0.0, 0.9))
    first, second = with_specials(PROBLEM, [weak]).options["who"][:2]
    assert first.is_cascade
    assert first.accuracy == pytest.approx(second.accuracy, abs=1e-3)
    weaker = replace(OFFER, rates=CascadeRates(0.8, 0.0, 0.9))
    assert not with_specials(PROBLEM, [weaker]).options["who"][0].is_cascade
