"""The largest of late: checked against remembering everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.latest_most import LatestMost


def test_nothing_noted_is_nothing() -> None:
    assert LatestMost(10.0).at(5.0) == 0.0


def test_less_than_nothing_counts_as_nothing() -> None:
    most = LatestMost(10.0)
    most.note(float("-inf"), 1.0)
    assert most.at(1.0) == 0.0


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 50)), min_size=1, max_size=40), st.integers(0, 30)
)
def test_it_is_remembered_for_its_time_and_forgotten_after_twice_that(
    given: list[tuple[int, int]], later_s: int
) -> None:
    most, now_s, noted = LatestMost(10.0), 0.0, []
    for passed_s, value in given:
        now_s += passed_s
        most.note(float(value), now_s)
        noted.append((now_s, float(value)))
    now_s += later_s
    found = most.at(now_s)
    assert found >= max((v for t, v in noted if now_s - t < 10.0), default=0.0)
    assert found <= max((v for t, v in noted if now_s - t < 20.0), default=0.0)
