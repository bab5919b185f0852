"""Time that went by, on machines whose clocks are wrong."""

from __future__ import annotations

from engine.state.moments import Moment, now_here, passed_s


def test_within_a_boot_no_clock_that_can_be_set_is_believed() -> None:
    then = Moment("a", 100.0, 5e8)
    assert passed_s(then, Moment("a", 160.0, 0.0)) == 60.0
    assert passed_s(then, Moment("a", 160.0, 9e9)) == 60.0


def test_across_boots_the_wall_clock_counts_and_never_backwards() -> None:
    then = Moment("a", 100.0, 5e8)
    assert passed_s(then, Moment("b", 3.0, 5e8 + 60.0)) == 60.0
    assert passed_s(then, Moment("b", 3.0, 0.0)) == 0.0


def test_this_machine_has_a_boot_and_its_time_goes_on() -> None:
    first, second = now_here(), now_here()
    assert first.boot == second.boot != ""
    assert 0.0 <= passed_s(first, second) < 60.0
