"""A result with the time of day and the run that it belongs to: what other systems are given.

Times in a result count from the beginning of its source, and windows are numbered anew by every run;
who keeps results for weeks needs both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from catalog.errors import BadInput
from engine.results import Result
from engine.sinks.result_lines import line_to_result, result_to_row


class DatedResult(NamedTuple):
    """One result, as it is stored and sent.

    Args:
        at_s: when a sink was given it, in seconds since 1970 (UTC).
        run: id of the run; with source, window and app it identifies a request.
        result: what was answered.
    """

    at_s: float
    run: str
    result: Result


def dated_to_row(dated: DatedResult) -> dict[str, Any]:
    """Return what is stored and sent: "at" (RFC 3339, UTC, milliseconds), "run", and the result's own."""
    at = datetime.fromtimestamp(dated.at_s, UTC).isoformat(timespec="milliseconds")
    return {"at": at.replace("+00:00", "Z"), "run": dated.run, **result_to_row(dated.result)}


def dated_to_line(dated: DatedResult) -> bytes:
    """Return a row as one line of JSON, with its end."""
    return orjson.dumps(dated_to_row(dated)) + b"\n"


def line_to_dated(line: str, where: str) -> DatedResult:
    """Read a line back.

    Args:
        line: as dated_to_line wrote it.
        where: for the error.

    Raises:
        BadInput: it is something else.
    """
    result = line_to_result(line, where)
    row = orjson.loads(line)
    try:
        return DatedResult(datetime.fromisoformat(row["at"]).timestamp(), str(row["run"]), result)
    except (KeyError, TypeError, ValueError) as e:
        raise BadInput(f"{where}: expected a result with its time of day and its run") from e
