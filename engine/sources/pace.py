"""Pace: whether a recording gives its frames as fast as they are taken or at their media time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from catalog.errors import BadInput

PACES = ("max", "wall")


class Pace(Protocol):
    """Decides when a frame that is ready may be given."""

    @property
    def live(self) -> bool:
        """Whether frames then come whether or not anyone takes them."""

    def wait(self, t_s: float) -> None:
        """Return when the frame of media time t_s is due."""


class AsTaken:
    """As fast as frames are taken."""

    live = False

    def wait(self, t_s: float) -> None:
        """Return at once."""


class MediaTime:
    """As a camera would have given them: the first at once, the others at their distance from it.

    A frame that is late already is given at once, and the next one is due where it would have been.
    """

    live = True

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._start_s: float | None = None

    def wait(self, t_s: float) -> None:
        """Sleep until t_s has passed on the clock since the frame of time 0."""
        now_s = self._clock()
        if self._start_s is None:
            self._start_s = now_s - t_s
        ahead_s = self._start_s + t_s - now_s
        if ahead_s > 0.0:
            self._sleep(ahead_s)


def make_pace(name: str, clock: Callable[[], float], sleep: Callable[[float], None]) -> Pace:
    """Return the pace of that name: "max" or "wall".

    Raises:
        BadInput: neither of them.
    """
    if name == "max":
        return AsTaken()
    if name == "wall":
        return MediaTime(clock, sleep)
    raise BadInput(f"pace {name!r}: expected one of {', '.join(PACES)}")
