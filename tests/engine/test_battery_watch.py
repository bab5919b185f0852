"""When a battery counts as charged anew, and that a folder like the kernel's is followed."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from catalog.meters.battery import BatteryReading, BatteryStatus, open_battery
from engine.battery_watch import BatteryWatch, ChargeLatch
from tests.catalog.meters.trees import battery, update

TIMEOUT_S = 60.0
CHARGING, DISCHARGING = BatteryStatus.CHARGING, BatteryStatus.DISCHARGING
FULL, IDLE = BatteryStatus.FULL, BatteryStatus.NOT_CHARGING

Look = tuple[BatteryStatus, float | None]


def anew(looks: list[Look], every_s: float = 15.0) -> list[int]:
    """Return at which looks the battery counted as charged anew."""
    latch = ChargeLatch()
    readings = [BatteryReading(status, charged, None) for status, charged in looks]
    return [i for i, r in enumerate(readings) if latch.charged_anew(r, i * every_s)]


def test_it_is_charged_when_it_becomes_full_and_when_it_is_unplugged_full() -> None:
    day: list[Look] = [(DISCHARGING, 0.3), (CHARGING, 0.31), (CHARGING, 0.94), (CHARGING, 0.95), (FULL, 1.0)]
    assert anew([*day, (DISCHARGING, 1.0), (DISCHARGING, 0.93), (DISCHARGING, 0.5)]) == [3, 5]


def test_unplugged_before_it_is_full_it_is_not() -> None:
    assert anew([(DISCHARGING, 0.3), (CHARGING, 0.6), (DISCHARGING, 0.6), (DISCHARGING, 0.2)]) == []


def test_a_gauge_that_wavers_about_full_is_not_charged_again_and_again() -> None:
    wavering: list[Look] = [(CHARGING, 0.95), (CHARGING, 0.94), (CHARGING, 0.96), (IDLE, 0.93)]
    assert anew([(DISCHARGING, 0.5), *(3 * wavering)]) == [1]


def test_it_is_full_no_longer_from_90_percent_on() -> None:
    looks: list[Look] = [(DISCHARGING, 0.5), (FULL, 1.0), (DISCHARGING, 0.9), (CHARGING, 0.92)]
    assert anew([*looks, (DISCHARGING, 0.92), (CHARGING, 0.96)]) == [1, 5]


def test_a_full_one_at_the_start_renews_nothing_until_it_is_unplugged() -> None:
    assert anew([(FULL, 1.0), (FULL, 1.0), (DISCHARGING, 0.99)]) == [2]


def test_in_the_dock_it_counts_as_charged_every_hour() -> None:
    docked: list[Look] = [(FULL, 1.0)] * 10
    assert anew([(CHARGING, 0.5), *docked], every_s=1200.0) == [1, 4, 7, 10]


def test_a_gauge_that_only_says_full_is_enough() -> None:
    looks: list[Look] = [(DISCHARGING, None), (CHARGING, None), (FULL, None), (DISCHARGING, None)]
    assert anew([*looks, (CHARGING, None), (DISCHARGING, None)]) == [2, 3]


def test_a_folder_is_followed_and_a_battery_that_is_taken_out_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = battery(tmp_path, capacity=40)
    charged: list[str] = []
    watch = BatteryWatch(open_battery(tmp_path), lambda: charged.append("anew"), every_s=3600.0)
    update(folder, status="Charging", capacity=97)
    watch.look()
    assert charged == ["anew"]
    (folder / "status").rename(folder / "gone")
    with caplog.at_level(logging.WARNING):
        watch.look()
        watch.look()
    assert len(caplog.messages) == 1 and "status: No such file" in caplog.messages[0]
    watch.close()


def test_it_is_looked_at_without_being_asked(tmp_path: Path) -> None:
    folder = battery(tmp_path, capacity=40)
    charged = threading.Event()
    watch = BatteryWatch(open_battery(tmp_path), charged.set, every_s=0.001)
    update(folder, status="Full", capacity=100)
    assert charged.wait(TIMEOUT_S)
    watch.close()
