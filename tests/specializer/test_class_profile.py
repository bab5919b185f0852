from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specializer.class_profile import ClassProfile


def seen(*classes: int, most_requests: float = 100) -> ClassProfile:
    profile = ClassProfile(most_requests=most_requests)
    for i, class_id in enumerate(classes):
        profile.observe(class_id, float(i))
    return profile


def test_the_fewest_classes_that_hold_the_share_dominate() -> None:
    profile = seen(7, 7, 7, 7, 3, 3, 3, 1, 1, 0)
    assert profile.dominant(0.4) == (7,)
    assert profile.dominant(0.41) == (7, 3)
    assert profile.dominant(1.0) == (7, 3, 1, 0)
    assert profile.share([7, 3, 3]) == 0.7


def test_of_equally_frequent_classes_the_smaller_id_comes_first() -> None:
    assert seen(5, 2, 5, 2, 9).dominant(0.9) == (2, 5, 9)


def test_nothing_dominates_what_was_not_seen() -> None:
    profile = ClassProfile(most_requests=5)
    assert (profile.dominant(0.9), profile.share([1]), profile.is_dominated(3, 0.9)) == ((), 0.0, False)


def test_a_stream_is_dominated_by_few_enough_classes() -> None:
    profile = seen(7, 7, 7, 3, 1)
    assert profile.is_dominated(2, 0.8)
    assert not profile.is_dominated(1, 0.8)


def test_only_the_last_requests_count() -> None:
    profile = seen(1, 1, 1, 2, 2, most_requests=3)
    assert (profile.requests, profile.dominant(0.5)) == (3, (2,))


def test_only_requests_young_enough_count() -> None:
    profile = ClassProfile(window_s=10.0)
    profile.observe(1, 0.0)
    profile.observe(2, 4.0)
    profile.observe(2, 10.0)
    assert profile.requests == 3
    profile.advance(10.5)
    assert (profile.requests, profile.share([1])) == (2, 0.0)
    profile.advance(1e6)
    assert profile.requests == 0


@pytest.mark.parametrize(
    ("most_requests", "window_s"), [(math.inf, math.inf), (0, 10.0), (5, 0.0), (math.nan, 1.0)]
)
def test_a_window_without_end_or_without_room_is_refused(most_requests: float, window_s: float) -> None:
    with pytest.raises(ValueError, match="expected one of them limited"):
        ClassProfile(most_requests, window_s)


@given(
    stream=st.lists(st.tuples(st.integers(0, 4), st.floats(0.0, 5.0)), max_size=80),
    most_requests=st.sampled_from([1, 7, math.inf]),
    window_s=st.sampled_from([1.0, 12.0]),
    share=st.floats(0.01, 1.0),
)
def test_it_is_exactly_what_counting_the_window_anew_gives(
    stream: list[tuple[int, float]], most_requests: float, window_s: float, share: float
) -> None:
    profile = ClassProfile(most_requests, window_s)
    history: list[tuple[float, int]] = []
    now = 0.0
    for class_id, wait_s in stream:
        now += wait_s
        profile.observe(class_id, now)
        history.append((now, class_id))
        window = [c for t, c in history if now - t <= window_s]
        if most_requests < math.inf:
            window = window[-int(most_requests) :]
        assert profile.requests == len(window)
        dominant = profile.dominant(share)
        held = sum(c in dominant for c in window)
        assert held >= share * len(window)
        assert held - window.count(dominant[-1]) < share * len(window)
        assert [window.count(c) for c in dominant] == sorted(
            (window.count(c) for c in dominant), reverse=True
        )
