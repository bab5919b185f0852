"""Python's search for garbage, which stops every thread: short, and not while a request has no time left.

Objects that refer to each other in a circle are found by going through all that there are: a tenth of a
second and more with the libraries of an engine loaded, on a busy processor several. What is there when a
run begins stays until its end, so only what came later need be gone through; and when that is done is
for the loop to say, which knows what would have to begin meanwhile.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from engine.latest_most import LatestMost

_OLDEST = 2
_DUE_AFTER = 20  # searches through what is young
_NEVER = 1_000_000
_REMEMBERED_S = 600.0
_YOUNGER = 0.25  # of what is set aside: more will hardly have come when it is first searched through

_lock = threading.Lock()
_holders = 0
_thresholds = gc.get_threshold()


def set_aside() -> None:
    """Leave what is there now out of the search from now on."""
    gc.collect()
    gc.freeze()


@contextmanager
def searched_when_told() -> Iterator[None]:
    """Leave what is there now out of the search meanwhile, and go through what is old only when told.

    Nothing is gone through for that: it takes microseconds. What is garbage already stays meanwhile.
    The search is the whole process's: all is as it was when the last who is in here leaves.
    """
    global _holders, _thresholds
    with _lock:
        gc.freeze()
        if not _holders:
            _thresholds = gc.get_threshold()
            young, older, _ = _thresholds
            gc.set_threshold(young, older, _NEVER)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                gc.set_threshold(*_thresholds)
                gc.unfreeze()


class GarbageSearch(Protocol):
    """Goes through all objects when it is told to."""

    def held(self) -> AbstractContextManager[None]:
        """Have nobody else go through all meanwhile."""

    @property
    def is_due(self) -> bool:
        """Whether there may be much to be found."""

    @property
    def expected_s(self) -> float:
        """For how long all threads will stand still."""

    def search(self) -> None:
        """Go through all."""


class FullSearch:
    """The search through all that has come since a run began.

    Goes through all there is when it is made, which had better be before anything has a deadline.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._took_s = LatestMost(_REMEMBERED_S)
        self.search()
        self._all_s = self.expected_s

    @contextmanager
    def held(self) -> Iterator[None]:
        """See GarbageSearch."""
        self._took_s = LatestMost(_REMEMBERED_S)
        self._took_s.note(_YOUNGER * self._all_s, self._clock())
        with searched_when_told():
            yield

    @property
    def is_due(self) -> bool:
        """See GarbageSearch."""
        return gc.get_count()[_OLDEST] >= _DUE_AFTER

    @property
    def expected_s(self) -> float:
        """See GarbageSearch: the longest of the last ten minutes."""
        return self._took_s.at(self._clock())

    def search(self) -> None:
        """See GarbageSearch."""
        began_s = self._clock()
        gc.collect()
        ended_s = self._clock()
        self._took_s.note(ended_s - began_s, ended_s)


class _LeftToPython:
    """The search as Python does it by itself."""

    is_due = False
    expected_s = 0.0

    def held(self) -> AbstractContextManager[None]:
        """Hold nothing; see GarbageSearch."""
        return nullcontext()

    def search(self) -> None:
        """Do nothing; see GarbageSearch."""


LEFT_TO_PYTHON = _LeftToPython()
