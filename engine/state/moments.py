"""How much time went by between two moments of a machine whose clock may be wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on all clocks.

    Args:
        boot: names the boot of the machine.
        since_boot_s: runs on in sleep, and nobody sets it.
        wall_s: seconds since 1970, as far as the machine knows.
    """

    boot: str
    since_boot_s: float
    wall_s: float


def now_here() -> Moment:
    """Read the clocks of this machine."""
    return Moment(_BOOT_ID.read_text().strip(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time())


def passed_s(then: Moment, now: Moment) -> float:
    """Return the time from one moment to a later one, never less than 0.

    Within one boot no clock that can be set is believed. Across boots there is no other: where it runs
    backwards, as without a battery-backed clock before the network has told the time, no time is taken to
    have passed.
    """
    if then.boot == now.boot:
        return max(0.0, now.since_boot_s - then.since_boot_s)
    return max(0.0, now.wall_s - then.wall_s)
