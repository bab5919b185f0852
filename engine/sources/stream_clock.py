"""Time of frames: from the stamps that a stream carries, as far as they can be believed."""

from __future__ import annotations

import math
from typing import Protocol

_TOLERANCE_S = 1.0


class FrameClock(Protocol):
    """Gives every frame its time since the first one."""

    def time_of(self, stamp_s: float | None, arrived_s: float) -> float:
        """Return the time of the next frame, never earlier than that of the one before.

        Args:
            stamp_s: what the stream says, from any zero; None where it says nothing.
            arrived_s: reading of the monotonic clock when it was complete.
        """


class LiveClock:
    """Stamps of a live stream, held to the clock.

    A frame without a stamp gets the time of its arrival. So does one whose stamp strays more than
    a second from it, and the stamps count on from there: the sender's clock jumped or drifts, the
    network held frames up, or stamps were made up from a frame rate that is not the real one.
    """

    def __init__(self, tolerance_s: float = _TOLERANCE_S) -> None:
        self._tolerance_s = tolerance_s
        self._first_arrived_s: float | None = None
        self._zero_s: float | None = None
        self._latest_s = 0.0

    def time_of(self, stamp_s: float | None, arrived_s: float) -> float:
        """Return the time of the next frame; see FrameClock."""
        if self._first_arrived_s is None:
            self._first_arrived_s = arrived_s
        passed_s = arrived_s - self._first_arrived_s
        self._latest_s = max(self._latest_s, self._by_stamp(stamp_s, passed_s))
        return self._latest_s

    def _by_stamp(self, stamp_s: float | None, passed_s: float) -> float:
        if stamp_s is None or not math.isfinite(stamp_s):
            return passed_s
        if self._zero_s is None or abs(stamp_s - self._zero_s - passed_s) > self._tolerance_s:
            self._zero_s = stamp_s - passed_s
        return stamp_s - self._zero_s


class MediaClock:
    """Stamps of a recording; the next regular time where they do not advance.

    Args:
        fps: frames a second that the recording declares.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._first_stamp_s: float | None = None
        self._latest_s = 0.0

    def time_of(self, stamp_s: float | None, arrived_s: float) -> float:  # noqa: ARG002 - see FrameClock
        """Return the time of the next frame; see FrameClock."""
        if self._first_stamp_s is None:
            self._first_stamp_s = stamp_s if stamp_s is not None and math.isfinite(stamp_s) else 0.0
            return 0.0
        t_s = math.nan if stamp_s is None else stamp_s - self._first_stamp_s
        self._latest_s = t_s if t_s > self._latest_s else self._latest_s + self._period_s
        return self._latest_s
