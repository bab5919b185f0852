from __future__ import annotations

import pytest

from engine.ledger import Category, Left
from engine.scheduling.policies.original import Original
from engine.scheduling.problem import Budget, Place
from sim.day import simulate_scenario
from sim.scenario import Scenario
from sim.timeline import TimelineRecorder
from tests.scheduling_problems import app, option, shared_trunks
from tests.sim.days import arrivals, device

LARGE = option("who", "large", 0.9)


def test_a_bin_counts_what_was_captured_in_it() -> None:
    recorder = TimelineRecorder()
    recorder.served(0.2, LARGE, Place.DEVICE, 0.9, 5.0)
    recorder.served(0.9, LARGE, Place.CLOUD, 0.8, 0.1)
    recorder.unserved(2.5, "who", "late")
    recorder.spent(2.6, Category.RADIO, 1.5, 0.01)
    recorder.left(2.7, Left(10.0, 0.5, 60.0))
    timeline = recorder.timeline()
    assert [b.start_s for b in timeline.bins] == [0.0, 1.0, 2.0]
    first, second, third = timeline.bins
    who = first.apps["who"]
    assert (who.requests, who.served, who.right) == (2, 2, pytest.approx(1.7))
    assert (who.places, who.variants) == ({"device": 1, "cloud": 1}, {"large/who": 2})
    assert (second.apps, second.energy_left_j) == ({}, None)
    assert third.apps["who"].unserved == {"late": 1}
    assert (third.energy_j, third.cost_usd, third.energy_left_j) == ({"radio": 1.5}, 0.01, 10.0)


def test_a_long_day_has_no_more_bins_than_a_short_one_and_loses_nothing() -> None:
    recorder = TimelineRecorder(most_bins=8)
    for t_s in range(100):
        recorder.served(float(t_s), LARGE, Place.DEVICE, 0.9, 0.1)
        recorder.spent(float(t_s), Category.EXECUTION, 2.0, 0.0)
        recorder.left(float(t_s), Left(100.0 - t_s, 1.0, 1.0))
    timeline = recorder.timeline()
    assert (timeline.bin_s, len(timeline.bins)) == (16.0, 7)
    assert [b.apps["who"].requests for b in timeline.bins] == [16] * 6 + [4]
    assert sum(b.energy_j["execution"] for b in timeline.bins) == pytest.approx(200.0)
    assert [b.energy_left_j for b in timeline.bins] == [85.0, 69.0, 53.0, 37.0, 21.0, 5.0, 1.0]


def test_a_simulated_day_and_its_timeline_agree() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=50.0, period_s=1000.0), load_share=0.5)
    recorder = TimelineRecorder()
    scenario = Scenario("day", (device(problem, arrivals(0.0, 5.0, 9.0, 400.0, 900.0)),))
    (result,) = simulate_scenario(scenario, Original, lambda _: recorder)
    bins = recorder.timeline().bins
    assert sum(b.apps["who"].requests for b in bins if b.apps) == result.requests
    assert sum(b.apps["who"].served for b in bins if b.apps) == result.served
    for category, energy_j in result.energy_j.items():
        assert sum(b.energy_j.get(category, 0.0) for b in bins) == pytest.approx(energy_j)
