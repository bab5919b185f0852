from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from engine.scheduling.problem import App
from sim.generated.itinerary import (
    Bursts,
    Demand,
    LinkShape,
    Stretch,
    context_names,
    day_length_s,
    expected_profile,
    expected_windows,
    make_arrivals,
    make_network,
)
from sim.generated.stays import ContextStays, OnOffStays

EVERY = App("who", "who", "face")
SELDOM = App("age", "age", "face", wanted_hz=0.1)
BUSY = Demand(1.0, Bursts(6.0, 5.0, 100.0), {"family": 0.75, "": 0.25}, 60.0)
DAY = (
    Stretch("quiet", 3600.0, {"face": Demand(0.2)}),
    Stretch("night", 1800.0, {}, LinkShape(0.0)),
    Stretch("busy", 36_000.0, {"face": BUSY, "scene": Demand(0.05)}, LinkShape(300.0, 60.0, 5.0)),
)


def test_what_is_expected_is_what_comes() -> None:
    expected = expected_windows(DAY)
    assert expected["face"] == pytest.approx(0.2 * 3600 + 36_000 * (1.0 + 4.0 * 100.0 / 700.0))
    arrivals = list(make_arrivals(DAY, [EVERY, App("where", "where", "scene")], 1)())
    counts = Counter(a.input_type for a in arrivals)
    assert counts["face"] == pytest.approx(expected["face"], rel=0.1)
    assert counts["scene"] == pytest.approx(expected["scene"], rel=0.1)
    assert day_length_s(DAY) == 41_400.0


def test_windows_come_in_order_only_where_a_stretch_has_some() -> None:
    times_s = [a.t_s for a in make_arrivals(DAY, [EVERY], 1)()]
    assert times_s == sorted(times_s)
    assert not any(3600.0 <= t < 5400.0 for t in times_s)


def test_contexts_take_their_shares_of_the_time() -> None:
    arrivals = [a for a in make_arrivals(DAY, [EVERY], 1)() if a.t_s >= 5400.0]
    share = sum(a.context == "family" for a in arrivals) / len(arrivals)
    assert share == pytest.approx(0.75, abs=0.1)
    assert context_names(DAY, "face") == ("family",)
    assert context_names(DAY, "scene") == ()


def test_an_app_with_a_rate_is_due_no_more_often() -> None:
    arrivals = list(make_arrivals(DAY, [EVERY, SELDOM], 1)())
    assert all("who" in a.due for a in arrivals)
    assert sum("age" in a.due for a in arrivals) <= 0.1 * 39_600 + 2


def test_a_device_that_knows_the_day_expects_it_hour_by_hour() -> None:
    profile = expected_profile(DAY)
    assert profile.windows("face", 0.0, 3600.0) == pytest.approx(0.2 * 3600)
    assert profile.windows("face", 0.0, 43_200.0) == pytest.approx(expected_windows(DAY)["face"])
    assert profile.windows("scene", 0.0, 3600.0) == 0.0


def test_the_link_is_there_as_long_as_its_stays_say() -> None:
    network = make_network(DAY, 1)
    assert network.is_connected(100.0)
    assert network.mbps(100.0) == float("inf")
    assert not any(network.is_connected(t) for t in np.arange(3600.0, 5400.0, 10.0))
    busy = np.arange(5400.0, 41_400.0, 10.0)
    assert np.mean([network.is_connected(t) for t in busy]) == pytest.approx(300 / 360, abs=0.08)
    assert np.median([network.mbps(t) for t in busy]) == pytest.approx(5.0, rel=0.2)


def test_stays_end_and_the_first_is_as_it_was_told() -> None:
    rng = np.random.default_rng(0)
    always, never = (OnOffStays(rng, up, 10.0, starts_on=up > 0.0) for up in (float("inf"), 0.0))
    assert (list(always.changes(1e6)), list(never.changes(1e6))) == ([(0.0, True)], [(0.0, False)])
    changes = list(OnOffStays(rng, 10.0, 5.0, starts_on=True).changes(1000.0))
    assert [on for _, on in changes[:4]] == [True, False, True, False]
    assert ContextStays(rng, {"only": 1.0}, 5.0).at(100.0) == "only"
