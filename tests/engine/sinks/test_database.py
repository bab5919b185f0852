"""The database: every field, bounded on disk whatever readers do, and whole after kill -9."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.errors import RecipientAway
from engine.sinks.database import Database
from engine.sinks.dated_results import DatedResult
from tests.engine.media import unserved
from tests.engine.sinks.dated import NOON_S, dated, several

INF = float("inf")
MEGABYTE = 1_000_000


def database(path: Path, max_bytes: int = 100 * MEGABYTE, max_age_s: float = INF) -> Database:
    return Database(path, max_bytes, max_age_s, lambda: NOON_S)


def rows(path: Path, query: str = "SELECT window FROM results ORDER BY id") -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def indices(path: Path) -> list[int]:
    return [int(str(window).partition(".")[0]) for (window,) in rows(path)]


def bytes_on_disk(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.iterdir() if not p.name.endswith("-shm"))


def test_every_field_of_a_result_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "r.db"
    sink = database(path)
    sink.deliver([dated(3), DatedResult(NOON_S, "run-a", unserved(4))])
    sink.close()
    columns = "at_s, run, t_s, source, window, x, y, width, height, app, answer, confidence, variant, place"
    served, none = rows(path, f"SELECT {columns} FROM results ORDER BY id")
    assert served == (
        NOON_S + 0.3, "run-a", 0.3, "clip", "3.digit.0", 4, 4, 20, 24, "who", "7", 0.93, "small/identity",
        "device",
    )  # fmt: skip
    assert none[10:] == (None, None, None, None)
    columns = "latency_s, energy_j, energy_origin, cost_usd, served, reason, truth"
    assert rows(path, f"SELECT {columns} FROM results ORDER BY id") == [
        (0.002, 0.001, "modelled", 0.0, 1, "", None),
        (None, 0.0, "modelled", 0.0, 0, "energy budget gone", None),
    ]
    assert rows(path, "SELECT datetime(at_s, 'unixepoch') FROM results LIMIT 1") == [("2025-11-22 08:26:40",)]


@pytest.mark.parametrize("where", ["app = 'who' AND at_s > 5", "at_s BETWEEN 5 AND 9"])
def test_questions_about_a_time_or_an_app_use_an_index(tmp_path: Path, where: str) -> None:
    path = tmp_path / "r.db"
    database(path).close()
    ((*_, plan),) = rows(path, f"EXPLAIN QUERY PLAN SELECT answer FROM results WHERE {where}")
    assert "USING INDEX results_by" in str(plan)


def test_a_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    for i in range(3):
        sink = database(path)
        sink.deliver(several(2, first=2 * i))
        sink.close()
    assert indices(path) == list(range(6))


def test_the_newest_rows_stay_within_the_size_whatever_comes(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    sink = database(path, 2 * MEGABYTE)
    most = 0
    for i in range(150):
        sink.deliver(several(200, first=200 * i))
        most = max(most, bytes_on_disk(tmp_path))
    sink.close()
    assert most <= 2 * MEGABYTE
    kept = indices(path)
    assert kept == list(range(kept[0], 30_000))
    assert len(kept) > 5000
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_rows_that_are_too_old_go(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    sink = database(path, max_age_s=60.0)
    sink.deliver([d._replace(at_s=NOON_S - 100.0 + i) for i, d in enumerate(several(80))])
    sink.deliver(several(1, first=80))
    sink.close()
    assert indices(path) == list(range(40, 81))


def test_a_reader_without_an_end_makes_results_wait_and_the_disk_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    sink = database(path, 2 * MEGABYTE)
    sink.deliver(several(2000))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM results").fetchone()
    with pytest.raises(RecipientAway, match=r"another program reads it without an end"):
        for i in range(1000):
            sink.deliver(several(100, first=2000 + 100 * i))
    assert bytes_on_disk(tmp_path) <= 2 * MEGABYTE
    reader.close()
    sink.deliver([dated(1_000_000)])
    sink.close()
    assert indices(path)[-1] == 1_000_000


def test_a_lock_is_waited_for_and_then_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    sink = database(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RecipientAway, match=r"r\.db: cannot be written: database is locked"):
        sink.deliver(several(1))
    other.execute("ROLLBACK")
    other.close()
    sink.deliver(several(1))
    sink.close()
    assert indices(path) == [0]


def test_a_file_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    sink = database(path)
    sink.deliver(several(1))
    for file in tmp_path.iterdir():
        file.unlink()
    sink.deliver(several(1, first=1))
    sink.close()
    assert indices(path) == [1]


_WRITING = """
import sys
from pathlib import Path
from tests.engine.sinks.dated import several
from tests.engine.sinks.test_database import database
sink = database(Path(sys.argv[1]), 2_000_000)
for i in range(1_000_000):
    sink.deliver(several(20, first=20 * i))
    print(i, flush=True)
"""


def test_kill_9_leaves_a_file_with_whole_batches_that_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    with subprocess.Popen([sys.executable, "-c", _WRITING, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(200):
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        last = max([last, *map(int, process.stdout.read().split())])
    sink = database(path, 2_000_000)
    sink.deliver(several(1, first=9_999_999))
    sink.close()
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    kept = indices(path)[:-1]
    assert kept == list(range(kept[0], kept[-1] + 1))
    assert kept[-1] + 1 in (20 * (last + 1), 20 * (last + 2))


_FILLING = """
import resource, sys
from pathlib import Path
from engine.errors import RecipientAway
from tests.engine.sinks.dated import several
from tests.engine.sinks.test_database import database
sink = database(Path(sys.argv[1]))
sink.deliver(several(3))
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
failed = 0
for i in range(50):
    try:
        sink.deliver(several(20, first=3 + 20 * i))
    except RecipientAway as e:
        failed += 1
        if failed == 1:
            print(e)
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.deliver(several(20, first=3 + 20 * i))
print(3 + 20 * (i + 1))
sink.close()
"""


def test_a_full_disk_is_named_and_passes_without_a_batch_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    done = subprocess.run(
        [sys.executable, "-c", _FILLING, str(path)], capture_output=True, text=True, check=True
    )
    told, count = done.stdout.splitlines()
    assert told.startswith(f"database {path}: cannot be written: ")
    assert indices(path) == list(range(int(count)))


@pytest.mark.parametrize("while_running", [True, False])
def test_a_damaged_file_makes_way_for_a_new_one(
    tmp_path: Path, while_running: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "r.db"
    sink = database(path)
    sink.deliver(several(3000))
    sink.close()
    if while_running:
        sink = database(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    if not while_running:
        sink = database(path)
    try:
        sink.deliver(several(1))
    except RecipientAway as e:
        assert "malformed" in str(e)
        sink.deliver(several(1))
    sink.close()
    assert indices(path) == [0]
    assert (tmp_path / "r.db.damaged").stat().st_size > 100_000
    assert "r.db: damaged: moved to r.db.damaged, and a new one is begun" in caplog.text


def test_what_is_something_else_is_not_touched(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE results (a)")
    connection.close()
    with pytest.raises(BadInput, match=r"other\.db: not one of results, version 1: name another file"):
        database(other)
    assert rows(other, "SELECT sql FROM sqlite_master") == [("CREATE TABLE results (a)",)]
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but quite long enough" * 100)
    with pytest.raises(BadInput, match=r"notes\.txt: cannot be written: file is not a database"):
        database(text)


def test_a_file_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be written: "):
        database(tmp_path / "file" / "r.db")
