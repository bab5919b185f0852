"""The spool: order, no loss without a count, kills at any moment, and a bound on the disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from catalog.errors import BadInput
from engine.sinks.dated_results import DatedResult
from engine.sinks.spool import DAMAGED, SPOOL_FAILED, SPOOL_FULL, Spool
from tests.engine.sinks.dated import dated, index_of, several

LINE_BYTES = 340


class Lost(Counter[str]):
    def count(self, reason: str, results: int) -> None:
        self[reason] += results


def open_spool(folder: Path, max_bytes: int = 1 << 20, lost: Lost | None = None) -> Spool:
    return Spool(folder, max_bytes, (Lost() if lost is None else lost).count, lambda: 0.0)


def all_of(spool: Spool, most: int = 7) -> list[int]:
    """Take and settle everything."""
    indices: list[int] = []
    while taken := spool.take(most):
        indices += [index_of(t) for t in taken]
        spool.settle()
    return indices


def bytes_on_disk(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.glob("*.jsonl"))


def test_what_was_put_comes_out_in_order_and_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, max_bytes=20 * LINE_BYTES * 8)
    for i in range(50):
        spool.put([dated(i)])
    assert len(spool) == 50
    assert len(list(tmp_path.glob("*.jsonl"))) > 1
    assert all_of(spool) == list(range(50))
    assert len(spool) == spool.close() == 0
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_what_was_not_settled_is_there_in_the_next_run(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.put(several(10))
    spool.take(4)
    spool.settle()
    spool.take(4)
    assert spool.close() == 6
    again = open_spool(tmp_path)
    assert (len(again), again.recovered) == (6, 6)
    again.put(several(2, first=10))
    assert all_of(again) == list(range(4, 12))
    again.close()


def test_a_line_that_was_cut_off_and_one_that_is_none_are_left_out_and_the_latter_is_counted(
    tmp_path: Path,
) -> None:
    spool = open_spool(tmp_path)
    spool.put(several(3))
    spool.close()
    (file,) = tmp_path.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b"\x00\x00\x00\n" + lines[2] + lines[1][:50])
    lost = Lost()
    again = open_spool(tmp_path, lost=lost)
    again.put([dated(3)])
    assert all_of(again) == [0, 2, 3]
    assert lost == {DAMAGED: 1}
    again.close()


def test_a_full_spool_loses_the_oldest_and_counts_them(tmp_path: Path) -> None:
    lost, max_bytes = Lost(), 40 * LINE_BYTES
    spool = open_spool(tmp_path, max_bytes, lost)
    assert not spool.is_full
    for i in range(200):
        spool.put([dated(i)])
        assert bytes_on_disk(tmp_path) <= max_bytes
    assert spool.is_full
    left = all_of(spool)
    assert left == list(range(200 - len(left), 200))
    assert lost == {SPOOL_FULL: 200 - len(left)}
    assert len(left) > 25
    spool.close()


def test_a_batch_whose_segment_gave_way_can_still_be_settled(tmp_path: Path) -> None:
    lost = Lost()
    spool = open_spool(tmp_path, 16 * LINE_BYTES, lost)
    spool.put([dated(0)])
    taken = spool.take(5)
    for i in range(1, 100):
        spool.put([dated(i)])
    spool.settle()
    assert [index_of(t) for t in taken] == [0]
    assert lost[SPOOL_FULL] + len(all_of(spool)) == 99
    spool.close()


def test_a_spool_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    with pytest.raises(BadInput, match=r"used by another process: give each sink a spool of its own"):
        open_spool(tmp_path)
    spool.close()
    open_spool(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"spool .*file/spool: cannot be used: Not a directory"):
        open_spool(tmp_path / "file" / "spool")


def test_a_disk_that_cannot_be_read_costs_that_segment_and_is_counted(tmp_path: Path) -> None:
    lost = Lost()
    spool = open_spool(tmp_path, 8 * 5 * LINE_BYTES, lost)
    for i in range(10):
        spool.put([dated(i)])
    with Path(os.devnull).open("wb") as unreadable:
        os.dup2(unreadable.fileno(), spool._segments[0]._file)
    assert spool.take(100) == []
    spool.settle()
    left = all_of(spool)
    assert left == list(range(left[0], 10))
    assert lost == {DAMAGED: left[0]}


_FILLING = """
import resource, sys
from pathlib import Path
from engine.sinks.spool import Spool
from tests.engine.sinks.dated import dated
from tests.engine.sinks.test_spool import Lost, all_of
lost = Lost()
spool = Spool(Path(sys.argv[1]), 1 << 20, lost.count, lambda: 0.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (800, resource.RLIM_INFINITY))
for i in range(10):
    spool.put([dated(i)])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.put([dated(10)])
