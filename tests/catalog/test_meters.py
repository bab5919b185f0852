from __future__ import annotations

from pathlib import Path

import pytest

from catalog.devices import DeviceProfile
from catalog.meters import open_meter

PROFILE = DeviceProfile("bench", "made up", 2.0, 5.0)


def counter(folder: Path, name: str, energy_uj: int) -> Path:
    package = folder / name
    package.mkdir()
    (package / "energy_uj").write_text(f"{energy_uj}\n")
    (package / "max_energy_range_uj").write_text("10000000\n")
    return package / "energy_uj"


def test_without_a_meter_joules_are_processor_time_times_power(tmp_path: Path) -> None:
    times_s = iter([1.0, 3.5])
    meter = open_meter(PROFILE, lambda: next(times_s), tmp_path)
    assert meter.origin == "modelled"
    assert -meter.read_j() + meter.read_j() == pytest.approx(12.5)


def test_counters_of_all_packages_are_added_up_and_wrap(tmp_path: Path) -> None:
    first, second = counter(tmp_path, "intel-rapl:0", 9_000_000), counter(tmp_path, "intel-rapl:1", 0)
    counter(tmp_path, "intel-rapl:0:0", 0)  # part of package 0
    meter = open_meter(PROFILE, lambda: 0.0, tmp_path)
    assert (meter.origin, meter.read_j()) == ("measured", 0.0)
    first.write_text("1000000")
    second.write_text("500000")
    assert meter.read_j() == pytest.approx(2.5)


def test_a_counter_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", 0).write_text("")
    assert open_meter(PROFILE, lambda: 0.0, tmp_path).origin == "modelled"
