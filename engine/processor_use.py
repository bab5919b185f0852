"""Processor time of the whole machine and of this program, as Linux counts it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import MeterFailed

PROC = Path("/proc")
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal: proc(5); guests are within user
_AFTER_NAME = 11  # utime, stime, cutime, cstime are fields 14 to 17, and counting starts behind the name
_TIMES = 4


@dataclass(frozen=True, slots=True)
class ProcessorUse:
    """Processor time since some moment in the past.

    Args:
        machine_s: of all programs, on all cores.
        own_s: of this one, its children and theirs, as far as they live or were waited for.
    """

    machine_s: float
    own_s: float


def read_processor_use(proc: Path = PROC, pid: int | None = None) -> ProcessorUse:
    """Return the processor time up to now.

    Args:
        proc: where the kernel shows it.
        pid: of the program; this one's where it is left out.

    Raises:
        MeterFailed: it cannot be read; in a container that hides it, say.
    """
    try:
        ticks = (proc / "stat").read_text(encoding="ascii").partition("\n")[0].split()[1:]
        machine_s = _TICK_S * sum(int(ticks[k]) for k in _BUSY)
    except (OSError, ValueError, IndexError) as e:
        raise MeterFailed(f"{proc / 'stat'}: {e}") from e
    return ProcessorUse(machine_s, _TICK_S * _family_ticks(proc, os.getpid() if pid is None else pid))


def _family_ticks(proc: Path, pid: int) -> int:
    """Return the ticks of a process, what it waited for, and its living children; 0 where it has gone."""
    folder = proc / str(pid)
    try:
        times = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        own = sum(int(t) for t in times[_AFTER_NAME : _AFTER_NAME + _TIMES])
        children = [c for t in folder.glob("task/*/children") for c in t.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return 0
    return own + sum(_family_ticks(proc, int(child)) for child in children)
