"""The results file: whole lines, on disk frame by frame, and a clear error on a full disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.sinks.json_lines import JsonLinesSink
from engine.sinks.result_lines import line_to_result
from tests.engine.media import frame, result, unserved


def test_results_are_on_disk_before_the_sink_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "results.jsonl"
    sink = JsonLinesSink(path)
    sink.accept(frame(0), [result(0), unserved(0)])
    sink.accept(frame(1), [])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line_to_result(line, "") for line in lines] == [result(0), unserved(0)]
    sink.close()
    sink.close()


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("old")
    JsonLinesSink(path).close()
    assert path.read_text() == ""


def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    sink = JsonLinesSink(Path("/dev/full"))
    with pytest.raises(SinkError, match=r"results file /dev/full: cannot be written: No space left"):
        sink.accept(frame(0), [result()])
    with pytest.raises(SinkError, match=r"/dev/full"):
        sink.close()


def test_a_path_that_cannot_be_created_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be created"):
        JsonLinesSink(tmp_path / "file" / "results.jsonl")
    with pytest.raises(BadInput, match=r"cannot be created: Is a directory"):
        JsonLinesSink(tmp_path)
