from __future__ import annotations

import pytest

from engine.ledger import Category
from engine.scheduling.problem import Option, Place
from sim.day_courses import (
    accuracy_course,
    energy_course,
    model_counts,
    money_course,
    place_counts,
    reason_counts,
    shares,
    totals,
)
from sim.timeline import Timeline, TimelineRecorder
from tests.scheduling_problems import option


def watched() -> Timeline:
    """Four bins of a second: answers in the first and the last, refusals in the first and second."""
    recorder = TimelineRecorder()
    for app, trunk, t_s in (("who", "large", 0.1), ("odd", "large", 0.2), ("who", "small", 3.5)):
        answer: Option = option(app, trunk, 0.9)
        recorder.served(t_s, answer, Place.DEVICE, 0.8, 0.1)
    recorder.unserved(0.3, "who", "late")
    recorder.unserved(1.5, "who", "no energy")
    recorder.spent(0.1, Category.EXECUTION, 2.0, 0.1)
    recorder.spent(3.5, Category.RADIO, 1.0, 0.2)
    return recorder.timeline()


def test_accuracy_weighs_apps_and_is_unknown_where_nothing_was_asked() -> None:
    points = accuracy_course(watched(), {"who": 1.0, "odd": 2.0}, most_bins=4)
    assert [t for t, _ in points] == [0.5, 1.5, 2.5, 3.5]
    assert [v for _, v in points] == [pytest.approx((0.8 + 2 * 0.8) / 4), 0.0, None, pytest.approx(0.8)]


def test_bins_are_put_together_for_a_calmer_line() -> None:
    points = accuracy_course(watched(), {}, most_bins=3)
    assert points == [(1.0, pytest.approx(1.6 / 4)), (3.0, pytest.approx(0.8))]


def test_spending_adds_up_from_zero() -> None:
    assert energy_course(watched()) == [(0.0, 0.0), (1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (4.0, 3.0)]
    assert money_course(watched())[-1] == (4.0, pytest.approx(0.3))


def test_shares_are_of_the_requests_of_a_bin_and_models_are_counted_over_apps() -> None:
    timeline = watched()
    assert totals([timeline], model_counts) == ["large", "small"]
    assert shares(timeline, model_counts, ["large"]) == {
        "large": [pytest.approx(2 / 3), 0.0, 0.0, 0.0],
        "": [0.0, 0.0, 0.0, 1.0],
    }
    assert shares(timeline, place_counts, ["device"])["device"] == [pytest.approx(2 / 3), 0.0, 0.0, 1.0]
    assert shares(timeline, reason_counts, ["late", "no energy"])["no energy"] == [0.0, 1.0, 0.0, 0.0]


def test_a_day_without_a_bin_has_no_course() -> None:
    empty = TimelineRecorder().timeline()
    assert accuracy_course(empty, {}, 60) == []
    assert energy_course(empty) == [(0.0, 0.0)]
    assert shares(empty, place_counts, ["device"]) == {"device": [], "": []}
