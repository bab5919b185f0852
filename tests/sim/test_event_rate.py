from __future__ import annotations

from sim.event_rate import bare_event_s


def test_the_time_of_one_event_is_that_of_all_divided_by_their_number() -> None:
    readings = iter([10.0, 11.0])
    assert bare_event_s(100, lambda: next(readings)) == 0.01
