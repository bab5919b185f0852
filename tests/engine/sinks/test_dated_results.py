"""A result with its time of day: one line, and back."""

from __future__ import annotations

import json

import pytest

from catalog.errors import BadInput
from engine.results import Result
from engine.sinks.dated_results import DatedResult, dated_to_line, line_to_dated
from tests.engine.media import unserved
from tests.engine.sinks.dated import dated


def test_a_line_says_when_in_which_run_and_everything_of_the_result() -> None:
    line = dated_to_line(dated(3))
    row = json.loads(line)
    assert line.endswith(b"\n")
    assert (row["at"], row["run"]) == ("2025-11-22T08:26:40.550Z", "run-a")
    assert set(Result._fields) < set(row)


@pytest.mark.parametrize("each", [dated(3), DatedResult(0.0, "b", unserved(1))])
def test_what_was_written_is_read_back(each: DatedResult) -> None:
    assert line_to_dated(dated_to_line(each).decode(), "here") == each


@pytest.mark.parametrize("key", ["at", "run", "answer"])
def test_a_line_that_lacks_something_is_refused_by_its_place(key: str) -> None:
    row = json.loads(dated_to_line(dated(3)))
    del row[key]
    with pytest.raises(BadInput, match=r"^spool x"):
        line_to_dated(json.dumps(row), "spool x")
