"""Which meter is taken: the one that is asked for, or by itself the one that sees most."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from catalog.meters import METERS, MeterPlaces, open_device_meter
from tests.catalog.meters.test_rpi5 import PRINTED, command
from tests.catalog.meters.trees import battery, rapl_zone, update


@pytest.fixture
def places(tmp_path: Path) -> MeterPlaces:
    """A machine that has everything but a GPU."""
    rapl_zone(tmp_path / "powercap", "intel-rapl:0", "package-0", 0)
    battery(tmp_path / "power_supply", power_now=1_000_000)
    vcgencmd = command(tmp_path, f"printf '%s' '{PRINTED}'")
    return MeterPlaces(tmp_path / "powercap", tmp_path / "power_supply", vcgencmd)


def taken(places: MeterPlaces, name: str = "auto") -> str | None:
    meter = open_device_meter(name, places)
    return None if meter is None else meter.name


def test_the_meter_that_is_asked_for_is_taken(places: MeterPlaces) -> None:
    assert [taken(places, name) for name in ("rpi5", "battery", "rapl")] == ["rpi5", "battery", "rapl"]
    assert taken(places, "none") is None


def test_by_itself_the_meter_that_sees_most_is_taken(places: MeterPlaces) -> None:
    assert taken(places) == "battery"
    update(places.power_supply / "BAT0", status="Charging")
    assert taken(places) == "rpi5"
    Path(places.vcgencmd).unlink()
    assert taken(places) == "rapl"
    (places.powercap / "intel-rapl:0" / "energy_uj").unlink()
    assert taken(places) is None


def test_a_battery_that_is_asked_for_may_charge_at_first(places: MeterPlaces) -> None:
    update(places.power_supply / "BAT0", status="Charging")
    assert taken(places, "battery") == "battery"


def test_an_unknown_name_is_refused_with_those_that_there_are(places: MeterPlaces) -> None:
    with pytest.raises(BadInput, match="expected one of auto, none, rpi5, battery, rapl, nvml"):
        open_device_meter("wattmeter", places)
    assert set(METERS) == {"rpi5", "battery", "rapl", "nvml"}
