"""What a process and all that descend from it hold and take, as Linux tells it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from signal import Signals
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Holdings(NamedTuple):
    """What processes hold together."""

    processes: int
    threads: int
    descriptors: int


def family(pids: Sequence[int]) -> list[int]:
    """Return processes with all that descend from them."""
    found = list(pids)
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, _read(task).split())
    return found


def is_there(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be collected does not."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def holdings(pids: Iterable[int]) -> Holdings:
    """Return what processes hold; one that has just gone holds nothing."""
    alive = [p for p in pids if is_there(p)]
    threads = sum(_entries(Path(f"/proc/{p}/task")) for p in alive)
    return Holdings(len(alive), threads, sum(_entries(Path(f"/proc/{p}/fd")) for p in alive))


def resident_mb(pids: Iterable[int]) -> float:
    """Return the memory of processes: pages that several share are divided among them."""
    rollups = (_read(Path(f"/proc/{p}/smaps_rollup")) for p in pids)
    lines = (line for rollup in rollups for line in rollup.splitlines() if line.startswith("Pss:"))
    return sum(int(line.split()[1]) for line in lines) * 1024 / 1e6


def processor_s(pids: Iterable[int]) -> float:
    """Return the processor time that processes have taken, those not counted that have gone."""
    stats = (_stat(p) for p in pids)
    return sum(int(s[11]) + int(s[12]) for s in stats if s) / _TICKS_PER_S


def catches(pid: int, signal: Signals) -> bool:
    """Tell whether a process does something of its own on a signal."""
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal - 1) & 1)
    return False


def _stat(pid: int) -> list[str]:
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def _entries(folder: Path) -> int:
    try:
        return len(list(folder.iterdir()))
    except OSError:
        return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has gone
        return ""
