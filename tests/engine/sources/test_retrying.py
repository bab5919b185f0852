"""Pauses that grow and are not alike, and the stop to crashes that follow one another."""

from __future__ import annotations

import logging
from random import Random

import pytest

from engine.sources.retrying import BackOff, CrashGuard, Patience
from engine.sources.stream_notices import StreamNotices

PATIENCE = Patience(least_pause_s=0.25, most_pause_s=4.0, crashes=3, crash_window_s=60.0)


def test_pauses_double_up_to_the_longest_and_are_shortened_at_random() -> None:
    back_off = BackOff(PATIENCE, Random(1))
    for full_s in (0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0):
        assert full_s / 2 <= back_off.next_pause_s() <= full_s
    back_off.reset()
    assert back_off.next_pause_s() <= 0.25


def test_two_devices_do_not_come_back_at_the_same_moment() -> None:
    one, other = BackOff(PATIENCE, Random(1)), BackOff(PATIENCE, Random(2))
    assert [one.next_pause_s() for _ in range(3)] != [other.next_pause_s() for _ in range(3)]


def test_a_returning_source_is_found_within_ten_seconds_by_default() -> None:
    patience = Patience()
    assert patience.most_pause_s + patience.timeout_s < 10.0
    assert patience.timeout_s + patience.grace_s + patience.least_pause_s < 10.0


def test_crashes_loop_only_where_they_follow_one_another() -> None:
    guard = CrashGuard(PATIENCE)
    assert [guard.is_looping(t) for t in (0.0, 50.0, 100.0, 105.0)] == [False, False, False, True]
    assert [guard.is_looping(t) for t in (106.0, 107.0, 108.0)] == [False, False, True]


def test_a_lost_source_is_said_once_reminded_of_and_its_return_too(caplog: pytest.LogCaptureFixture) -> None:
    notices = StreamNotices("door")
    notices.gives_frames(0.0)
    for second in range(700):
        notices.failed("refused", float(second))
    notices.gives_frames(700.0)
    notices.gives_frames(701.0)
    notices.failed("reset", 800.0)
    said = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert said == [
        "source door: refused; trying again until it answers",
        "source door: nothing for 600 s, 601 attempts: refused",
        "source door: back after 700.0 s, 700 attempts",
        "source door: reset; trying again until it answers",
    ]
