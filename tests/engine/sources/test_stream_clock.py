"""Time of frames: the stream's own where it can be believed, else the clock's or the next regular one."""

from __future__ import annotations

import pytest

from engine.sources.stream_clock import LiveClock, MediaClock


def live(pairs: list[tuple[float | None, float]]) -> list[float]:
    clock = LiveClock()
    return [clock.time_of(stamp_s, arrived_s) for stamp_s, arrived_s in pairs]


def test_stamps_count_from_the_first_frame_and_smooth_arrival() -> None:
    times = live([(7.0, 100.0), (7.1, 100.18), (7.2, 100.19), (7.3, 100.31)])
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_without_stamps_arrival_counts() -> None:
    assert live([(None, 100.0), (None, 100.4), (float("nan"), 101.0)]) == pytest.approx([0.0, 0.4, 1.0])


def test_a_stamp_that_jumps_is_taken_as_now_and_counted_on_from() -> None:
    times = live([(0.0, 10.0), (0.5, 10.5), (9000.0, 11.0), (9000.5, 11.45), (3.0, 12.0), (3.5, 12.55)])
    assert times == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])


def test_stamps_of_a_wrong_rate_stay_within_a_second_of_the_clock() -> None:
    clock = LiveClock()  # 25 a second are claimed, 5 a second come
    for i in range(200):
        assert abs(clock.time_of(i / 25, 50.0 + i / 5) - i / 5) <= 1.0


def test_time_never_runs_backwards() -> None:
    times = live([(0.0, 0.0), (0.9, 0.1), (0.2, 0.3), (None, 0.2), (0.5, 0.5)])
    assert times == sorted(times)


def test_a_recording_keeps_its_media_time_and_fills_what_is_missing() -> None:
    clock = MediaClock(10.0)
    times = [clock.time_of(s, 0.0) for s in (5.0, 5.1, None, 5.3, 5.3, 6.0)]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 1.0])
