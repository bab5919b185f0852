from __future__ import annotations

import pytest

from catalog.errors import BadInput
from engine.scheduling.day_profile import DayProfile
from engine.scheduling.forecast import Forecast, LinkForecast
from engine.scheduling.kinds import Kind
from engine.scheduling.problem import Budget, Problem
from tests.planning_problems import random_problem
from tests.scheduling_problems import app, shared_trunks

HOUR_S = 3600.0


def total(windows: dict[Kind, float], **wanted: object) -> float:
    return sum(n for k, n in windows.items() if all(getattr(k, a) == v for a, v in wanted.items()))


def watched(problem: Problem, hz: float, for_s: float, connected: bool = False) -> Forecast:
    forecast = Forecast(problem)
    forecast.see(connected, 0.0)
    for step in range(1, 101):
        forecast.demand.count("digit", ("who",), "", round(hz * for_s / 100))
        forecast.see(connected, step * for_s / 100)
    return forecast


def test_before_anything_is_seen_apps_ask_as_often_as_they_want() -> None:
    problem = shared_trunks([app("who", wanted_hz=0.2)])
    expected = Forecast(problem).outlook(problem, 10 * HOUR_S).expected()
    assert total(expected) == pytest.approx(7200.0)
    assert {k.due for k in expected} == {("who",)}


def test_what_is_seen_outweighs_what_was_expected() -> None:
    problem = shared_trunks([app("who", wanted_hz=0.2)])
    forecast = watched(problem, 1.0, 2 * HOUR_S)
    assert total(forecast.outlook(problem, 1000.0).expected()) == pytest.approx(1000.0, rel=0.1)


def test_kinds_share_an_input_types_windows_as_they_came() -> None:
    problem = shared_trunks([app("who"), app("odd")])
    forecast = Forecast(problem)
    forecast.see(False, 0.0)
    for step in range(1, 201):
        forecast.demand.count("digit", ("who", "odd"), "home", 3)
        forecast.demand.count("digit", ("who",), "", 1)
        forecast.see(False, 10.0 * step)
    expected = forecast.outlook(problem, 1000.0).expected()
    assert total(expected, context="home") == pytest.approx(0.75 * total(expected), rel=0.01)


def test_where_nothing_is_uncertain_there_is_one_future_that_begins_now() -> None:
    problem = shared_trunks([app("who", wanted_hz=1.0)])  # asks as often as it wants, and no cloud
    assert Forecast(problem).outlook(problem, HOUR_S).futures == ()


def test_a_demand_that_nothing_limits_may_be_more_or_less_than_seen() -> None:
    problem = shared_trunks([app("who")], Budget(period_s=10 * HOUR_S))
    outlook = watched(problem, 1.0, HOUR_S).outlook(problem, 9 * HOUR_S)
    many, few, flood = (total(dict(f.windows)) for f in outlook.futures)
    assert flood > 1.4 * many
    assert many > 1.6 * few
    assert total(outlook.expected()) == pytest.approx(9 * HOUR_S, rel=0.1)


def test_what_finding_windows_takes_is_as_uncertain_as_their_number() -> None:
    problem = shared_trunks([app("who")], Budget(period_s=10 * HOUR_S))
    outlook = watched(problem, 1.0, HOUR_S).outlook(problem, HOUR_S, held_back_j=100.0)
    more, less, _ = outlook.futures
    usual = 0.5 * (total(dict(more.windows)) + total(dict(less.windows)))
    assert outlook.soon_share == outlook.soon_s / HOUR_S
    for future in outlook.futures:
        expected_j = 100.0 * (1.0 - outlook.soon_share) * (total(dict(future.windows)) / usual - 1.0)
        assert future.beside_j == pytest.approx(expected_j)


def test_the_less_was_watched_the_further_apart_futures_are() -> None:
    problem = shared_trunks([app("who")], Budget(period_s=10 * HOUR_S))

    def apart(watched_s: float) -> float:
        many, few, _ = watched(problem, 1.0, watched_s).outlook(problem, HOUR_S).futures
        return total(dict(many.windows)) / total(dict(few.windows))

    assert apart(600.0) > apart(HOUR_S) > apart(3 * HOUR_S) > 1.8


def test_futures_differ_in_how_long_the_link_is_there() -> None:
    problem = random_problem(0, cloud=True)
    forecast = Forecast(problem)
    forecast.see(True, 0.0)
    outlook = forecast.outlook(problem, 10 * HOUR_S)
    shares = [total(dict(f.windows), connected=True) / total(dict(f.windows)) for f in outlook.futures]
    assert len(shares) == 3
    assert shares[2] <= shares[0] < shares[1]
    assert sum(f.probability for f in outlook.futures) == pytest.approx(1.0)


def test_a_link_is_expected_to_stay_as_it_is_for_a_moment_and_to_be_as_usual_later() -> None:
    link = LinkForecast()
    for hour in range(40):  # up for an hour, down for an hour
        link.see(hour % 2 == 0, hour * HOUR_S)
    assert link.share(60.0) < 0.05
    assert link.share(100 * HOUR_S) == pytest.approx(0.5, abs=0.05)
    assert link.spread(100 * HOUR_S) < link.spread(5 * HOUR_S)


def test_a_daily_profile_tells_what_is_still_to_come_at_the_level_that_is_seen() -> None:
    profile = DayProfile(HOUR_S, {"digit": (1.0, 3.0)})
    problem = shared_trunks([app("who", wanted_hz=10.0)], Budget(period_s=2 * HOUR_S))
    problem = Problem(problem.apps, problem.options, problem.pieces, problem.budget, profile=profile)
    as_usual = watched(problem, 1.0, HOUR_S).outlook(problem, HOUR_S).expected()
    twice = watched(problem, 2.0, HOUR_S).outlook(problem, HOUR_S).expected()
    assert total(as_usual) == pytest.approx(3.0 * HOUR_S, rel=0.02)
    assert 1.5 * total(as_usual) < total(twice) < 2.0 * total(as_usual)


def test_a_profile_repeats_after_its_last_bin() -> None:
    profile = DayProfile(10.0, {"digit": (1.0, 2.0)})
    assert profile.windows("digit", 5.0, 35.0) == pytest.approx(5.0 + 20.0 + 10.0 + 10.0)
    assert profile.windows("face", 0.0, 100.0) == 0.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0.0, {}), "bin_s = 0.0"),
        ((1.0, {"digit": (1.0,), "face": (1.0, 0.0)}), "same number of bins"),
        ((1.0, {"digit": (float("nan"),)}), "windows_hz"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(
    arguments: tuple[float, dict[str, tuple[float, ...]]], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        DayProfile(*arguments)
