"""Several sinks at once: order, slow ones, broken ones, and what is lost is counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.fan_out import FanOut, Leaving
from engine.sinks.json_lines import JsonLinesSink
from engine.sinks.result_list import ResultList
from engine.sinks.sink_figures import SINK_FAILED, TOO_SLOW, SinkFigures, joined
from tests.engine.media import frame, result

_LONG_S = 30.0


class GatedList(ResultList):
    """Takes nothing until its gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()

    def __str__(self) -> str:
        return "gated list"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        self.entered.set()
        self.gate.wait(_LONG_S)
        super().accept(frame, results)


class Breaking(ResultList):
    """Raises at its third frame."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def __str__(self) -> str:
        return "breaking sink"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        if frame.index == 2:
            raise self._error
        super().accept(frame, results)


def feed(fan_out: FanOut, frames: int) -> None:
    for i in range(frames):
        fan_out.accept(frame(i), [result(i), result(i, app="parity")])


def test_every_sink_gets_every_frame_in_order() -> None:
    sinks = [ResultList(), ResultList()]
    fan_out = FanOut(sinks, capacity_frames=4)
    feed(fan_out, 100)
    fan_out.close()
    for sink in sinks:
        assert sink.frames == list(range(100))
        assert len(sink.results) == 200
        assert sink.closed
    assert fan_out.figures == (
        SinkFigures("list of results", 200, 200),
        SinkFigures("list of results (2)", 200, 200),
    )


def test_a_slow_sink_of_a_live_source_loses_frames_that_are_counted_and_the_other_sinks_do_not() -> None:
    slow, quick = GatedList(), ResultList()
    fan_out = FanOut([slow, quick], live=True, capacity_frames=4)
    fan_out.accept(frame(0), [result(0)])
    assert slow.entered.wait(_LONG_S)
    feed_slowly_enough_for(quick, fan_out, range(1, 11))
    assert fan_out.figures[0] == SinkFigures("gated list", 11, 0, {TOO_SLOW: 6}, 5, frames_dropped=6)
    slow.gate.set()
    fan_out.close()
    assert quick.frames == list(range(11))
    assert slow.frames == [0, 1, 2, 3, 4]
    assert fan_out.figures[0] == SinkFigures("gated list", 11, 5, {TOO_SLOW: 6}, frames_dropped=6)


def feed_slowly_enough_for(quick: ResultList, fan_out: FanOut, indices: range) -> None:
    """Hand frames over one by one, each after the quick sink has taken the one before."""
    for i in indices:
        fan_out.accept(frame(i), [result(i)])
        for _ in range(10_000):
            if len(quick.frames) == i + 1:
                break
            threading.Event().wait(0.001)


def test_a_slow_sink_of_a_recording_makes_the_engine_wait_and_loses_nothing() -> None:
    slow = GatedList()
    fan_out = FanOut([slow], live=False, capacity_frames=4)
    feeder = threading.Thread(target=feed, args=(fan_out, 40))
    feeder.start()
    assert slow.entered.wait(_LONG_S)
    assert feeder.is_alive()
    slow.gate.set()
    feeder.join(_LONG_S)
    fan_out.close()
    assert slow.frames == list(range(40))


def test_a_sink_that_breaks_is_closed_and_reported_at_the_end_while_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, whole = Breaking(SinkError("video x.mp4: the disk is full")), ResultList()
    fan_out = FanOut([broken, whole], capacity_frames=2)
    with caplog.at_level(logging.ERROR):
        feed(fan_out, 30)
        with pytest.raises(SinkError, match=r"^video x\.mp4: the disk is full$"):
            fan_out.close()
    assert whole.frames == list(range(30))
    assert broken.frames == [0, 1]
    assert broken.closed
    figures = fan_out.figures[0]
    assert (figures.accepted, figures.delivered, figures.dropped) == (60, 4, {SINK_FAILED: 56})
    assert figures.trouble == "video x.mp4: the disk is full"
    assert "video x.mp4: the disk is full: nothing more goes there" in caplog.text


@pytest.mark.parametrize("error", [ValueError("oops"), SystemExit(3)])
def test_whatever_a_sink_raises_becomes_one_sink_error_with_its_name_and_cause(error: BaseException) -> None:
    fan_out = FanOut([Breaking(error), ResultList()])
    feed(fan_out, 5)
    with pytest.raises(SinkError, match=r"breaking sink: ") as raised:
        fan_out.close()
    cause = raised.value.__cause__
    assert cause is not None
    assert cause.__cause__ is error


def test_without_a_working_sink_left_the_engine_is_told_and_told_once(tmp_path: Path) -> None:
    fan_out = FanOut([JsonLinesSink(Path("/dev/full"))], capacity_frames=2)
    with pytest.raises(SinkError, match=r"results file /dev/full: cannot be written"):
        feed(fan_out, 10_000)
    fan_out.close()


def test_an_error_on_closing_is_reported() -> None:
    class Unclosable(ResultList):
        def close(self) -> None:
            raise SinkError("recording: the disk is full")

    fan_out = FanOut([Unclosable()])
    feed(fan_out, 1)
    with pytest.raises(SinkError, match="recording: the disk is full"):
        fan_out.close()


def test_no_sinks_at_all_are_fine() -> None:
    fan_out = FanOut([])
    feed(fan_out, 3)
    fan_out.close()


def test_sinks_that_go_finish_and_those_that_come_see_what_follows() -> None:
    stays, goes, comes = GatedList(), GatedList(), ResultList()
    stays.gate.set()
    fan_out = FanOut([stays, goes])
    feed(fan_out, 3)
    closed = threading.Event()
    fan_out.change([Leaving(goes, closed.set)], [comes])
    assert not closed.is_set()
    feed(fan_out, 2)
    goes.gate.set()
    assert closed.wait(_LONG_S)
    fan_out.close()
    assert [len(s.results) for s in (stays, goes, comes)] == [10, 6, 4]


def test_the_figures_of_a_sink_go_on_in_the_one_that_takes_its_place() -> None:
    first = GatedList()
    first.gate.set()
    fan_out = FanOut([first])
    for _ in range(3):
        feed(fan_out, 2)
        second, closed = GatedList(), threading.Event()
        second.gate.set()
        fan_out.change([Leaving(first, closed.set)], [second])
        assert closed.wait(_LONG_S)
        first = second
    fan_out.close()
    assert fan_out.figures == (SinkFigures("gated list", 12, 12),)


def test_one_that_comes_beside_another_of_its_name_is_told_apart() -> None:
    gated = [GatedList(), GatedList()]
    fan_out = FanOut(gated[:1])
    fan_out.change([], gated[1:])
    assert [f.sink for f in fan_out.figures] == ["gated list", "gated list (2)"]
    for each in gated:
        each.gate.set()
    fan_out.close()


def test_what_one_left_in_a_spool_and_the_next_found_there_is_counted_once() -> None:
    past = SinkFigures("hook", accepted=10, delivered=4, spooled=6)
    now = SinkFigures("hook", accepted=3, delivered=7, recovered=6, spooled=2)
    assert joined(past, now) == SinkFigures("hook", accepted=13, delivered=11, spooled=2)
    other = SinkFigures("hook", accepted=3, delivered=3)
    assert joined(past, other) == SinkFigures("hook", accepted=13, delivered=7, spooled=6)
