"""Results of frames, some of which are still to come, and the order in which frames go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from engine.frames import Frame
from engine.results import Result


class FrameResults:
    """Results of one frame, in the order asked.

    Args:
        frame: that was asked about.
    """

    __slots__ = ("frame", "known", "missing", "results", "windows")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.results: list[Result] = []
        self.missing = 0
        self.known: list[Result] = []  # answers that were there before, about any of
        self.windows: list[str] = []  # the ids of its windows in their order

    def all(self) -> list[Result]:
        """Return the results asked for and those known before, window by window; once all are there."""
        if not self.known:
            return self.results
        place = {window: i for i, window in enumerate(self.windows)}
        return sorted([*self.known, *self.results], key=lambda r: place[r.window])

    def expect(self, unserved: Result) -> int:
        """Keep a place for a result that is to come, and return which.

        Args:
            unserved: what stands there until then.
        """
        self.results.append(unserved)
        self.missing += 1
        return len(self.results) - 1

    def fill(self, place: int, result: Result) -> None:
        """Put a result where a place was kept for it; called once a place."""
        self.results[place] = result
        self.missing -= 1


class FrameLine:
    """Frames that wait, in their order, until the last of their results is there.

    Args:
        deliver: takes each frame when it and all before it are complete.
        most_frames: that may wait.
        most_bytes: of their pixels.
    """

    def __init__(
        self, deliver: Callable[[FrameResults], None], most_frames: int = 256, most_bytes: int = 1 << 28
    ) -> None:
        self._deliver = deliver
        self._most_frames = most_frames
        self._most_bytes = most_bytes
        self._waiting: deque[FrameResults] = deque()
        self._held_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether no more frames should be processed before some are complete."""
        return len(self._waiting) >= self._most_frames or self._held_bytes >= self._most_bytes

    def put(self, frame: FrameResults) -> None:
        """Take the next frame."""
        if not frame.missing and not self._waiting:
            self._deliver(frame)
            return
        self._waiting.append(frame)
        self._held_bytes += frame.frame.pixels.nbytes
        self.flush()

    def flush(self) -> None:
        """Deliver what is complete."""
        waiting = self._waiting
        while waiting and not waiting[0].missing:
            frame = waiting.popleft()
            self._held_bytes -= frame.frame.pixels.nbytes
            self._deliver(frame)
