from __future__ import annotations

import itertools
import math

import pytest

from engine.snapshot import BudgetFigures
from mcdnn.web.pace_course import PaceCourse, passed_s

PERIOD_S = 100_000.0


def budget(t_s: float, renewals: int = 0, energy_j: float = 500.0) -> BudgetFigures:
    """A moment of a period of 100,000 s in which 2 W are spent."""
    return BudgetFigures(
        energy_j=energy_j,
        spent_j=2.0 * t_s,
        period_s=PERIOD_S,
        period_left_s=PERIOD_S - t_s,
        renewals=renewals,
    )


def test_points_are_spending_over_the_time_of_the_period() -> None:
    course = PaceCourse()
    for tenth in range(25):
        course.add(tenth / 10.0, budget(tenth / 10.0))
    told = course.told(budget(2.4))
    assert told["passed_s"] == pytest.approx([0.0, 1.0, 2.0])
    assert told["spent_j"] == pytest.approx([0.0, 2.0, 4.0])
    assert (told["energy_j"], told["cost_usd"], told["period_s"]) == (500.0, None, 100_000.0)


def test_a_long_period_has_few_points_evenly_over_all_of_it() -> None:
    course = PaceCourse()
    for t_s in range(50_000):
        course.add(float(t_s), budget(float(t_s)))
    passed = course.told(budget(50_000.0))["passed_s"]
    assert 100 < len(passed) <= 240
    assert passed[0] == 0.0 and passed[-1] > 49_000.0
    steps = {round(b - a) for a, b in itertools.pairwise(passed)}
    assert len(steps) == 1


def test_a_new_period_begins_anew() -> None:
    course = PaceCourse()
    course.add(7.0, budget(7.0))
    course.add(7.5, budget(0.5, renewals=1))
    assert course.told(budget(0.5, renewals=1))["passed_s"] == pytest.approx([0.5])


def test_without_a_limit_there_is_none_to_draw() -> None:
    told = PaceCourse().told(budget(1.0, energy_j=math.inf))
    assert told["energy_j"] is None


def test_before_anything_is_known_of_a_period_all_of_the_run_has_passed() -> None:
    assert passed_s(BudgetFigures(), 3.0) == 3.0
