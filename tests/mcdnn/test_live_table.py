"""The live table: on a terminal alone, and always the newest figures."""

from __future__ import annotations

import io

from rich.console import Console

from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import Snapshot, Standing
from mcdnn.live_table import live_table, live_view
from tests.mcdnn.snapshots import full_snapshot


def test_nothing_is_drawn_into_a_pipe() -> None:
    stream = io.StringIO()
    with live_table(full_snapshot, Console(file=stream), "digits"):
        pass
    assert stream.getvalue() == ""


def test_a_terminal_shows_the_apps_and_gets_its_cursor_back() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, height=30)
    snapshots = iter([Snapshot()])
    with live_table(lambda: next(snapshots, full_snapshot()), console, "digits"):
        pass
    drawn = stream.getvalue()
    assert "who" in drawn
    assert "energy budget: 12.2 J left" in drawn
    assert "\x1b[?25h" in drawn  # the cursor is shown again


def test_the_view_fits_a_narrow_terminal() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(live_view(full_snapshot(), "a very long name of a source " * 5))
    assert isinstance(console.file, io.StringIO)
    assert max(map(len, console.file.getvalue().splitlines())) <= 60


def test_a_sink_in_trouble_is_shown_and_one_that_is_well_is_not() -> None:
    sinks = (SinkFigures("fine", 5, 5), SinkFigures("hook", 5, 2, waiting=3, trouble="no answer"))
    console = Console(file=io.StringIO(), width=100)
    console.print(live_view(Snapshot(standing=Standing(sinks=sinks)), "digits"))
    assert isinstance(console.file, io.StringIO)
    drawn = console.file.getvalue()
    assert "sink hook: 2 results delivered of 5, 3 waiting; delivers nothing: no answer" in drawn
    assert "fine" not in drawn
