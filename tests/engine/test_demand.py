from __future__ import annotations

import pytest

from engine.demand import DemandMeter


def watched(seconds: float, windows: int = 2, fps: float = 10.0, energy_j: float = 0.01) -> DemandMeter:
    meter = DemandMeter()
    for i in range(round(seconds * fps) + 1):
        meter.add_frame(energy_j, {"digit": windows}, i / fps)
    return meter


def test_rates_are_those_of_the_source() -> None:
    demand = watched(5.0).demand(["digit"])
    assert demand is not None
    assert demand.windows_hz["digit"] == pytest.approx(20.0)
    assert demand.frames_hz == pytest.approx(10.0)
    assert demand.frame_energy_j == pytest.approx(0.01)


def test_nothing_is_said_before_a_second_has_passed() -> None:
    meter = watched(0.9)
    assert meter.demand(["digit"]) is None
    assert meter.power_w == 0.0
    assert watched(1.0).power_w == pytest.approx(0.1)


def test_what_the_first_frame_takes_is_not_taken_for_the_rule() -> None:
    meter = DemandMeter()
    meter.add_frame(5.0, {}, 0.0)
    for i in range(1, 21):
        meter.add_frame(0.01, {}, i / 10)
    assert meter.power_w == pytest.approx(0.1)


def test_a_single_slow_frame_of_a_slow_source_does_not_decide() -> None:
    assert watched(9.0, fps=1.0, energy_j=5.0).power_w == 0.0
    assert watched(10.0, fps=1.0, energy_j=0.01).power_w == pytest.approx(0.01)


def test_an_input_type_that_came_later_is_waited_for() -> None:
    meter = watched(5.0)
    assert meter.demand(["digit", "face"]) is None
    for i in range(11):
        meter.add_frame(0.01, {"digit": 2, "face": 1}, 5.0 + i / 10)
        assert (meter.demand(["digit", "face"]) is None) == (i < 10)
    demand = meter.demand(["digit", "face"])
    assert demand is not None
    assert demand.windows_hz == {"digit": pytest.approx(20.0, rel=0.02), "face": pytest.approx(10.0)}


def test_a_change_is_followed_within_some_ten_minutes() -> None:
    meter = watched(3600.0, energy_j=0.01, fps=2.0)
    for i in range(1, 3600):
        meter.add_frame(0.04, {"digit": 2}, 3600.0 + i / 2)
    assert meter.power_w == pytest.approx(0.08, rel=0.05)


def test_frames_of_one_moment_give_no_rate() -> None:
    meter = DemandMeter()
    for _ in range(3):
        meter.add_frame(0.01, {"digit": 1}, 7.0)
    assert meter.demand(["digit"]) is None


def test_without_apps_frames_are_known_all_the_same() -> None:
    demand = watched(2.0).demand([])
    assert demand is not None
    assert demand.windows_hz == {}
    assert demand.frames_hz == pytest.approx(10.0)


def test_another_price_of_energy_holds_for_what_was_counted_before() -> None:
    meter = watched(5.0, energy_j=0.01)
    meter.reprice(2.0)
    demand = meter.demand(["digit"])
    assert demand is not None
    assert (demand.frame_energy_j, meter.power_w) == (pytest.approx(0.02), pytest.approx(0.2))
    assert demand.frames_hz == pytest.approx(10.0)
