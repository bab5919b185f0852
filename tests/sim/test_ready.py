from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from catalog.errors import BadInput
from engine.scheduling.problem import Place, configuration_cost
from sim.ready import random_day, ready_names, ready_scenario, ready_table


@pytest.mark.parametrize("name", ["commuter", "home-camera", "wearable"])
def test_a_ready_day_is_long_contested_and_in_order(name: str) -> None:
    (day,) = ready_scenario(name).devices
    arrivals = list(day.arrivals())
    assert all(a.t_s <= b.t_s for a, b in pairwise(arrivals))
    assert 10 * 3600 < arrivals[-1].t_s <= day.problem.budget.period_s <= 24 * 3600
    assert 15_000 < len(arrivals) < 60_000
    assert len({a.context for a in arrivals}) > 2
    most_j = {
        due: configuration_cost(
            day.problem,
            [max(day.problem.options[a], key=lambda o: o.accuracy * (o.place is Place.DEVICE)) for a in due],
        ).energy_j
        for due in {a.due for a in arrivals}
    }
    wanted_j = sum(count * most_j[due] for due, count in Counter(a.due for a in arrivals).items())
    assert 0.25 < day.problem.budget.energy_j / wanted_j < 0.65


def test_the_ready_ones_come_with_the_package_by_name() -> None:
    assert ready_names() == ["commuter", "home-camera", "wearable"]
    with pytest.raises(BadInput, match="scenario 'moon': expected one of commuter, home-camera"):
        ready_table("moon")


def test_the_wearable_asks_fifteen_questions_about_three_kinds_of_windows() -> None:
    problem = ready_scenario("wearable").devices[0].problem
    assert len(problem.apps) == 15
    assert {a.input_type for a in problem.apps.values()} == {"face", "scene", "object"}
    assert any(len(o.stages) == 2 and not o.contexts for o in problem.options["what"])
    assert any(o.contexts for o in problem.options["who"])


def test_a_seed_changes_what_comes_but_not_the_models() -> None:
    first, second = (ready_scenario("commuter", seed).devices[0] for seed in (1, 2))
    assert first.problem == second.problem
    assert next(first.arrivals()) != next(second.arrivals())


def test_several_devices_share_a_cloud() -> None:
    scenario = ready_scenario("commuter", devices=3)
    assert (len(scenario.devices), scenario.cloud_servers) == (3, 2)


def test_days_drawn_at_random_differ_in_everything_and_are_drawn_alike_again() -> None:
    days = [random_day(seed).devices[0] for seed in range(12)]
    budgets = [d.problem.budget for d in days]
    assert len({b.energy_j for b in budgets}) == len({b.cost_usd for b in budgets}) == 12
    assert {b.memory_bytes == float("inf") for b in budgets} == {True, False}
    assert {d.problem.profile is None for d in days} == {True, False}
    limited = {len(d.problem.apps) for d in days if d.problem.budget.memory_bytes < float("inf")}
    assert len(limited) > 1
    again = random_day(5).devices[0]
    assert again.problem == days[5].problem
    assert next(again.arrivals()) == next(days[5].arrivals())
