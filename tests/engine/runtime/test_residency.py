"""Residency: least recently used goes first, and the limit holds at every moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.residency import Residency, TooLarge


def test_the_least_recently_used_piece_goes_first() -> None:
    residency = Residency(30)
    for piece in "abc":
        assert residency.admit(piece, 10) == []
    residency.touch("a")
    assert residency.admit("d", 10) == ["b"]
    assert residency.pieces == {"a", "c", "d"}


def test_what_must_stay_stays() -> None:
    residency = Residency(30)
    for piece in "abc":
        residency.admit(piece, 10)
    assert residency.admit("d", 20, keep=frozenset("a")) == ["b", "c"]


def test_a_piece_that_cannot_fit_changes_nothing() -> None:
    residency = Residency(30)
    residency.admit("a", 20)
    with pytest.raises(TooLarge, match=r"b needs 31 bytes .* limit is 30: raise budget.memory_mb"):
        residency.admit("b", 31)
    with pytest.raises(TooLarge):
        residency.admit("b", 11, keep=frozenset("a"))
    assert residency.pieces == {"a"}
    assert residency.used_bytes == 20


def test_admitting_twice_takes_memory_once() -> None:
    residency = Residency(30)
    residency.admit("a", 20)
    assert residency.admit("a", 20) == []
    assert residency.used_bytes == 20


def test_a_lower_limit_lets_go_of_what_was_not_used_for_longest() -> None:
    residency = Residency(30)
    for piece in "abc":
        residency.admit(piece, 10)
    residency.touch("a")
    assert residency.set_limit(15, keep=frozenset("b")) == ["c", "a"]
    assert (residency.pieces, residency.used_bytes) == ({"b"}, 10)
    with pytest.raises(TooLarge):
        residency.admit("d", 20)
    assert residency.set_limit(30) == []
    assert residency.admit("d", 20) == []


@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 60), st.booleans()), max_size=60),
)
def test_the_limit_holds_and_the_sum_is_exact(limit: int, steps: list[tuple[str, int, bool]]) -> None:
    residency = Residency(limit)
    sizes: dict[str, int] = {}
    for piece, size, touches in steps:
        if touches:
            residency.touch([piece])
            continue
        try:
            gone = residency.admit(piece, size)
        except TooLarge:
            assert size > limit
            continue
        for g in gone:
            del sizes[g]
        sizes.setdefault(piece, size)
        assert residency.pieces == set(sizes)
        assert residency.used_bytes == sum(sizes.values()) <= limit
        assert residency.peak_bytes <= limit
