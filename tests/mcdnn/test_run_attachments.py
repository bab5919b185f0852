"""What is for every run to come, and what is for the next one alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.results import Result
from engine.sinks.result_list import ResultList
from mcdnn.run_attachments import RunAttachments


def test_callbacks_stay_and_sinks_are_for_one_run() -> None:
    attached, shelf = RunAttachments(), ResultList()
    seen: list[Result] = []
    attached.call_back(seen.append)
    attached.add_sink(shelf)
    first = attached.sinks()
    assert (first[0], [str(s) for s in first[1:]]) == (shelf, ["result callback"])
    attached.begun()
    second = attached.sinks()
    assert [str(s) for s in second] == ["result callback"]
    assert second[0] is not first[1]  # it counts the failures of its own run


def test_a_log_is_for_one_run_and_the_last_one_named_is_written(tmp_path: Path) -> None:
    attached = RunAttachments()
    assert not attached.is_logged
    attached.log_decisions(tmp_path / "first.jsonl", explained=False)
    attached.log_decisions(tmp_path / "second.jsonl", explained=False)
    assert attached.is_logged
    attached.decisions().close()
    attached.begun()
    assert not attached.is_logged


def test_a_log_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=tmp_path.name):
        RunAttachments().log_decisions(tmp_path, explained=False)
