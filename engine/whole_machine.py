"""The machine that this program shares with others: how much of its processor is there for us."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import MeterFailed
from engine.processor_use import PROC, ProcessorUse, read_processor_use

_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class WholeMachine:
    """A machine of which a program may use every core.

    Args:
        cores: how many.
        use: says what was used of them.
    """

    cores: int
    use: Callable[[], ProcessorUse] = read_processor_use

    def used(self) -> ProcessorUse | None:
        """Return the processor time up to now; None where it cannot be read."""
        try:
            return self.use()
        except MeterFailed:
            return None


def whole_machine(proc: Path = PROC, cgroups: Path = _CGROUPS) -> WholeMachine | None:
    """Return the machine; None where this program is kept to some cores or to a share of their time.

    The counts of the whole machine say nothing then about what there is for it: in a container with a
    quota, say.
    """
    cores = os.cpu_count() or 1
    if len(os.sched_getaffinity(0)) < cores or _has_quota(proc, cgroups):
        return None
    return WholeMachine(cores)


def _has_quota(proc: Path, cgroups: Path) -> bool:
    """Tell whether a control group that this program is in, or one around it, limits its time: cgroups(7)."""
    try:
        lines = (proc / "self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    quotas = [quota for line in lines for quota in _quotas(cgroups, line)]
    return any(_limits(file, none) for file, none in quotas)


def _quotas(cgroups: Path, line: str) -> list[tuple[Path, str]]:
    """Return the files that may limit the groups of a line, each with what it says where it does not."""
    _, controllers, path = line.split(":", 2)
    if not controllers:  # version 2: one tree for all
        return [(g / "cpu.max", "max") for g in _around(cgroups, path)]
    if "cpu" in controllers.split(","):
        return [(g / "cpu.cfs_quota_us", "-1") for g in _around(cgroups / "cpu", path)]
    return []


def _around(root: Path, path: str) -> list[Path]:
    """Return a group's folder and those around it."""
    group = root / path.lstrip("/")
    return [g for g in (group, *group.parents) if g.is_relative_to(root)]


def _limits(quota: Path, none: str) -> bool:
    try:
        return not quota.read_text(encoding="ascii").startswith(none)
    except OSError:
        return False
