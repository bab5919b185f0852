"""At most so many frames a second: the others are left out as early as can be, and counted."""

from __future__ import annotations

from engine.frames import Frame
from engine.sources.protocol import Source, SourceReport
from engine.sources.wrapped_source import WrappedSource

OVER_RATE = "above the frame rate asked for"

_EARLY_SHARE = 0.05  # of a period: stamps tremble, and a frame just before its time is meant for it


class RateCap:
    """Tells which frames to keep, so that on average no more than `fps` a second are kept.

    The first frame at or after every tick of a regular grid is kept; after a gap, or where time
    jumps back, the grid begins anew.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1.0 / fps
        self._due_s: float | None = None

    def wants(self, t_s: float) -> bool:
        """Tell whether to keep the frame of this time."""
        period_s = self._period_s
        due_s = self._due_s
        if due_s is None or not -2.0 * period_s < t_s - due_s < period_s:
            self._due_s = t_s + period_s
            return True
        if t_s < due_s - _EARLY_SHARE * period_s:
            return False
        self._due_s = due_s + period_s
        return True


class CappedSource(WrappedSource):
    """A source of which at most so many frames a second are given.

    Args:
        source: owned from here on.
        fps: at most.
    """

    def __init__(self, source: Source, fps: float) -> None:
        super().__init__(source)
        self._cap = RateCap(fps)
        self._dropped = 0

    def read(self) -> Frame | None:
        """Return the next frame that is wanted; see Source."""
        while (frame := self.source.read()) is not None and not self._cap.wants(frame.t_s):
            self._dropped += 1
        return frame

    def interrupt(self) -> None:
        """Do nothing: a source that may wait for long has its own cap; see ReportingSource."""

    def report(self) -> SourceReport:
        """Return what was left out."""
        return SourceReport({OVER_RATE: self._dropped} if self._dropped else {}, connects=1)
