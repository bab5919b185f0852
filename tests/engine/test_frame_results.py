from __future__ import annotations

from engine.frame_results import FrameLine, FrameResults
from engine.frames import Window
from engine.results import Result
from engine.scheduling.problem import App
from engine.window_results import unserved
from tests.engine.media import frame
from tests.engine.media import result as served

WHO = App("who", "identity", "digit")


def waiting(index: int, places: int) -> FrameResults:
    answers = FrameResults(frame(index))
    for _ in range(places):
        answers.expect(result(index, "to come"))
    return answers


def result(index: int, reason: str) -> Result:
    return unserved(Window(frame(index), "digit", 0, (0, 0, 1, 1)), WHO, reason)


def test_a_complete_frame_goes_on_at_once() -> None:
    gone: list[int] = []
    line = FrameLine(lambda f: gone.append(f.frame.index))
    line.put(waiting(0, 0))
    assert gone == [0]


def test_frames_keep_their_order_and_wait_for_the_last_result_before_them() -> None:
    gone: list[int] = []
    line = FrameLine(lambda f: gone.append(f.frame.index))
    first, second, third = waiting(0, 2), waiting(1, 1), waiting(2, 0)
    for f in (first, second, third):
        line.put(f)
    second.fill(0, result(1, "late"))
    first.fill(1, result(0, "late"))
    line.flush()
    assert gone == []
    first.fill(0, result(0, ""))
    line.flush()
    assert gone == [0, 1, 2]
    assert [r.reason for r in first.results] == ["", "late"]


def test_what_was_known_before_stands_with_its_window() -> None:
    answers = FrameResults(frame(0))
    answers.windows += ["0.digit.0", "0.digit.1", "0.digit.2"]
    answers.known += [served(app="a"), served(window="0.digit.2", app="a")]
    answers.results += [served(app="b"), served(window="0.digit.1", app="a")]
    assert [(r.window, r.app) for r in answers.all()] == [
        ("0.digit.0", "a"),
        ("0.digit.0", "b"),
        ("0.digit.1", "a"),
        ("0.digit.2", "a"),
    ]


def test_it_is_full_by_frames_or_by_bytes() -> None:
    size = frame(0).pixels.nbytes
    for line in (FrameLine(lambda _: None, most_frames=2), FrameLine(lambda _: None, most_bytes=2 * size)):
        first = waiting(0, 1)
        line.put(first)
        assert not line.is_full
        line.put(waiting(1, 0))
        assert line.is_full
        first.fill(0, result(0, ""))
        line.flush()
        assert not line.is_full
