"""Reads a source in a thread of its own into a bounded queue, and counts what is dropped."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from catalog.errors import BadInput
from engine.frames import Frame
from engine.sources.protocol import ReportingSource, Source, SourceReport

_log = logging.getLogger(__name__)

SUPERSEDED = "newer ones came before the engine took them"

_CLOSE_TIMEOUT_S = 15.0  # longer than a camera's driver usually waits
_MOST_AHEAD = 32


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """Frames at one moment: read = taken + dropped + left (still waiting)."""

    read: int = 0
    taken: int = 0
    dropped: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One source at one moment: read = taken + dropped, of all reasons, + left (still waiting).

    Args:
        source: its name.
        read: frames that came from it.
        taken: by the engine.
        dropped: by reason.
        left: that wait.
        report: how the source fares.
    """

    source: str
    read: int = 0
    taken: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    report: SourceReport = field(default_factory=SourceReport)


class Capture:
    """Holds up to `capacity` frames of a source.

    Where frames may be dropped, the source never waits: when the queue is full its oldest frame is
    dropped and counted. Any other source waits until frames are taken; small frames are read further
    ahead, because waking the thread takes longer than handing over dozens of them. The thread owns
    the source and closes it.

    Args:
        source: owned from here on.
        capacity: frames that may wait.
        busy_clock: processor time of the calling thread.
        ahead_bytes: what a source that is not live may read ahead where that is more than `capacity`
            frames, and up to 32.
        drops: whether frames may be dropped; those of a live source by default.

    Raises:
        BadInput: a capacity below 1.
    """

    def __init__(
        self,
        source: Source,
        capacity: int = 4,
        busy_clock: Callable[[], float] = time.thread_time,
        ahead_bytes: int = 0,
        drops: bool | None = None,
    ) -> None:
        if capacity < 1:
            raise BadInput(f"capture of {source.name}: capacity = {capacity}: expected at least 1 frame")
        self._source = source
        self._capacity = self._least_capacity = capacity
        self._ahead_bytes = ahead_bytes
        self._busy_clock = busy_clock
        self._live = source.live
        self._drops = self._live if drops is None else drops
        self._reporting = source if isinstance(source, ReportingSource) else None
        self._tell_news: Callable[[], None] = lambda: None
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
        """Whether frames come by the clock."""
        return self._live

    @property
    def drops(self) -> bool:
        """Whether frames may be dropped."""
        return self._drops

    @property
    def is_over(self) -> bool:
        """Whether the last frame has been taken, and no other can come."""
        return self._ended and not self._frames

    @property
    def error(self) -> BaseException | None:
        """What ended the source, if it was no ordinary end."""
        return self._error

    def listen(self, news: Callable[[], None]) -> None:
        """Have somebody called when there is a frame where there was none, and at the end."""
        self._tell_news = news

    def head(self) -> Frame | None:
        """Return the oldest frame without taking it, or None where none is there now."""
        with self._changed:
            return self._frames[0] if self._frames else None

    def take(self) -> Frame | None:
        """Return the oldest frame, or None where none is there now."""
        with self._changed:
            return self._pop() if self._frames else None

    def more(self) -> Frame | None:
        """Return None: there is no other source whose frame would belong to the same moment."""
        return None

    def put_back(self, frame: Frame) -> None:
        """Give back the frame that was taken last: it was not used."""
        with self._changed:
            self._frames.appendleft(frame)
            self._taken -= 1

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
                return self._pop()
            if self._error is not None:
                raise self._error
            return None

    def counts(self) -> CaptureCounts:
        """Return how many frames went where, all at the same moment."""
        (figures,) = self.figures()
        return CaptureCounts(figures.read, figures.taken, sum(figures.dropped.values()), figures.left)

    def figures(self) -> tuple[SourceFigures, ...]:
        """Return the same with the reasons of drops, and how the source fares."""
        with self._changed:
            report = self._reporting.report() if self._reporting is not None else SourceReport(connects=1)
            dropped = dict(report.dropped)
            read = self._read + sum(dropped.values())
            if self._dropped:
                dropped[SUPERSEDED] = self._dropped
            return (SourceFigures(self.name, read, self._taken, dropped, len(self._frames), report),)

    def take_busy_s(self) -> float:
        """Return the processor time that reading took since the last call; called by one thread."""
        busy_s = self._busy_s
        taken_s, self._busy_taken_s = self._busy_taken_s, busy_s
        return busy_s - taken_s

    def close(self) -> None:
        """End the thread, even one that waits for room, and let go of the source; may be called twice.

        A thread that is inside the source's read() ends when that returns.
        """
        self.end()
        self._thread.join(_CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            _log.warning("%s: does not come back from reading: left behind", self._source.name)

    def end(self) -> None:
        """Have the thread end, without waiting for it; may be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._reporting is not None:
            self._reporting.interrupt()

    def wake(self) -> None:
        """Have a get() that waits, or else the next one, not wait any longer; any thread may call."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _pop(self) -> Frame:
        self._taken += 1
        frame = self._frames.popleft()
        # Waking the thread for every frame would cost more than the hand-over itself.
        if self._waits_for_room and self._has_room():
            self._waits_for_room = False
            self._changed.notify_all()
        return frame

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
            self._tell_news()

    def _read_all(self) -> None:
        before_s = self._busy_clock()
        while (frame := self._source.read()) is not None:
            now_s = self._busy_clock()
            if not self._keep(frame, now_s - before_s):
                return
            before_s = now_s

    def _keep(self, frame: Frame, busy_s: float) -> bool:
        """Queue a frame; return whether to go on reading. After close() nobody takes it any more."""
        missed = 0
        with self._changed:
            self._busy_s += busy_s
            if self._drops:
                if len(self._frames) == self._capacity:
                    missed = self._frames.popleft().missed + 1
                    self._dropped += 1
            else:
                self._wait_for_room(frame.pixels.nbytes)
            self._frames.append(frame)
            if missed:
                self._frames[0] = replace(self._frames[0], missed=self._frames[0].missed + missed)
            self._read += 1
            first = len(self._frames) == 1
            if first:
                self._changed.notify_all()
        if first:
            self._tell_news()
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
