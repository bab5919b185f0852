"""The fuel gauge of a battery (Linux power supply class): what it gives, what it holds, whether it charges.

https://docs.kernel.org/power/power_supply_class.html. All files hold micro-units (uW, uV, uA, uWh, uAh).
Which of them there are differs between drivers, and so does the sign of a current that flows out: only
its size is used, and the file `status` says where it flows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog.errors import MeterFailed
from catalog.meters.power_integral import PowerIntegral
from catalog.meters.protocol import Sight
from catalog.meters.sysfs import read_number

POWER_SUPPLY = Path("/sys/class/power_supply")
_J_PER_WH = 3600.0


class BatteryStatus(StrEnum):
    """What a battery says of itself, as in the file `status`."""

    CHARGING = "Charging"
    DISCHARGING = "Discharging"
    NOT_CHARGING = "Not charging"
    FULL = "Full"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class BatteryReading:
    """A battery at one moment.

    Args:
        status: whether it charges.
        charged: how full it is, in [0, 1]; None where the gauge does not say.
        left_j: what it holds; None likewise.
    """

    status: BatteryStatus
    charged: float | None
    left_j: float | None


class BatteryGauge:
    """Reads one battery.

    Args:
        folder: of the power supply, as /sys/class/power_supply/BAT0.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> BatteryReading:
        """Return how it stands.

        Raises:
            MeterFailed: it does not say whether it charges; it was taken out, say.
        """
        return BatteryReading(self.status(), self._charged(), self._left_j())

    def status(self) -> BatteryStatus:
        """Return whether it charges.

        Raises:
            MeterFailed: it does not say.
        """
        file = self._folder / "status"
        try:
            return BatteryStatus(file.read_text(encoding="ascii").strip())
        except OSError as e:
            raise MeterFailed(f"{file}: {e.strerror or e}") from e
        except ValueError:
            return BatteryStatus.UNKNOWN

    def power_w(self) -> float:
        """Return the power that the battery gives.

        Raises:
            MeterFailed: it gives none (what the device draws comes from the mains, and no gauge sees
                it), or its files do not say.
        """
        status = self.status()
        if status is not BatteryStatus.DISCHARGING:
            raise MeterFailed(f"{self._folder.name} is not discharging but: {status.lower()}")
        if self._has("power_now"):
            power_w = abs(self._number("power_now")) / 1e6
        else:
            power_w = abs(self._number("current_now") / 1e6) * self._number("voltage_now") / 1e6
        if not power_w > 0.0:
            raise MeterFailed(f"{self._folder.name} says that it gives 0 W while it is discharging")
        return power_w

    def _charged(self) -> float | None:
        if self._has("capacity"):
            return min(1.0, max(0.0, self._number("capacity") / 100.0))
        for kind in ("energy", "charge"):
            if self._has(f"{kind}_now") and self._has(f"{kind}_full") and self._number(f"{kind}_full") > 0:
                return min(1.0, max(0.0, self._number(f"{kind}_now") / self._number(f"{kind}_full")))
        return None

    def _left_j(self) -> float | None:
        return self.left_j() if self.knows_left else None

    def left_j(self) -> float:
        """Return what it holds: its energy, or its charge times the voltage of the moment.

        Raises:
            MeterFailed: the gauge does not say.
        """
        if self._has("energy_now"):
            return self._number("energy_now") / 1e6 * _J_PER_WH
        return self._number("charge_now") / 1e6 * self._number("voltage_now") / 1e6 * _J_PER_WH

    @property
    def name(self) -> str:
        """What the kernel calls it."""
        return self._folder.name

    @property
    def knows_power(self) -> bool:
        """Whether there is a file for the power, or files to tell it from."""
        return self._has("power_now") or (self._has("current_now") and self._has("voltage_now"))

    @property
    def knows_left(self) -> bool:
        """Whether it says how much it holds."""
        return self._has("energy_now") or (self._has("charge_now") and self._has("voltage_now"))

    def _has(self, file: str) -> bool:
        return (self._folder / file).exists()

    def _number(self, file: str) -> int:
        return read_number(self._folder / file)


class BatteryMeter:
    """Counts what a battery gives, the whole device: by its power, or by what is left where it has none.

    While it charges or the device runs from the mains there is nothing to count, which is a failure.

    Args:
        gauge: of the battery.
        clock: monotonic; power is integrated over it.

    Raises:
        MeterFailed: it never says how much it gives or holds.
    """

    name = "battery"
    origin = "measured"
    sight = Sight("the whole device, as its battery gives it", whole_device=True, radio=True)

    def __init__(self, gauge: BatteryGauge, clock: Callable[[], float] = time.monotonic) -> None:
        if not (gauge.knows_power or gauge.knows_left):
            raise MeterFailed(
                f"{gauge.name} has neither power_now, nor current_now with voltage_now, nor what it holds"
            )
        self._count: PowerIntegral | _Decrease
        self._count = PowerIntegral(gauge.power_w, clock) if gauge.knows_power else _Decrease(gauge)

    def read_j(self) -> float:
        """Return the joules since the meter was made; see Meter."""
        return self._count.read_j()


class _Decrease:
    """What a battery holds less than at the first reading; in steps of what its gauge tells apart."""

    def __init__(self, gauge: BatteryGauge) -> None:
        self._gauge = gauge
        self._last_j: float | None = None
        self._total_j = 0.0

    def read_j(self) -> float:
        before_j, self._last_j = self._last_j, None
        status = self._gauge.status()
        if status is not BatteryStatus.DISCHARGING:
            raise MeterFailed(f"{self._gauge.name} is not discharging but: {status.lower()}")
        left_j = self._last_j = self._gauge.left_j()
        if before_j is not None:
            self._total_j += max(0.0, before_j - left_j)
        return self._total_j


def open_battery(power_supply: Path = POWER_SUPPLY) -> BatteryGauge:
    """Return the gauge of this device's own battery: not of a mouse's, or of another device's.

    Raises:
        MeterFailed: there is none.
    """
    for folder in sorted(power_supply.glob("*")):
        if _text(folder / "type") == "Battery" and _text(folder / "scope") != "Device":
            return BatteryGauge(folder)
    raise MeterFailed(f"{power_supply} shows no battery of the device")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
