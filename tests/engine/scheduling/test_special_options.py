from __future__ import annotations

from dataclasses import replace

import pytest

from engine.scheduling.problem import App, Option, PieceCost, Place, Problem, Stage, configuration_cost
from engine.scheduling.special_options import (
    OfferedSecond,
    SpecialOffer,
    special_heads,
    with_specials,
    without_specials,
)
from specializer.cascade import CascadeRates

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


WITH_MIDDLE = replace(
    PROBLEM,
    options={"who": (whole("large", 0.93), whole("middle", 0.85), whole("small", 0.8))},
    pieces={**PROBLEM.pieces, "middle": piece(0.003), "middle-head": piece(0.0002)},
)
TWICE = replace(
    OFFER,
    rates=CascadeRates(0.97, 0.02, 0.9, second_in=0.2, second_out=0.95),
    second=OfferedSecond(("middle",), "special-middle", 200, "middle-head"),
)


def test_a_second_head_is_asked_about_what_the_first_passes_on() -> None:
    problem = with_specials(WITH_MIDDLE, [TWICE])
    (cascade,) = [o for o in problem.options["who"] if o.is_cascade]
    assert cascade.variant == "large/identity"
    assert cascade.where == "at the device after special and special-middle"
    assert [s.pieces for s in cascade.stages] == [
        ("small", "special"),
        ("middle", "special-middle"),
        ("large", "large-head"),
    ]
    asked = 0.9 * 0.2 + 0.1 * 0.95
    passed_on = 0.9 * 0.02 + 0.1 * 0.9
    generic = passed_on + 0.01 * (1 - passed_on)
    assert [s.probability for s in cascade.stages] == pytest.approx([1.0, asked, generic])
    assert cascade.accuracy == pytest.approx(TWICE.rates.accuracy(0.9, 0.93))


def test_three_stages_cost_what_each_of_them_takes_as_often_as_it_runs() -> None:
    problem = with_specials(WITH_MIDDLE, [TWICE])
    (cascade,) = [o for o in problem.options["who"] if o.is_cascade]
    cost = configuration_cost(problem, [cascade])
    asked, generic = 0.275, 0.108 + 0.01 * 0.892
    assert cost.run_s == pytest.approx(0.001 + 0.0032 * asked + 0.01 * generic)
    assert cost.energy_j == pytest.approx(10 * cost.run_s)
    assert cost.run_worst_s == pytest.approx(2 * (0.001 + 0.0032 + 0.01))


def test_a_part_of_two_later_stages_costs_as_often_as_the_likelier_of_them_runs() -> None:
    parted = replace(
        WITH_MIDDLE,
        options={
            "who": (
                Option(
                    "who", "large/identity", 0.93, (Stage(Place.DEVICE, ("stem", "large"), "large-head"),)
                ),
                Option(
                    "who", "middle/identity", 0.85, (Stage(Place.DEVICE, ("stem", "middle"), "middle-head"),)
                ),
                whole("small", 0.8),
            )
        },
        pieces={**WITH_MIDDLE.pieces, "stem": piece(0.002)},
    )
    second = OfferedSecond(("stem", "middle"), "special-middle", 200, "middle-head")
    problem = with_specials(parted, [replace(TWICE, second=second)])
    (cascade,) = [o for o in problem.options["who"] if o.is_cascade]
    asked, generic = 0.275, 0.108 + 0.01 * 0.892
    cost = configuration_cost(problem, [cascade])
    assert cost.run_s == pytest.approx(0.001 + 0.0052 * asked + 0.01 * generic)


def test_both_heads_are_pieces_of_the_problem_and_go_with_the_cascade() -> None:
    problem = with_specials(WITH_MIDDLE, [TWICE])
    assert special_heads(problem) == {"special", "special-middle"}
    assert [problem.pieces[h].memory_bytes for h in ("special", "special-middle")] == [100, 200]
    assert problem.pieces["special-middle"].run_s == 0.0002
    assert without_specials(problem) == WITH_MIDDLE


def test_only_what_is_slower_than_the_second_trunk_has_two_heads_in_front_of_it() -> None:
    quick = replace(
        WITH_MIDDLE,
        options={"who": (*WITH_MIDDLE.options["who"], whole("quick", 0.79))},
        pieces={**WITH_MIDDLE.pieces, "quick": piece(0.002), "quick-head": piece(0.0)},
    )
    once = with_specials(quick, [replace(TWICE, second=None)])
    faced = {o.variant for o in once.options["who"] if o.is_cascade}
    assert faced == {"large/identity", "middle/identity", "quick/identity"}
    twice = with_specials(quick, [TWICE])
    assert [o.variant for o in twice.options["who"] if o.is_cascade] == ["large/identity"]


def test_the_second_trunk_itself_has_no_two_heads_in_front_of_it_whatever_its_head_takes() -> None:
    pieces = {**WITH_MIDDLE.pieces, "other-head": piece(0.0001)}
    assert TWICE.second is not None
    alike = replace(TWICE, second=replace(TWICE.second, like="other-head"))
    problem = with_specials(replace(WITH_MIDDLE, pieces=pieces), [alike])
    assert [o.variant for o in problem.options["who"] if o.is_cascade] == ["large/identity"]


@pytest.mark.parametrize("lacking", ["middle", "middle-head"])
def test_a_second_head_on_a_trunk_that_the_problem_lacks_is_passed_over(lacking: str) -> None:
    options = {"who": (whole("large", 0.93), whole("small", 0.8))}
    pieces = {p: c for p, c in WITH_MIDDLE.pieces.items() if p != lacking}
    without = replace(WITH_MIDDLE, options=options, pieces=pieces)
    assert with_specials(without, [TWICE]) == without


def test_a_cascade_below_the_apps_floor_is_not_offered() -> None:
    strict = replace(PROBLEM, apps={"who": replace(PROBLEM.apps["who"], accuracy_floor=0.99)})
    assert not special_heads(with_specials(strict, [OFFER]))


def test_a_cascade_that_may_be_as_accurate_counts_as_such_and_comes_first() -> None:
    weak = replace(OFFER, rates=CascadeRates(0.92, 0.0, 0.9))
    first, second = with_specials(PROBLEM, [weak]).options["who"][:2]
    assert first.is_cascade
    assert first.accuracy == pytest.approx(second.accuracy, abs=1e-3)
    weaker = replace(OFFER, rates=CascadeRates(0.8, 0.0, 0.9))
    assert not with_specials(PROBLEM, [weaker]).options["who"][0].is_cascade
