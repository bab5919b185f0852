"""The search for garbage leaves out what was there, and finds it again afterwards."""

from __future__ import annotations

import gc
import weakref

import pytest

from mcdnn.garbage_pauses import short_pauses


class Circle:
    def __init__(self) -> None:
        self.myself = self


def test_what_was_there_is_left_out_meanwhile_and_searched_afterwards() -> None:
    before = Circle()
    gone = weakref.ref(before)
    with short_pauses():
        assert gc.get_freeze_count() > 0
        del before
        gc.collect()
        assert gone() is not None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gone() is None


def test_what_comes_later_is_collected_as_ever() -> None:
    with short_pauses():
        gone = weakref.ref(Circle())
        gc.collect()
        assert gone() is None


def test_what_is_garbage_already_is_not_kept() -> None:
    gc.disable()
    try:
        gone = weakref.ref(Circle())
        with short_pauses():
            assert gone() is None
    finally:
        gc.enable()


def test_the_last_who_leaves_ends_it_also_by_an_error() -> None:
    with pytest.raises(KeyError), short_pauses():
        with short_pauses():
            pass
        assert gc.get_freeze_count() > 0
        raise KeyError
    assert gc.get_freeze_count() == 0