print(all_of(spool), dict(lost))
"""


def test_a_disk_that_is_full_for_a_while_costs_what_came_then_and_is_counted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FILLING, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"[0, 1, 10] {{'{SPOOL_FAILED}': 8}}\n"
    assert "cannot be written: File too large" in done.stderr
    assert done.stderr.count("\n") == 1


_PUTTING = """
import sys
from pathlib import Path
from engine.sinks.spool import Spool
from tests.engine.sinks.dated import dated
spool = Spool(Path(sys.argv[1]), 1 << 30, lambda reason, n: None, lambda: 0.0)
for i in range(1_000_000):
    spool.put([dated(i)])
    if i % 10 == 3:
        spool.take(5)
        spool.settle()
    print(i, flush=True)
"""


def test_kill_9_loses_nothing_that_was_put(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _PUTTING, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(500):
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        last = max([last, *map(int, process.stdout.read().split())])
    spool = open_spool(tmp_path, 1 << 30)
    left = all_of(spool, 1000)
    spool.close()
    settled = {5 * ((i + 7) // 10) - 1 for i in (last, last + 1)}  # the first time, only four were there
    assert left == list(range(left[0], left[-1] + 1))
    assert left[0] in settled
    assert left[-1] in (last, last + 1)


class Spooling(RuleBasedStateMachine):
    """Any order of putting, taking, settling, ending and being killed, against a list in memory."""

    @initialize(max_lines=st.integers(12, 60))
    def begin(self, max_lines: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.max_bytes = max_lines * LINE_BYTES
        self.lost = Lost()
        self.put_in = 0
        self.seen: list[int] = []
        self.gone_in_flight = 0  # taken, then their segment gave way, then the run ended
        self.in_flight: list[DatedResult] = []
        self.spool = open_spool(self.folder, self.max_bytes, self.lost)

    @rule(count=st.integers(1, 5))
    def put(self, count: int) -> None:
        self.spool.put(several(count, self.put_in))
        self.put_in += count

    @rule(most=st.integers(1, 8))
    def take(self, most: int) -> None:
        if not self.in_flight:
            self.in_flight = list(self.spool.take(most))

    @rule()
    def settle(self) -> None:
        self.spool.settle()
        self.seen += [index_of(t) for t in self.in_flight]
        self.in_flight = []

    @rule(tear=st.integers(0, LINE_BYTES - 1), cleanly=st.booleans())
    def end_and_begin_again(self, tear: int, cleanly: bool) -> None:
        """A kill leaves the files as they are, perhaps with the beginning of a line."""
        waiting = len(self.spool) + len(self.in_flight)
        self.gone_in_flight += waiting - self.spool.close()
        if not cleanly:
            newest = max(self.folder.glob("*.jsonl"))
            with newest.open("ab") as file:
                file.write(b"x" * tear)
        self.in_flight = []
        self.spool = open_spool(self.folder, self.max_bytes, self.lost)

    @invariant()
    def bounded(self) -> None:
        assert bytes_on_disk(self.folder) <= self.max_bytes + LINE_BYTES

    @invariant()
    def in_order(self) -> None:
        assert self.seen == sorted(set(self.seen))

    def teardown(self) -> None:
        if not hasattr(self, "spool"):
            return
        self.settle()
        self.seen += all_of(self.spool)
        self.spool.close()
        shutil.rmtree(self.folder)
        self.in_order()
        assert len(self.seen) == self.put_in - self.lost[SPOOL_FULL] - self.gone_in_flight
        assert set(self.lost) <= {SPOOL_FULL}


TestSpooling = Spooling.TestCase
TestSpooling.settings = settings(max_examples=40, stateful_step_count=30)
