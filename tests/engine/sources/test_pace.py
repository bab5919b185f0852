"""Pace: as fast as taken, or at media time on an injected clock."""

from __future__ import annotations

import pytest

from catalog.errors import BadInput
from engine.sources.pace import AsTaken, MediaTime, make_pace


class SettableClock:
    def __init__(self) -> None:
        self.now_s = 50.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


def test_a_late_frame_is_given_at_once_and_the_next_one_where_it_would_have_been() -> None:
    clock = SettableClock()
    pace = MediaTime(clock, clock.sleep)
    pace.wait(0.0)
    pace.wait(1.0)
    clock.now_s += 2.5
    pace.wait(2.0)
    pace.wait(4.0)
    assert clock.slept == [1.0, 0.5]


def test_as_taken_never_waits_and_is_not_live() -> None:
    clock = SettableClock()
    pace = make_pace("max", clock, clock.sleep)
    pace.wait(1000.0)
    assert clock.slept == []
    assert isinstance(pace, AsTaken)
    assert not pace.live
    assert make_pace("wall", clock, clock.sleep).live


def test_an_unknown_pace_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"pace 'fast': expected one of max, wall"):
        make_pace("fast", lambda: 0.0, lambda _: None)
