"""A sink in a thread of its own: the engine hands a frame over and goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.protocol import Counted, Gathering, Sink
from engine.sinks.sink_figures import SINK_FAILED, TOO_SLOW, SinkFigures

_log = logging.getLogger(__name__)

# The thread takes frames in bundles: waking it for every frame would cost the engine more than the
# hand-over itself.
_GATHER_S = 0.02

# A signal that comes just before a wait does not end it: whoever waits for a sink that is stuck
# looks up now and then, or an interrupt would be heeded only when the sink comes back.
_LOOK_UP_S = 0.5

Handed = tuple[Frame, Sequence[Result]]


class SinkThread:
    """Feeds one sink from a bounded queue.

    The first error of the sink ends its work: it is kept, and what comes later is counted as dropped.

    Args:
        sink: called by this thread alone from here on.
        capacity_frames: that may wait, besides as many that are being written.
        live: whether frames that do not fit are dropped and counted; otherwise the caller waits.
        name: of the sink in its figures; what it calls itself by default.
    """

    def __init__(self, sink: Sink, capacity_frames: int, live: bool, name: str | None = None) -> None:
        self._sink = sink
        self._name = str(sink) if name is None else name
        self._counted = sink if isinstance(sink, Counted) else None
        self._gather_s = sink.gather_s if isinstance(sink, Gathering) else _GATHER_S
        self._capacity = capacity_frames
        self._bundle = max(1, capacity_frames // 2)
        self._live = live
        self._changed = threading.Condition()
        self._waiting: list[Handed] = []
        self._idle = False
        self._closing = False
        self._error: SinkError | None = None
        self._accepted = self._written = self._dropped_frames = 0
        self._dropped: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name=f"mcdnn-sink-{sink}", daemon=True)
        self._thread.start()

    @property
    def sink(self) -> Sink:
        """Whom it feeds."""
        return self._sink

    @property
    def name(self) -> str:
        """Of the sink in its figures."""
        return self._name

    @property
    def error(self) -> SinkError | None:
        """What ended the sink's work, if anything did."""
        return self._error

    @property
    def figures(self) -> SinkFigures:
        """What became of all results that were handed over; any thread may ask, and never waits."""
        with self._changed:
            dropped = dict(self._dropped)
            here = self._accepted - sum(dropped.values())
            if self._counted is None:
                return SinkFigures(
                    self._name,
                    self._accepted,
                    self._written,
                    dropped,
                    here - self._written,
                    frames_dropped=self._dropped_frames,
                    trouble="" if self._error is None else str(self._error),
                )
            own = self._counted.figures()
        return replace(
            own,
            sink=self._name,
            accepted=self._accepted,
            dropped={**own.dropped, **dropped},
            waiting=own.waiting + here - own.accepted,
            frames_dropped=self._dropped_frames,
        )

    def put(self, frame: Frame, results: Sequence[Result]) -> bool:
        """Hand a frame over; return whether the sink still works."""
        with self._changed:
            if len(self._waiting) >= self._capacity and not self._live:
                while not self._changed.wait_for(self._has_room, _LOOK_UP_S):
                    pass
            self._accepted += len(results)
            if self._error is not None:
                self._drop(SINK_FAILED, len(results))
                return False
            if len(self._waiting) >= self._capacity:
                self._dropped_frames += 1
                self._drop(TOO_SLOW, len(results))
                return True
            self._waiting.append((frame, results))
            if self._idle or len(self._waiting) == self._bundle:
                self._changed.notify_all()
            return True

    def close(self) -> None:
        """Wait until everything handed over is written, and close the sink."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        while self._thread.is_alive():
            self._thread.join(_LOOK_UP_S)

    def _drop(self, reason: str, results: int) -> None:
        if results:
            self._dropped[reason] = self._dropped.get(reason, 0) + results

    def _has_room(self) -> bool:
        return len(self._waiting) < self._capacity or self._error is not None

    def _run(self) -> None:
        try:
            while bundle := self._take():
                for frame, results in bundle:
                    self._sink.accept(frame, results)
                    self._written += len(results)
            self._sink.close()
        except BaseException as e:  # a sink may be a user's callback: whatever it raises concerns it alone
            self._fail(e)

    def _take(self) -> list[Handed]:
        """Wait for frames and return them; nothing once the last is taken after close()."""
        with self._changed:
            self._idle = True
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._idle = False
            self._changed.wait_for(
                lambda: len(self._waiting) >= self._bundle or self._closing, self._gather_s
            )
            bundle, self._waiting = self._waiting, []
            self._changed.notify_all()
        return bundle

    def _fail(self, cause: BaseException) -> None:
        error = cause
        if not isinstance(error, SinkError):
            error = SinkError(f"{self._sink}: {cause!r}")
            error.__cause__ = cause
        _log.error("%s: nothing more goes there", error)
        with suppress(Exception):
            self._sink.close()
        with self._changed:
            self._error = error
            self._waiting.clear()
            if self._counted is None:
                self._drop(SINK_FAILED, self._accepted - self._written - sum(self._dropped.values()))
            self._changed.notify_all()
