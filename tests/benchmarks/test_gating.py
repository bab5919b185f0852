"""What stands in a run that spared requests, against what was answered in one that did not."""

from __future__ import annotations

from benchmarks.standing_answers import Agreement, Seen, agreement
from tests.engine.media import result


def test_the_same_answers_in_the_same_places_agree() -> None:
    frames = [Seen(i, False, [result(i, truth="7")]) for i in range(3)]
    assert agreement(frames, frames) == Agreement(answers=3, known=3, right=3, right_asked=3)


def test_answers_stand_over_frames_that_were_passed_over_and_no_further() -> None:
    asked = [Seen(i, False, [result(i)]) for i in range(4)]
    spared = [Seen(0, False, [result(0)]), Seen(1, True, []), Seen(2, False, []), Seen(3, True, [])]
    assert agreement(asked, spared) == Agreement(answers=4, missing=2)


def test_a_wrong_answer_another_place_and_another_app_are_told_apart() -> None:
    asked = [Seen(0, False, [result(0, truth="7"), result(0, app="odd", answer="odd")])]
    other = [Seen(0, False, [result(0, answer="3"), result(0, app="odd", box=(90, 90, 9, 9))])]
    assert agreement(asked, other) == Agreement(2, missing=1, different=1, known=1, right=0, right_asked=1)
