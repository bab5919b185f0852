from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import MeterFailed
from engine.processor_use import read_processor_use

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def process(proc: Path, pid: int, ticks: tuple[int, int, int, int], children: tuple[int, ...] = ()) -> None:
    """A process as proc(5) shows it, with a name that would confuse who counts from the left."""
    task = proc / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    utime, stime, cutime, cstime = ticks
    line = f"{pid} (a ) b) S 1 1 1 0 -1 4194304 0 0 0 0 {utime} {stime} {cutime} {cstime} 20 0 1 0 99\n"
    (proc / str(pid) / "stat").write_text(line)
    (task / "children").write_text(" ".join(map(str, children)) + " ")


def test_machine_and_family_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 20 30 9000 500 4 6 8 50 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    process(tmp_path, 10, (5, 1, 2, 0), children=(11, 99))  # 99 has gone meanwhile
    process(tmp_path, 11, (7, 3, 0, 0), children=(12,))
    process(tmp_path, 12, (1, 1, 0, 0))
    process(tmp_path, 13, (1000, 0, 0, 0))
    use = read_processor_use(tmp_path, 10)
    assert use.machine_s == pytest.approx(168 * TICK_S)
    assert use.own_s == pytest.approx(20 * TICK_S)


def test_a_kernel_that_hides_it_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(MeterFailed, match="stat: "):
        read_processor_use(tmp_path, 1)
    (tmp_path / "stat").write_text("cpu 1 2\n")
    with pytest.raises(MeterFailed, match="stat: "):
        read_processor_use(tmp_path, 1)


def test_this_machine_counts_what_this_program_and_its_children_did() -> None:
    before = read_processor_use()
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    after = read_processor_use()
    assert after.own_s - before.own_s >= 0.2 - 2 * TICK_S
    assert after.machine_s >= before.machine_s
