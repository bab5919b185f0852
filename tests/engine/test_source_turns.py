"""Several sources as one: whose turn it is, one clock, ends, errors, and counters that add up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from engine.capture import SUPERSEDED, Capture, CaptureCounts
from engine.errors import SourceError
from engine.frames import Frame
from engine.source_turns import REMOVED, SourceTurns
from engine.sources.frame_list import FrameList
from tests.engine.media import frame

LONG_S = 60.0


def frames(name: str, times_s: Iterable[float], captured_from_s: float = 0.0) -> Iterator[Frame]:
    for i, t_s in enumerate(times_s):
        yield replace(frame(i), source=name, t_s=t_s, captured_s=captured_from_s + t_s)


def recorded(name: str, times_s: Iterable[float]) -> Capture:
    return Capture(FrameList(frames(name, times_s), name), 4)


def ended(capture: Capture) -> Capture:
    """Wait until the source has given everything."""
    for thread in threading.enumerate():
        if thread.name == f"mcdnn-capture-{capture.name}":
            thread.join(LONG_S)
    return capture


def taken(turns: SourceTurns) -> list[tuple[str, float]]:
    out = []
    while (f := turns.get(LONG_S)) is not None:
        out.append((f.source, f.t_s))
    return out


def test_recordings_go_in_step_by_media_time() -> None:
    turns = SourceTurns([recorded("a", [0.0, 1.0, 2.0]), recorded("b", [0.0, 0.4, 0.8, 1.2])], in_step=True)
    assert taken(turns) == [
        ("a", 0.0), ("b", 0.0), ("b", 0.4), ("b", 0.8), ("a", 1.0), ("b", 1.2), ("a", 2.0),
    ]  # fmt: skip
    assert not turns.live
    assert turns.name == "a, b"
    assert turns.counts() == CaptureCounts(read=7, taken=7)
    assert [(f.source, f.read, f.taken, f.dropped, f.left) for f in turns.figures()] == [
        ("a", 3, 3, {}, 0), ("b", 4, 4, {}, 0),
    ]  # fmt: skip
    turns.close()


def test_live_sources_are_served_in_turn_however_many_frames_one_has() -> None:
    many = ended(Capture(FrameList(frames("many", [i / 100 for i in range(9)]), "many", live=True), 6))
    few = ended(Capture(FrameList(frames("few", [0.0, 1.0]), "few", live=True), 6))
    turns = SourceTurns([many, few], in_step=False)
    order = [name for name, _ in taken(turns)]
    assert order == ["many", "few", "many", "few", "many", "many", "many", "many"]
    counts = turns.counts()
    assert counts == CaptureCounts(read=11, taken=8, dropped=3, left=0)
    assert turns.figures()[0].dropped == {SUPERSEDED: 3}
    turns.close()


def test_live_sources_have_one_clock_from_the_first_frame_of_all() -> None:
    early = ended(Capture(FrameList(frames("a", [0.0, 5.0], 100.0), "a", live=True), 6))
    late = ended(Capture(FrameList(frames("b", [0.0, 1.0], 102.5), "b", live=True), 6))
    turns = SourceTurns([early, late], in_step=False)
    assert taken(turns) == [("a", 0.0), ("b", 2.5), ("a", 5.0), ("b", 3.5)]
    turns.close()


def test_a_source_that_gives_nothing_holds_no_other_up() -> None:
    gate = threading.Event()

    def silent() -> Iterator[Frame]:
        gate.wait(LONG_S)
        yield from ()

    dead = Capture(FrameList(silent(), "dead", live=True), 1)
    alive = ended(Capture(FrameList(frames("alive", [0.0, 0.1, 0.2]), "alive", live=True), 6))
    turns = SourceTurns([dead, alive], in_step=False)
    assert [f.t_s for _ in range(3) if (f := turns.get(LONG_S)) is not None] == [0.0, 0.1, 0.2]
    with pytest.raises(queue.Empty):
        turns.get(0.01)
    gate.set()
    assert turns.get(LONG_S) is None
    turns.close()


def test_a_source_that_breaks_is_named_and_raised_when_the_others_are_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaking() -> Iterator[Frame]:
        yield from frames("broken", [0.0])
        raise SourceError("the cable was cut")

    turns = SourceTurns(
        [Capture(FrameList(breaking(), "broken"), 4), recorded("sound", [0.0, 1.0, 2.0])], in_step=True
    )
    got = [turns.get(LONG_S) for _ in range(4)]
    assert all(got)
    with pytest.raises(SourceError, match="the cable was cut"):
        turns.get(LONG_S)
    assert "source broken: broke, the others go on: the cable was cut" in caplog.text
    turns.close()


def test_who_waits_is_woken() -> None:
    gate = threading.Event()

    def silent() -> Iterator[Frame]:
        gate.wait(LONG_S)
        yield from ()

    turns = SourceTurns([Capture(FrameList(silent(), n, live=True), 1) for n in "ab"], in_step=False)
    waker = threading.Thread(target=turns.wake)
    waker.start()
    with pytest.raises(queue.Empty):
        turns.get()
    waker.join()
    gate.set()
    turns.close()


def test_a_frame_that_was_not_used_counts_as_left() -> None:
    turns = SourceTurns([recorded("a", [0.0]), recorded("b", [1.0])], in_step=True)
    turns.get(LONG_S)
    second = turns.get(LONG_S)
    assert second is not None
    turns.put_back(second)
    assert turns.counts() == CaptureCounts(read=2, taken=1, left=1)
    assert turns.figures()[1].left == 1
    turns.close()


def moments(turns: SourceTurns) -> list[list[tuple[str, float]]]:
    out = []
    while (f := turns.get(LONG_S)) is not None:
        moment = [f]
        while (other := turns.more()) is not None:
            moment.append(other)
        out.append([(f.source, f.t_s) for f in moment])
    return out


def test_a_moment_has_what_waits_of_each_live_source_once() -> None:
    a = ended(Capture(FrameList(frames("a", [0.0, 1.0, 2.0]), "a", live=True), 6))
    b = ended(Capture(FrameList(frames("b", [0.0, 1.0]), "b", live=True), 6))
    turns = SourceTurns([a, b], in_step=False)
    assert moments(turns) == [[("a", 0.0), ("b", 0.0)], [("a", 1.0), ("b", 1.0)], [("a", 2.0)]]
    assert turns.counts() == CaptureCounts(read=5, taken=5)
    turns.close()


def test_a_moment_of_recordings_in_step_is_one_media_time() -> None:
    captures = [ended(recorded("a", [0.0, 1.0, 2.0])), ended(recorded("b", [0.0, 0.5, 1.0]))]
    turns = SourceTurns(captures, in_step=True)
    assert moments(turns) == [[("a", 0.0), ("b", 0.0)], [("b", 0.5)], [("a", 1.0), ("b", 1.0)], [("a", 2.0)]]
    turns.close()


def test_a_frame_of_a_moment_that_was_not_used_counts_as_left() -> None:
    turns = SourceTurns([ended(recorded("a", [0.0])), ended(recorded("b", [0.0]))], in_step=True)
    turns.get(LONG_S)
    second = turns.more()
    assert second is not None
    turns.put_back(second)
    assert [(f.source, f.taken, f.left) for f in turns.figures()] == [("a", 1, 0), ("b", 0, 1)]
    turns.close()


def live(name: str, times_s: Iterable[float], captured_from_s: float = 0.0) -> Capture:
    return ended(Capture(FrameList(frames(name, times_s, captured_from_s), name, live=True), 6))


def test_sources_come_and_go_and_nothing_is_uncounted() -> None:
    turns = SourceTurns([live("a", [0.0, 1.0, 2.0]), live("b", [0.0, 1.0])], in_step=False)
    first = [turns.get(LONG_S) for _ in range(3)]
    assert [f.source for f in first if f is not None] == ["a", "b", "a"]
    went = turns.change({"b"}, [live("c", [0.0, 0.5], captured_from_s=10.0)])
    assert [c.name for c in went] == ["b"]
    assert taken(turns) == [("a", 2.0), ("c", 10.0), ("c", 10.5)]
    assert {f.source: (f.read, f.taken, f.dropped, f.left) for f in turns.figures()} == {
        "a": (3, 3, {}, 0), "c": (2, 2, {}, 0), "b": (2, 1, {REMOVED: 1}, 0),
    }  # fmt: skip
    assert turns.counts() == CaptureCounts(read=7, taken=6, dropped=1, left=0)
    turns.close()
    went[0].close()


def test_another_source_of_the_same_name_adds_to_its_figures() -> None:
    turns = SourceTurns([live("a", [0.0, 1.0])], in_step=False)
    turns.get(LONG_S)
    went = turns.change({"a"}, [live("a", [0.0, 1.0, 2.0], captured_from_s=5.0)])
    assert taken(turns) == [("a", 5.0), ("a", 6.0), ("a", 7.0)]
    (figures,) = turns.figures()
    assert (figures.read, figures.taken, figures.dropped) == (5, 4, {REMOVED: 1})
    assert figures.report.connects == 2
    turns.close()
    went[0].close()
