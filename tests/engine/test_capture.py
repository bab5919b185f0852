"""The capture thread: order, what is dropped when, exact counts, errors and the end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.capture import Capture, CaptureCounts
from engine.errors import SourceError
from engine.frames import Frame
from engine.sources.frame_list import FrameList
from tests.engine.media import frame

_LONG_S = 30.0


def frames(count: int) -> Iterator[Frame]:
    return (frame(i) for i in range(count))


def taken_to_the_end(capture: Capture) -> list[int]:
    indices = []
    while (frame := capture.get(_LONG_S)) is not None:
        indices.append(frame.index)
    return indices


def wait_until_ended(source: FrameList) -> None:
    for thread in threading.enumerate():
        if thread.name == f"mcdnn-capture-{source.name}":
            thread.join(_LONG_S)
    assert source.closed


def test_a_source_that_is_not_live_loses_nothing() -> None:
    source = FrameList(frames(50), "all")
    capture = Capture(source, capacity=3)
    assert taken_to_the_end(capture) == list(range(50))
    assert capture.counts() == CaptureCounts(read=50, taken=50, dropped=0, left=0)
    assert capture.get(0.0) is None
    wait_until_ended(source)


def test_a_live_source_drops_its_oldest_frames_and_counts_them() -> None:
    source = FrameList(frames(10), "live", live=True)
    capture = Capture(source, capacity=3)
    wait_until_ended(source)
    assert capture.counts() == CaptureCounts(read=10, taken=0, dropped=7, left=3)
    assert taken_to_the_end(capture) == [7, 8, 9]
    assert capture.counts() == CaptureCounts(read=10, taken=3, dropped=7, left=0)


def test_a_frame_says_how_many_before_it_nobody_took() -> None:
    for capacity, missed in ((1, [9]), (3, [7, 0, 0])):
        source = FrameList(frames(10), "live", live=True)
        capture = Capture(source, capacity)
        wait_until_ended(source)
        assert [f.missed for f in iter(capture.take, None)] == missed


def test_an_error_comes_after_the_frames_before_it_and_stays() -> None:
    def breaking() -> Iterator[Frame]:
        yield frame(0)
        yield frame(1)
        raise SourceError("the cable was cut")

    source = FrameList(breaking(), "broken")
    capture = Capture(source, capacity=5)
    wait_until_ended(source)
    before = [capture.get(_LONG_S), capture.get(_LONG_S)]
    assert [f.index for f in before if f is not None] == [0, 1]
    for _ in range(2):
        with pytest.raises(SourceError, match="the cable was cut"):
            capture.get(_LONG_S)


def test_nothing_in_time_is_queue_empty() -> None:
    gate = threading.Event()

    def slow() -> Iterator[Frame]:
        gate.wait(_LONG_S)
        yield frame(0)

    capture = Capture(FrameList(slow(), "slow"), capacity=1)
    with pytest.raises(queue.Empty):
        capture.get(0.01)
    gate.set()
    assert taken_to_the_end(capture) == [0]


def test_close_ends_a_thread_that_waits_for_room() -> None:
    source = FrameList(frames(100), "full")
    capture = Capture(source, capacity=2)
    assert capture.get(_LONG_S) is not None
    capture.close()
    capture.close()
    assert source.closed
    counts = capture.counts()
    assert counts.read == counts.taken + counts.dropped + counts.left
    assert counts.dropped == 0
    assert capture.get(_LONG_S) is None


def test_close_wakes_one_who_waits_for_a_frame() -> None:
    gate = threading.Event()

    def silent() -> Iterator[Frame]:
        gate.wait(_LONG_S)
        yield frame(0)

    capture = Capture(FrameList(silent(), "silent"), capacity=1)
    got: list[Frame | None] = []
    waiter = threading.Thread(target=lambda: got.append(capture.get(_LONG_S)))
    waiter.start()
    closer = threading.Thread(target=capture.close)
    closer.start()
    waiter.join(_LONG_S)
    gate.set()
    closer.join(_LONG_S)
    assert got == [None]


def test_busy_time_is_that_of_reading_and_is_taken_once() -> None:
    ticks = iter(range(100))
    source = FrameList(frames(4), "busy")
    capture = Capture(source, capacity=10, busy_clock=lambda: float(next(ticks)))
    wait_until_ended(source)
    assert capture.take_busy_s() == 4.0
    assert capture.take_busy_s() == 0.0


def test_a_queue_without_room_is_refused() -> None:
    with pytest.raises(BadInput, match=r"capacity = 0: expected at least 1 frame"):
        Capture(FrameList(frames(1)), capacity=0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(1, 6), st.booleans(), st.integers(0, 20))
def test_every_frame_read_is_taken_dropped_or_left(
    count: int, capacity: int, live: bool, wanted: int
) -> None:
    capture = Capture(FrameList(frames(count), "any", live), capacity)
    taken = []
    for _ in range(wanted):
        got = capture.get(_LONG_S)
        if got is None:
            break
        taken.append(got.index)
    counts = capture.counts()
    assert counts.read == counts.taken + counts.dropped + counts.left
    assert counts.taken == len(taken)
    assert taken == sorted(set(taken))
    assert counts.left <= capacity
    capture.close()
    after = capture.counts()
    assert after.read == after.taken + after.dropped + after.left


@pytest.mark.parametrize(("frames_ahead", "fit"), [(0, 2), (1, 2), (5, 5), (1000, 32)])
def test_small_frames_of_a_source_that_is_not_live_are_read_further_ahead(
    frames_ahead: int, fit: int
) -> None:
    one_too_many = threading.Event()

    def watched() -> Iterator[Frame]:
        for i in range(100):
            if i == fit:
                one_too_many.set()
            yield frame(i)

    ahead_bytes = frames_ahead * frame(0).pixels.nbytes
    capture = Capture(FrameList(watched(), "ahead"), capacity=2, ahead_bytes=ahead_bytes)
    assert one_too_many.wait(_LONG_S)
    capture.close()
    assert capture.counts().read == fit + 1  # the last had no room, and was let go by close()


def test_who_waits_for_a_frame_can_be_woken() -> None:
    gate = threading.Event()

    def silent() -> Iterator[Frame]:
        gate.wait(60.0)
        yield from ()

    capture = Capture(FrameList(silent()))
    waker = threading.Thread(target=capture.wake)
    waker.start()
    with pytest.raises(queue.Empty):
        capture.get()
    waker.join()
    gate.set()
    capture.close()


def test_a_wake_call_hides_no_frame_and_no_end() -> None:
    capture = Capture(FrameList(frames(1)))
    capture.wake()
    while True:
        try:
            frame = capture.get(60.0)
            break
        except queue.Empty:
            continue
    assert frame is not None
    assert frame.index == 0
    capture.wake()
    while True:
        try:
            assert capture.get(60.0) is None
            break
        except queue.Empty:
            continue
    capture.close()
