from __future__ import annotations

from dataclasses import replace

import pytest

from engine.scheduling.problem import Budget, Option, Place, Problem, Stage
from engine.scheduling.promising_trunks import Promise, promising_trunks
from specializer.cascade import CascadeRates, HeadCost, RatesByCount
from tests.engine.scheduling.test_special_options import PROBLEM, RATES, WITH_MIDDLE, piece, whole

SKEW = 0.95
# What a weak trunk knows, and a better one: the first passes much on, the second little.
WEAK, STRONG = CascadeRates(0.6, 0.38, 0.99), CascadeRates(0.95, 0.03, 0.9)


def promises(
    rates: dict[str, CascadeRates], shared: frozenset[str] = frozenset(), problem: Problem = WITH_MIDDLE
) -> list[Promise]:
    known = {f"{trunk}/identity": RatesByCount({2: r}) for trunk, r in rates.items()}
    return promising_trunks(problem, problem.options["who"][0], shared, known, 0.1, SKEW)


def test_the_trunk_that_saves_most_is_taken() -> None:
    known = {"small/identity": RatesByCount({2: RATES})}
    (found,) = promising_trunks(PROBLEM, PROBLEM.options["who"][0], frozenset(), known, 0.1, SKEW)
    stakes = found.stakes
    assert (found.option.variant, found.second) == ("small/identity", None)
    assert (stakes.generic_cost, stakes.special_cost, stakes.head_cost) == (0.01, 0.001, 0.1)
    assert stakes.second_cost == 0.0


def test_nothing_pays_where_other_apps_run_the_generic_trunk_anyway() -> None:
    assert promises({"small": RATES, "middle": RATES}, frozenset({"large"})) == []


def test_a_trunk_that_makes_the_answers_worse_is_not_taken() -> None:
    assert promises({"small": CascadeRates(0.7, 0.1, 0.9)}) == []


def test_a_better_trunk_comes_second_where_the_first_passes_much_on() -> None:
    first, alone = promises({"small": WEAK, "middle": STRONG})
    assert first.option.variant == "small/identity"
    assert first.second is not None and first.second.variant == "middle/identity"
    assert first.stakes.special_costs == pytest.approx(HeadCost(0.001, 0.0032))
    expected = first.stakes.rates.of(2)
    assert (expected.accuracy_in, expected.in_to_other, expected.accuracy_out) == (0.95, 0.03, 0.9)
    assert expected.second_asked(SKEW) == pytest.approx(WEAK.passed_on(SKEW))
    assert (alone.option.variant, alone.second) == ("middle/identity", None)


def test_a_first_head_that_hardly_passes_anything_on_stays_alone() -> None:
    first, _ = promises({"small": STRONG, "middle": STRONG})
    assert (first.option.variant, first.second) == ("small/identity", None)


def on_stem(trunk: str, accuracy: float) -> Option:
    stage = Stage(Place.DEVICE, ("stem", trunk), f"{trunk}-head")
    return Option("who", f"{trunk}/identity", accuracy, (stage,))


STEM = replace(
    WITH_MIDDLE,
    options={"who": (whole("large", 0.93), on_stem("middle", 0.85), on_stem("small", 0.8))},
    pieces={**WITH_MIDDLE.pieces, "stem": piece(0.0005)},
)


APART = replace(STEM, options={"who": (*STEM.options["who"][:2], whole("small", 0.8))})


@pytest.mark.parametrize(
    ("problem", "shared", "cost"),
    [
        (STEM, frozenset(), HeadCost(0.0015, 0.0032)),
        (STEM, frozenset({"stem"}), HeadCost(0.001, 0.0032)),
        (APART, frozenset(), HeadCost(0.001, 0.0037)),
        (APART, frozenset({"stem"}), HeadCost(0.001, 0.0032)),
    ],
)
def test_what_the_first_trunk_or_other_apps_have_run_costs_a_second_head_nothing(
    problem: Problem, shared: frozenset[str], cost: HeadCost
) -> None:
    first = promises({"small": WEAK, "middle": STRONG}, shared, problem)[0]
    assert first.second is not None
    assert first.stakes.special_costs == pytest.approx(cost)


def test_a_trunk_that_other_apps_run_anyway_comes_first_and_needs_no_second() -> None:
    first, *_ = promises({"small": WEAK, "middle": STRONG}, frozenset({"middle"}))
    assert (first.option.variant, first.second) == ("middle/identity", None)
    assert first.stakes.special_cost == pytest.approx(0.0002)


def pairs(problem: Problem) -> list[tuple[str, str | None]]:
    found = promises({"small": WEAK, "middle": STRONG}, problem=problem)
    return [(p.option.variant, None if p.second is None else p.second.variant) for p in found]


@pytest.mark.parametrize(
    ("memory_bytes", "expected"),
    [
        (6000, [("small/identity", "middle/identity"), ("middle/identity", None)]),
        (5999, [("middle/identity", None), ("small/identity", None)]),
        (3999, []),
    ],
)
def test_only_trunks_that_fit_into_memory_together_are_taken(
    memory_bytes: int, expected: list[tuple[str, str | None]]
) -> None:
    assert pairs(replace(WITH_MIDDLE, budget=Budget(memory_bytes=memory_bytes))) == expected


@pytest.mark.parametrize(
    ("limit_s", "expected"),
    [
        (0.0285, [("small/identity", "middle/identity"), ("middle/identity", None)]),
        (0.0283, [("middle/identity", None), ("small/identity", None)]),
        (0.0263, [("small/identity", None)]),
        (0.0219, []),
    ],
)
def test_only_trunks_with_which_an_answer_is_in_time_are_taken(
    limit_s: float, expected: list[tuple[str, str | None]]
) -> None:
    app = replace(WITH_MIDDLE.apps["who"], latency_limit_s=limit_s)
    assert pairs(replace(WITH_MIDDLE, apps={"who": app})) == expected
