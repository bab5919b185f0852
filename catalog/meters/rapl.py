"""The running average power limit counters of Intel's and AMD's processors (Linux powercap).

https://docs.kernel.org/power/powercap/powercap.html. The folder shows every zone, those within others
too: intel-rapl:0 is a package, intel-rapl:0:0 a part of it. AMD's packages have the same names.
"""

from __future__ import annotations

from pathlib import Path

from catalog.errors import MeterFailed
from catalog.meters.protocol import Sight
from catalog.meters.sysfs import read_number

POWERCAP = Path("/sys/class/powercap")
_ZONES = "intel-rapl:[0-9]*"
_PACKAGE = "package"
_MEMORY = "dram"


class RaplMeter:
    """Adds up the counters of all processor packages, and of their memory where it is counted.

    Cores and graphics are within their package, and psys (the whole platform, where the board's maker
    set it up) contains the packages: both are left out, so that nothing counts twice. The counters
    count whatever the packages do and begin anew at a limit of their own after an hour or less of full
    load; read them at least once a minute.

    Args:
        zones: folders with energy_uj and max_energy_range_uj.

    Raises:
        MeterFailed: a counter cannot be read.
    """

    name = "rapl"
    origin = "measured"

    def __init__(self, zones: list[Path]) -> None:
        memory = any(_name(z) == _MEMORY for z in zones)
        what = "processor packages and their memory" if memory else "processor packages"
        self.sight = Sight(what, whole_device=False, radio=False)
        self._counters = [z / "energy_uj" for z in zones]
        self._ranges_uj = [read_number(z / "max_energy_range_uj") for z in zones]
        self._last_uj = [read_number(c) for c in self._counters]
        self._total_uj = 0

    def read_j(self) -> float:
        """Return the joules since the meter was made; see Meter."""
        now_uj = [read_number(c) for c in self._counters]  # all or none, so that a failure loses nothing
        for k, counted_uj in enumerate(now_uj):
            self._total_uj += wrapped_step(self._last_uj[k], counted_uj, self._ranges_uj[k])
        self._last_uj = now_uj
        return self._total_uj / 1e6


def wrapped_step(before: int, now: int, most: int) -> int:
    """Return how far a counter went that begins at 0 again after `most`, once at most in between."""
    return now - before if now >= before else now - before + most + 1


def rapl_zones(powercap: Path) -> list[Path]:
    """Return the zones that are counted: none twice, nothing left out that is counted beside the packages."""
    zones = sorted(powercap.glob(_ZONES))
    packages = [z for z in zones if z.name.count(":") == 1 and _name(z).startswith(_PACKAGE)]
    within = tuple(f"{p.name}:" for p in packages)
    return packages + [z for z in zones if z.name.startswith(within) and _name(z) == _MEMORY]


def open_rapl(powercap: Path = POWERCAP) -> RaplMeter:
    """Return the meter of this machine's processors.

    Raises:
        MeterFailed: there is none, or it cannot be read; with the remedy.
    """
    zones = rapl_zones(powercap)
    if not zones:
        raise MeterFailed(
            f"{powercap} shows no processor package: the kernel needs the module intel_rapl_common, and "
            "virtual machines rarely have one"
        )
    try:
        return RaplMeter(zones)
    except MeterFailed as e:
        raise MeterFailed(
            f"{e}: only root may read it unless a udev rule lets others "
            f"(at once, until the next start: sudo chmod a+r {powercap}/intel-rapl:*/energy_uj)"
        ) from e


def _name(zone: Path) -> str:
    """Return a zone's name, or "" where it has none."""
    try:
        return (zone / "name").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
