from __future__ import annotations

import pytest

from catalog.errors import BadInput
from catalog.variant_table import SpecialisedVariant, TableCost, TableVariant
from engine.scheduling.problem import App, Budget, Link, Place, configuration_cost
from engine.scheduling.table_problem import CloudOffer, TaskContext, VariantTable, problem_from_table

LARGE = TableVariant("large", "face", 0.8, TableCost(12.0, 3.0, 2.0, 0.15, 0.02), 400)
SMALL = TableVariant("small", "face", 0.6, TableCost(4.0, 0.4, 0.1, 0.02, 0.005), 10)
SPECIAL = SpecialisedVariant(
    "special", "face", TableCost(2.0, 0.1, 0.5, 0.01, 0.002), 7, {0.6: 0.85, 0.9: 0.9}
)
APPS = [App("who", "face", "face"), App("age", "face", "face")]


def test_a_variant_runs_at_the_device_and_in_the_cloud() -> None:
    problem = problem_from_table(
        VariantTable([LARGE, SMALL]), APPS, Budget(), Link(exchange_j=0.5), CloudOffer(1e-4, 10_000)
    )
    found = [(o.variant, o.place) for o in problem.options["who"]]
    assert found == [(v, p) for v in ("large", "small") for p in (Place.DEVICE, Place.CLOUD)]
    away = problem.options["who"][1]
    cost = configuration_cost(problem, [away])
    assert (cost.energy_j, cost.cost_usd, cost.cloud_s) == (0.5, pytest.approx(2e-6), 0.02)
    assert problem.pieces["large"].run_energy_j == 3.0
    assert problem.pieces["large"].memory_bytes == 400


def test_without_a_cloud_everything_runs_at_the_device() -> None:
    problem = problem_from_table(VariantTable([LARGE, SMALL]), APPS, Budget())
    assert {o.place for own in problem.options.values() for o in own} == {Place.DEVICE}


def test_a_further_app_of_the_same_task_rides_for_nothing() -> None:
    problem = problem_from_table(VariantTable([LARGE, SMALL]), APPS, Budget(), cloud=CloudOffer(1e-4, 10))
    here = [problem.options[a][0] for a in ("who", "age")]
    away = [problem.options[a][1] for a in ("who", "age")]
    assert configuration_cost(problem, here) == configuration_cost(problem, here[:1])
    assert configuration_cost(problem, away) == configuration_cost(problem, away[:1])


def test_a_specialised_variant_goes_on_to_the_most_accurate_one_while_a_context_holds() -> None:
    contexts = [TaskContext("family", "face", 5, 0.9), TaskContext("party", "face", 30, 0.9)]
    problem = problem_from_table(VariantTable([LARGE, SMALL], [SPECIAL], contexts), APPS, Budget())
    cascade = problem.options["who"][-1]
    assert (cascade.variant, cascade.accuracy) == ("special>large", 0.0)
    assert [s.parts for s in cascade.stages] == [("special",), ("large",)]
    assert cascade.accuracy_in("family") == pytest.approx(0.9 * 0.9 + 0.1 * 0.9 * 0.8)
    assert cascade.probabilities_in("family") == (1.0, pytest.approx(0.1 * 0.9))
    assert cascade.accuracy_in("party") == 0.0
    assert problem.pieces["special"].memory_bytes == 100


def test_a_skew_between_those_of_the_table_counts_as_the_smaller_one() -> None:
    table = VariantTable([LARGE], [SPECIAL], [TaskContext("visit", "face", 7, 0.85)])
    (_, cascade) = problem_from_table(table, APPS, Budget()).options["who"]
    assert cascade.accuracy_in("visit") == pytest.approx(0.85 * 0.85 + 0.15 * 0.85 * 0.8)


def test_below_every_skew_of_the_table_nothing_is_specialised() -> None:
    table = VariantTable([LARGE], [SPECIAL], [TaskContext("crowd", "face", 7, 0.3)])
    assert len(problem_from_table(table, APPS, Budget()).options["who"]) == 1


def test_options_below_an_accuracy_floor_are_left_out() -> None:
    (app,) = [App("who", "face", "face", accuracy_floor=0.7)]
    assert [
        o.variant for o in problem_from_table(VariantTable([LARGE, SMALL]), [app], Budget()).options["who"]
    ] == ["large"]


def test_a_task_that_the_table_lacks_and_a_variant_without_a_size_are_refused() -> None:
    with pytest.raises(BadInput, match=r"app dog: task 'breed': the table has \['face'\]"):
        problem_from_table(VariantTable([LARGE]), [App("dog", "breed", "object")], Budget())
    unsized = TableVariant("free", "face", 0.8, LARGE.cost)
    with pytest.raises(BadInput, match="variant free: no size"):
        problem_from_table(VariantTable([unsized]), APPS, Budget())
