"""Meters of energy: the processor's own counters where they can be read, else a model of its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from catalog.devices import DeviceProfile

POWERCAP = Path("/sys/class/powercap")
_PACKAGES = "intel-rapl:[0-9]*"


class Meter(Protocol):
    """Counts joules from a start of its own."""

    @property
    def origin(self) -> str:
        """How it knows: "measured" or "modelled"."""

    def read_j(self) -> float:
        """Return the joules so far; never less than before."""


class ProcessorTimeMeter:
    """Models energy as processor time of this process, all threads, times the power of a busy core.

    Args:
        profile: gives the power.
        busy_s: processor seconds so far.
    """

    origin = "modelled"

    def __init__(self, profile: DeviceProfile, busy_s: Callable[[], float]) -> None:
        self._profile = profile
        self._busy_s = busy_s

    def read_j(self) -> float:
        """Return the modelled joules; see Meter."""
        return self._profile.processor_energy_j(self._busy_s())


class RaplMeter:
    """Reads the running average power limit counters of all processor packages (Linux powercap).

    They count whatever the packages do: keep other work away while measuring.
    https://docs.kernel.org/power/powercap/powercap.html

    Raises:
        OSError: a counter cannot be read.
        ValueError: a counter holds no number.
    """

    origin = "measured"

    def __init__(self, packages: list[Path]) -> None:
        self._counters = [p / "energy_uj" for p in packages]
        self._ranges_uj = [int((p / "max_energy_range_uj").read_text()) for p in packages]
        self._last_uj = [int(c.read_text()) for c in self._counters]
        self._total_uj = 0

    def read_j(self) -> float:
        """Return the joules since the meter was made; read it at least once a minute, as counters wrap."""
        for k, counter in enumerate(self._counters):
            now_uj = int(counter.read_text())
            step_uj = now_uj - self._last_uj[k]
            self._total_uj += step_uj if step_uj >= 0 else step_uj + self._ranges_uj[k]
            self._last_uj[k] = now_uj
        return self._total_uj / 1e6


def open_meter(profile: DeviceProfile, busy_s: Callable[[], float], powercap: Path = POWERCAP) -> Meter:
    """Return the processor's own meter where this process may read it, else the model.

    Args:
        profile: gives the power of a busy core to the model.
        busy_s: processor seconds of this process so far.
        powercap: where the kernel shows its counters.
    """
    packages = [p for p in sorted(powercap.glob(_PACKAGES)) if p.name.count(":") == 1]
    if packages:
        try:
            return RaplMeter(packages)
        except (OSError, ValueError):  # only root may read them on most systems
            pass
    return ProcessorTimeMeter(profile, busy_s)
