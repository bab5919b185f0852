from __future__ import annotations

import pytest

from cloud.back_pressure import BackPressure


def test_nothing_is_held_while_answers_come_in_time() -> None:
    pressure = BackPressure()
    for n in range(10):
        pressure.sent(str(n), patience_s=1.0, now_s=0.1 * n)
        if n >= 5:
            pressure.answered(str(n - 5))
        assert pressure.held_s(1.0, 0.1 * n) == 0.0


def test_while_the_oldest_has_waited_for_most_of_its_time_nothing_more_is_sent() -> None:
    pressure = BackPressure()
    pressure.sent("old", patience_s=1.0, now_s=10.0)
    pressure.sent("new", patience_s=1.0, now_s=10.7)
    assert pressure.held_s(1.0, 10.74) == 0.0
    assert pressure.held_s(1.0, 10.8) > 0.0
    assert pressure.held_s(60.0, 11.5) > 0.0  # it stands in the way of others, too
    pressure.ended("old")
    assert pressure.held_s(1.0, 11.4) == 0.0
    assert pressure.held_s(1.0, 11.5) > 0.0


def test_a_request_that_the_server_never_ends_does_not_hold_others_for_ever() -> None:
    pressure = BackPressure()
    pressure.sent("lost", patience_s=1.0, now_s=10.0)
    assert pressure.held_s(1.0, 11.9) > 0.0
    assert pressure.held_s(1.0, 12.1) == 0.0


def test_a_server_that_refused_is_asked_again_when_half_of_what_waits_is_done() -> None:
    pressure = BackPressure()
    for name in ("r1", "r2", "r3", "r4"):
        pressure.sent(name, patience_s=0.5, now_s=10.0)
    pressure.ended("r1")
    pressure.refused(retry_after_s=0.4, patience_s=0.5, now_s=10.0)
    pressure.ended("r2")
    assert pressure.held_s(0.5, 10.05) == pytest.approx(0.15)
    assert pressure.held_s(2.0, 10.05) == 0.0  # it has more time, and may be let in
    assert pressure.held_s(0.5, 10.21) == 0.0


def room(pressure: BackPressure, now_s: float) -> int:
    """Return how many more may be sent now."""
    for n in range(1000):
        if pressure.held_s(0.5, now_s):
            return n
        pressure.sent(f"{now_s} {n}", 0.5, now_s)
    return 1000


def test_fewer_may_be_under_way_after_a_refusal_and_one_more_for_each_round_of_answers() -> None:
    pressure = BackPressure()
    assert room(pressure, 10.0) == 1000  # it has not refused any
    names = [f"10.0 {n}" for n in range(1000)]
    for name in names[:900]:
        pressure.ended(name)
    for name in names[900:920]:  # all sent before the first of them was refused
        pressure.ended(name)
        pressure.refused(retry_after_s=0.1, patience_s=0.5, now_s=10.1)
    for name in names[920:]:
        pressure.ended(name)
    fewer = room(pressure, 10.2)
    assert fewer == pytest.approx(0.75 * 99, abs=1)
    for n in range(fewer):
        pressure.answered(f"10.2 {n}")
    assert room(pressure, 10.3) == fewer + 1
