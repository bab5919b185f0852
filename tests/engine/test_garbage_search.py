"""The search for garbage leaves out what was there, goes through the old when told, and is then as before."""

from __future__ import annotations

import gc
import weakref

import pytest

from engine.garbage_search import FullSearch, searched_when_told


class Circle:
    def __init__(self) -> None:
        self.myself = self


def test_what_was_there_is_left_out_meanwhile_and_searched_afterwards() -> None:
    before = Circle()
    gone = weakref.ref(before)
    with searched_when_told():
        assert gc.get_freeze_count() > 0
        del before
        gc.collect()
        assert gone() is not None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gone() is None


def test_what_comes_later_is_collected_as_ever() -> None:
    with searched_when_told():
        gone = weakref.ref(Circle())
        gc.collect()
        assert gone() is None


def test_what_is_garbage_already_is_not_kept() -> None:
    gc.disable()
    try:
        gone = weakref.ref(Circle())
        with FullSearch().held():
            assert gone() is None
    finally:
        gc.enable()


def test_the_last_who_leaves_ends_it_also_by_an_error() -> None:
    with pytest.raises(KeyError), searched_when_told():
        with searched_when_told():
            pass
        assert gc.get_freeze_count() > 0
        raise KeyError
    assert gc.get_freeze_count() == 0


def test_what_is_old_is_gone_through_only_when_told() -> None:
    before = gc.get_threshold()
    with searched_when_told():
        search, old = FullSearch(), gc.get_stats()[2]["collections"]
        assert not search.is_due
        kept = [[] for _ in range(300_000)]  # net, so that what is young is gone through many times
        assert gc.get_stats()[2]["collections"] == old
        assert search.is_due
        del kept
        search.search()
        assert gc.get_stats()[2]["collections"] == old + 1
        assert not search.is_due
    assert gc.get_threshold() == before


def test_the_longest_search_of_late_is_expected() -> None:
    times = iter([0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 1.5, 2.0, 2.25, 2.5])
    search = FullSearch(lambda: next(times))
    with search.held():
        assert search.expected_s == 0.25  # a quarter of what it took to go through all there was
        search.search()
        assert search.expected_s == 0.5
        search.search()
        assert search.expected_s == 0.5
    assert gc.get_freeze_count() == 0
