from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.devices import DeviceProfile
from catalog.errors import MeterFailed
from catalog.meters import open_meter
from catalog.meters.rapl import open_rapl, rapl_zones, wrapped_step
from tests.catalog.meters.trees import rapl_zone

PROFILE = DeviceProfile("bench", "made up", 2.0, 5.0)


def test_without_a_meter_joules_are_processor_time_times_power(tmp_path: Path) -> None:
    times_s = iter([1.0, 3.5])
    meter = open_meter(PROFILE, lambda: next(times_s), tmp_path)
    assert meter.origin == "modelled"
    assert -meter.read_j() + meter.read_j() == pytest.approx(12.5)


def test_counters_of_all_packages_are_added_up_and_wrap(tmp_path: Path) -> None:
    first = rapl_zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000)
    second = rapl_zone(tmp_path, "intel-rapl:1", "package-1", 0)
    meter = open_meter(PROFILE, lambda: 0.0, tmp_path)
    assert (meter.origin, meter.read_j()) == ("measured", 0.0)
    first.write_text("1000000")
    second.write_text("500000")
    assert meter.read_j() == pytest.approx(2.500001)


def test_a_counter_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    rapl_zone(tmp_path, "intel-rapl:0", "package-0", 0).write_text("")
    assert open_meter(PROFILE, lambda: 0.0, tmp_path).origin == "modelled"


def test_memory_counts_beside_its_package_while_cores_and_the_platform_count_twice(tmp_path: Path) -> None:
    zones = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "package-1",
        "intel-rapl:1:0": "uncore",
        "intel-rapl:1:1": "dram",
        "intel-rapl:2": "psys",
        "intel-rapl-mmio:0": "package-0",
    }
    for zone, name in zones.items():
        rapl_zone(tmp_path, zone, name, 0)
    (tmp_path / "intel-rapl").mkdir()
    counted = ["intel-rapl:0", "intel-rapl:1", "intel-rapl:0:1", "intel-rapl:1:1"]
    assert [z.name for z in rapl_zones(tmp_path)] == counted
    assert open_rapl(tmp_path).sight.what == "processor packages and their memory"


def test_amd_has_a_package_and_its_cores_and_no_memory(tmp_path: Path) -> None:
    package = rapl_zone(tmp_path, "intel-rapl:0", "package-0", 100)
    rapl_zone(tmp_path, "intel-rapl:0:0", "core", 0)
    meter = open_rapl(tmp_path)
    package.write_text("2100")
    assert (meter.sight.what, meter.read_j()) == ("processor packages", pytest.approx(0.002))


def test_a_reading_that_fails_loses_nothing(tmp_path: Path) -> None:
    first = rapl_zone(tmp_path, "intel-rapl:0", "package-0", 0)
    second = rapl_zone(tmp_path, "intel-rapl:1", "package-1", 0)
    meter = open_rapl(tmp_path)
    first.write_text("1000000")
    second.unlink()
    with pytest.raises(MeterFailed, match="intel-rapl:1/energy_uj: No such file"):
        meter.read_j()
    second.write_text("1000000")
    assert meter.read_j() == pytest.approx(2.0)


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MeterFailed, match="shows no processor package: the kernel needs the module"):
        open_rapl(tmp_path)
    rapl_zone(tmp_path, "intel-rapl:0", "package-0", 0).unlink()
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir()  # cannot be read, by root neither
    with pytest.raises(MeterFailed, match=r"energy_uj: Is a directory: only root may .* sudo chmod a\+r"):
        open_rapl(tmp_path)


@given(st.integers(1, 2**40), st.integers(0), st.lists(st.integers(0), max_size=20))
def test_steps_of_a_counter_that_wraps_add_up_to_what_was_counted(
    most: int, start: int, steps: list[int]
) -> None:
    total, last, counted = start, start % (most + 1), 0
    for step in (s % (most + 1) for s in steps):  # it is read before it has gone round
        total += step
        counted += wrapped_step(last, total % (most + 1), most)
        last = total % (most + 1)
    assert counted == total - start
