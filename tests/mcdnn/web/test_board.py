from __future__ import annotations

from dataclasses import replace

from mcdnn.web.board import Board
from tests.engine.media import frame, result


def test_the_newest_frame_of_each_source_is_there_itself() -> None:
    board = Board()
    first, second, yard = frame(0), frame(1), replace(frame(7), source="yard")
    for each in (first, second, yard):
        board.accept(each, [])
    seen = board.sight("clip")
    assert seen is not None and (seen.number, seen.frame) == (2, second)
    assert seen.frame.pixels is second.pixels  # nothing was copied
    assert board.sight("yard") == (1, yard, [])
    assert board.sight("garden") is None


def test_a_still_picture_goes_on_showing_what_was_answered() -> None:
    board = Board()
    board.accept(frame(0), [result(0)])
    board.accept(replace(frame(1), still=True), [])
    seen = board.sight("clip")
    assert seen is not None and (seen.number, seen.frame.index, seen.results) == (2, 1, [result(0)])
    board.accept(frame(2), [])
    assert (board.sight("clip") or seen).results == []


def test_answers_stay_until_the_app_is_asked_again() -> None:
    board = Board()
    who, odd, newer = result(0), result(0, app="odd"), [result(1), result(1, window="1.digit.1")]
    board.accept(frame(0), [who, odd])
    board.accept(frame(1), newer)
    board.accept(frame(2), [])
    assert board.answers("clip") == {"who": newer, "odd": [odd]}
    assert board.answers("yard") == {}
