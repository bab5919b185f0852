"""Which meters there are, by the names that ENGINE.toml gives them, and which one this machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.devices import DeviceProfile
from catalog.errors import BadInput, MeterFailed
from catalog.meters.battery import POWER_SUPPLY, BatteryMeter, open_battery
from catalog.meters.nvml import open_nvml
from catalog.meters.processor_time import ProcessorTimeMeter
from catalog.meters.protocol import DeviceMeter, Meter
from catalog.meters.rapl import POWERCAP, open_rapl
from catalog.meters.rpi5 import open_rpi5

AUTO = "auto"
NONE = "none"


@dataclass(frozen=True, slots=True)
class MeterPlaces:
    """Where a machine shows its meters.

    Args:
        powercap: counters of the processor.
        power_supply: batteries.
        vcgencmd: the command that asks a Raspberry Pi's firmware.
    """

    powercap: Path = POWERCAP
    power_supply: Path = POWER_SUPPLY
    vcgencmd: str = "vcgencmd"


HERE = MeterPlaces()

METERS: Mapping[str, Callable[[MeterPlaces], DeviceMeter]] = {
    "rpi5": lambda places: open_rpi5(places.vcgencmd),
    "battery": lambda places: BatteryMeter(open_battery(places.power_supply)),
    "rapl": lambda places: open_rapl(places.powercap),
    "nvml": lambda _: open_nvml(),
}
# A battery in use sees everything, a processor's counters only the processor; nothing runs on a GPU yet.
_BY_ITSELF = ("battery", "rpi5", "rapl")


def open_device_meter(name: str, places: MeterPlaces) -> DeviceMeter | None:
    """Return the meter of a name; "auto" is the one that sees most, and None where there is none.

    Raises:
        BadInput: it is asked for by its name and cannot be read; or there is no such name.
        MissingExtra: it needs a package that is not installed.
    """
    if name == NONE:
        return None
    if name == AUTO:
        return _first_that_works(places)
    if name not in METERS:
        raise BadInput(f"device.meter = {name!r}: expected one of {', '.join((AUTO, NONE, *METERS))}")
    try:
        return METERS[name](places)
    except MeterFailed as e:
        raise BadInput(f'device.meter = "{name}": {e}') from e


def _first_that_works(places: MeterPlaces) -> DeviceMeter | None:
    for name in _BY_ITSELF:
        try:
            meter = METERS[name](places)
            meter.read_j()  # a battery that charges counts nothing: then another meter does
            return meter
        except MeterFailed:
            continue
    return None


def open_meter(profile: DeviceProfile, busy_s: Callable[[], float], powercap: Path = POWERCAP) -> Meter:
    """Return the processor's own meter where this process may read it, else the model.

    Args:
        profile: gives the power of a busy core to the model.
        busy_s: processor seconds of this process so far.
        powercap: where the kernel shows its counters.
    """
    try:
        return open_rapl(powercap)
    except MeterFailed:  # only root may read them on most systems
        return ProcessorTimeMeter(profile, busy_s)
