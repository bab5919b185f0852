"""Reads a source in a thread of its own into a bounded queue, and counts what is dropped."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from catalog.errors import BadInput
from engine.frames import Frame
from engine.sources.protocol import Source

_log = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S = 15.0  # longer than the time-out of a network stream
_MOST_AHEAD = 32


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """Frames at one moment: read = taken + dropped + left (still waiting)."""

    read: int = 0
    taken: int = 0
    dropped: int = 0
    left: int = 0


class Capture:
    """Holds up to `capacity` frames of a source.

    A live source never waits: when the queue is full its oldest frame is dropped and counted. Any
    other source waits until frames are taken; small frames are read further ahead, because waking
    the thread takes longer than handing over dozens of them. The thread owns the source and closes it.

    Args:
        source: owned from here on.
        capacity: frames that may wait.
        busy_clock: processor time of the calling thread.
        ahead_bytes: what a source that is not live may read ahead where that is more than `capacity`
            frames, and up to 32.

    Raises:
        BadInput: a capacity below 1.
    """

    def __init__(
        self,
        source: Source,
        capacity: int = 4,
        busy_clock: Callable[[], float] = time.thread_time,
        ahead_bytes: int = 0,
    ) -> None:
        if capacity < 1:
            raise BadInput(f"capture of {source.name}: capacity = {capacity}: expected at least 1 frame")
        self._source = source
        self._capacity = self._least_capacity = capacity
        self._ahead_bytes = ahead_bytes
        self._busy_clock = busy_clock
        self._live = source.live
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = False
        self._waits_for_room = False
        self._closed = False
        self._woken = False
        self._read = self._taken = self._dropped = 0
        self._busy_s = self._busy_taken_s = 0.0
        self._thread = threading.Thread(target=self._run, name=f"mcdnn-capture-{source.name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._source.name

    @property
    def live(self) -> bool:
        """Whether frames may be dropped."""
        return self._live

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Return the oldest frame, or None after the last one and after close().

        Raises:
            queue.Empty: none came within timeout_s, or before somebody called wake().
            SourceError: the source broke, after the frames that came before are taken.
        """
        with self._changed:
            if not self._frames and not self._changed.wait_for(self._has_news, timeout_s):
                raise queue.Empty
            if self._closed:
                return None
            if self._woken:
                self._woken = False
                if not self._frames and not self._ended:
                    raise queue.Empty
            if self._frames:
                self._taken += 1
                frame = self._frames.popleft()
                # Waking the thread for every frame would cost more than the hand-over itself.
                if self._waits_for_room and self._has_room():
                    self._waits_for_room = False
                    self._changed.notify_all()
                return frame
            if self._error is not None:
                raise self._error
            return None

    def counts(self) -> CaptureCounts:
        """Return how many frames went where, all at the same moment."""
        with self._changed:
            return CaptureCounts(self._read, self._taken, self._dropped, len(self._frames))

    def take_busy_s(self) -> float:
        """Return the processor time that reading took since the last call; called by one thread."""
        busy_s = self._busy_s
        taken_s, self._busy_taken_s = self._busy_taken_s, busy_s
        return busy_s - taken_s

    def close(self) -> None:
        """End the thread, even one that waits for room, and let go of the source; may be called twice.

        A thread that is inside the source's read() ends when that returns.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            _log.warning("%s: does not come back from reading: left behind", self._source.name)

    def wake(self) -> None:
        """Have a get() that waits, or else the next one, not wait any longer; any thread may call."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return bool(self._frames) or self._ended or self._closed or self._woken

    def _run(self) -> None:
        try:
            with closing(self._source):
                self._read_all()
        except BaseException as e:  # whatever it is, the engine's thread must hear of it
            self._error = e
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read_all(self) -> None:
        before_s = self._busy_clock()
        while (frame := self._source.read()) is not None:
            now_s = self._busy_clock()
            if not self._keep(frame, now_s - before_s):
                return
            before_s = now_s

    def _keep(self, frame: Frame, busy_s: float) -> bool:
        """Queue a frame; return whether to go on reading. After close() nobody takes it any more."""
        with self._changed:
            self._busy_s += busy_s
            if self._live:
                if len(self._frames) == self._capacity:
                    self._frames.popleft()
                    self._dropped += 1
            else:
                self._wait_for_room(frame.pixels.nbytes)
            self._frames.append(frame)
            self._read += 1
            if len(self._frames) == 1:
                self._changed.notify_all()
            return not self._closed

    def _wait_for_room(self, frame_bytes: int) -> None:
        ahead = min(_MOST_AHEAD, self._ahead_bytes // max(1, frame_bytes))
        self._capacity = max(self._least_capacity, ahead)
        if len(self._frames) >= self._capacity:
            self._waits_for_room = True
            self._changed.wait_for(self._has_room)

    def _has_room(self) -> bool:
        """Tell whether a thread that found the queue full may go on: waking it costs more than a frame."""
        return self._closed or len(self._frames) <= self._capacity // 2
