"""Dated results for tests of what stores and sends them."""

from __future__ import annotations

from engine.sinks.dated_results import DatedResult
from tests.engine.media import result

NOON_S = 1_763_800_000.25


def dated(index: int, **changes: object) -> DatedResult:
    """Return the result of frame `index`, a tenth of a second after the one before."""
    return DatedResult(NOON_S + index / 10.0, "run-a", result(index, **changes))


def several(count: int, first: int = 0) -> list[DatedResult]:
    """Return results of frames that follow one another."""
    return [dated(i) for i in range(first, first + count)]


def index_of(stored: DatedResult) -> int:
    """Return the frame's index again."""
    return int(stored.result.window.partition(".")[0])
