from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import MeterFailed
from catalog.meters.battery import BatteryMeter, BatteryReading, BatteryStatus, open_battery
from tests.catalog.meters.trees import battery, update


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def meter_of(folder: Path) -> tuple[BatteryMeter, Clock]:
    clock = Clock()
    meter = BatteryMeter(open_battery(folder.parent), clock)
    assert meter.read_j() == 0.0
    return meter, clock


def test_power_is_integrated_over_time(tmp_path: Path) -> None:
    folder = battery(tmp_path, power_now=4_000_000)
    meter, clock = meter_of(folder)
    clock.now_s = 10.0
    assert meter.read_j() == pytest.approx(40.0)
    update(folder, power_now=6_000_000)
    clock.now_s = 12.0
    assert meter.read_j() == pytest.approx(50.0)


@pytest.mark.parametrize("current_ua", [500_000, -500_000])  # the sign of a current that flows out differs
def test_power_is_current_times_voltage_where_there_is_no_power(tmp_path: Path, current_ua: int) -> None:
    meter, clock = meter_of(battery(tmp_path, current_now=current_ua, voltage_now=3_800_000))
    clock.now_s = 10.0
    assert meter.read_j() == pytest.approx(19.0)


def test_a_negative_power_is_as_large_as_a_positive_one(tmp_path: Path) -> None:
    meter, clock = meter_of(battery(tmp_path, power_now=-2_000_000))
    clock.now_s = 3.0
    assert meter.read_j() == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("before", "after", "joules"),
    [
        ({"energy_now": 50_000_000}, {"energy_now": 49_990_000}, 36.0),
        ({"charge_now": 2_000_000, "voltage_now": 4_000_000}, {"charge_now": 1_999_000}, 14.4),
    ],
)
def test_where_there_is_no_power_what_is_left_tells(
    tmp_path: Path, before: dict[str, int], after: dict[str, int], joules: float
) -> None:
    files = dict(before)
    folder = battery(tmp_path, **files)
    if "voltage_now" in before:
        (folder / "current_now").unlink(missing_ok=True)
    meter, _ = meter_of(folder)
    update(folder, **after)
    assert meter.read_j() == pytest.approx(joules)
    assert meter.read_j() == pytest.approx(joules)  # a gauge moves in steps


def test_charging_and_running_from_the_mains_are_not_counted(tmp_path: Path) -> None:
    folder = battery(tmp_path, power_now=4_000_000)
    meter, clock = meter_of(folder)
    clock.now_s = 10.0
    for status in ("Charging", "Full", "Not charging", "Unknown", "Something new"):
        update(folder, status=status)
        with pytest.raises(MeterFailed, match="BAT0 is not discharging but: "):
            meter.read_j()
    clock.now_s = 20.0
    update(folder, status="Discharging")
    assert meter.read_j() == 0.0  # what it gave before it charged is not known to the end
    clock.now_s = 21.0
    assert meter.read_j() == pytest.approx(4.0)


def test_a_gauge_that_gives_nothing_while_it_discharges_is_not_believed(tmp_path: Path) -> None:
    folder = battery(tmp_path, power_now=0)
    with pytest.raises(MeterFailed, match="says that it gives 0 W"):
        BatteryMeter(open_battery(tmp_path), Clock()).read_j()
    update(folder, power_now="nan")
    with pytest.raises(MeterFailed, match="power_now: holds no number"):
        BatteryMeter(open_battery(tmp_path), Clock()).read_j()


def test_a_minute_without_a_sample_is_not_guessed(tmp_path: Path) -> None:
    meter, clock = meter_of(battery(tmp_path, power_now=4_000_000))
    clock.now_s = 3600.0  # it slept
    with pytest.raises(MeterFailed, match="no sample of the power for 3600 s"):
        meter.read_j()
    clock.now_s = 3601.0
    assert meter.read_j() == pytest.approx(4.0)


def test_a_battery_that_says_nothing_is_no_meter(tmp_path: Path) -> None:
    battery(tmp_path, capacity=80)
    with pytest.raises(MeterFailed, match="BAT0 has neither power_now"):
        BatteryMeter(open_battery(tmp_path))


def test_the_battery_of_a_mouse_is_not_the_devices(tmp_path: Path) -> None:
    battery(tmp_path, "hidpp_battery_0", scope="Device", power_now=1)
    update(battery(tmp_path, "AC"), type="Mains")
    with pytest.raises(MeterFailed, match="shows no battery of the device"):
        open_battery(tmp_path)
    battery(tmp_path, "BAT1", scope="System", power_now=1)
    assert open_battery(tmp_path).name == "BAT1"


def test_a_reading_says_how_full_it_is_and_what_it_holds(tmp_path: Path) -> None:
    folder = battery(tmp_path, capacity=73, charge_now=2_000_000, voltage_now=3_600_000, current_now=1)
    gauge = open_battery(tmp_path)
    assert gauge.read() == BatteryReading(BatteryStatus.DISCHARGING, 0.73, pytest.approx(25_920.0))
    for file in ("capacity", "charge_now"):
        (folder / file).unlink()
    update(folder, energy_now=10_000_000, energy_full=40_000_000, status="Charging")
    assert gauge.read() == BatteryReading(BatteryStatus.CHARGING, 0.25, pytest.approx(36_000.0))
    (folder / "energy_now").unlink()
    assert gauge.read() == BatteryReading(BatteryStatus.CHARGING, None, None)
