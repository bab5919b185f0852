"""The log of a run: two forms, priorities for the journal, and a bound for what is said again and again."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import pytest

from mcdnn.run_log import KindLimit, LogFormat, RunLog, goes_to_journal


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def record(
    message: str, *args: object, level: int = logging.WARNING, error: bool = False
) -> logging.LogRecord:
    exc = None
    if error:
        try:
            raise OSError("disk full")
        except OSError:
            exc = sys.exc_info()
    return logging.LogRecord("engine.x", level, "", 0, message, args, exc)


def made(form: LogFormat, journal: bool = False) -> tuple[RunLog, Clock]:
    clock = Clock()
    return RunLog(form, journal, KindLimit(2, clock), wall_clock=lambda: 1000.0), clock


def test_each_kind_has_a_bound_and_what_is_left_out_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    log, clock = made("json")
    for i in range(5):
        log.handle(record("source %s: lost", i))
    log.handle(record("another thing"))
    clock.now_s = 61.0
    log.handle(record("source %s: lost", 9))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == [
        "source 0: lost",
        "source 1: lost",
        "another thing",
        "3 more like this within a minute were left out: source %s: lost",
        "source 9: lost",
    ]
    assert lines[3]["left_out"] == 3
    assert lines[0] == {
        "t_s": 1000.0, "level": "warning", "logger": "engine.x", "message": "source 0: lost",
    }  # fmt: skip


def test_what_was_left_out_last_is_said_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = made("json")
    for _ in range(4):
        log.handle(record("again"))
    log.close()
    assert "2 more like this" in capsys.readouterr().err.splitlines()[-1]


def test_what_was_asked_for_by_name_is_not_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = made("text")
    for _ in range(4):
        log.handle(record("plan", level=logging.INFO))
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_a_flood_of_ever_new_kinds_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = made("text")
    for i in range(2000):
        log.handle(record(f"new {i}"))
    assert len(capsys.readouterr().err.splitlines()) == 502


def test_an_error_is_one_line_for_programs_and_has_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = made("json")
    log.handle(record("failed", error=True))
    (line,) = capsys.readouterr().err.splitlines()
    assert "OSError: disk full" in json.loads(line)["error"]


def test_the_journal_gets_priorities_on_every_line_and_no_times(capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = made("text", journal=True)
    log.handle(record("failed", level=logging.ERROR, error=True))
    log.handle(record("seen", level=logging.INFO))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "<3>engine.x: failed"
    assert all(line.startswith("<3>") for line in lines[:-1])
    assert lines[-1] == "<6>engine.x: seen"


def test_the_journal_is_known_by_the_stream_that_systemd_names(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        named = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert goes_to_journal(named, stream)
        assert not goes_to_journal({"JOURNAL_STREAM": "1:2"}, stream)
        assert not goes_to_journal({}, stream)
