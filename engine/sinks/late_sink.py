"""A sink that cannot be opened before another one has let go of what both need: a file, a spool, a topic."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from catalog.errors import McdnnError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.delivery import RUN_ENDED
from engine.sinks.outage_notices import OutageNotices
from engine.sinks.outbox import QUEUE_FULL
from engine.sinks.sink_figures import SinkFigures
from engine.sources.retrying import BackOff

WAITS = "waits until the one before it has let go"


class DatedSink(Protocol):
    """A sink to which results may be given after their time; engine.sinks.delivery.Delivery."""

    def accept_of(self, at_s: float, results: Sequence[Result]) -> None:
        """Take results of a moment, in seconds since 1970."""

    def figures(self) -> SinkFigures:
        """See Counted."""

    def close(self) -> None:
        """See Sink."""


class LateSink:
    """Keeps results in memory until it may be opened, then hands them on and is as if it always was open.

    A sink that cannot be opened is tried again for ever, as one whose other side is away.

    Args:
        name: of the sink.
        opens: opens it; raises an error of this project, or OSError.
        most_waiting: results in memory; then the oldest are dropped and counted.
        back_off: pauses between attempts.
        now_s: the time of day, in seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        opens: Callable[[], DatedSink],
        most_waiting: int,
        back_off: BackOff,
        now_s: Callable[[], float],
    ) -> None:
        self._name = name
        self._opens = opens
        self._most_waiting = most_waiting
        self._back_off = back_off
        self._now_s = now_s
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, Result]] = deque()
        self._sink: DatedSink | None = None
        self._lost: dict[str, int] = {}
        self._attempts = 0
        self._trouble = WAITS
        self._closing = False
        self._thread = threading.Thread(target=self._open, name=f"mcdnn-late-{name}", daemon=True)

    def __str__(self) -> str:
        return self._name

    def begin(self) -> None:
        """Open the sink, in a thread of its own: from now on nothing stands in its way."""
        self._thread.start()

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:  # noqa: ARG002 - results alone matter
        """Hand results on, or keep them; see Sink."""
        at_s = self._now_s()
        with self._changed:
            if self._sink is None:
                self._waiting.extend((at_s, r) for r in results)
                over = max(0, len(self._waiting) - self._most_waiting)
                for _ in range(over):
                    self._waiting.popleft()
                self._lose(QUEUE_FULL, over)
                return
        self._sink.accept_of(at_s, results)

    def figures(self) -> SinkFigures:
        """Return what became of all results; see Counted."""
        with self._changed:
            waiting, lost = len(self._waiting), dict(self._lost)
            if self._sink is None:
                here = waiting + sum(lost.values())
                retries = max(0, self._attempts - 1)
                return SinkFigures(
                    self._name, here, dropped=lost, waiting=waiting, retries=retries, trouble=self._trouble
                )
            own = self._sink.figures()
        accepted = own.accepted + sum(lost.values())
        return replace(own, sink=self._name, accepted=accepted, dropped={**own.dropped, **lost})

    def close(self) -> None:
        """Close the sink; results of one that could not be opened are dropped and counted."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        if self._sink is not None:
            self._sink.close()
            return
        with self._changed:
            self._lose(RUN_ENDED, len(self._waiting))
            self._waiting.clear()

    def _open(self) -> None:
        notices = OutageNotices(self._name)
        while True:
            self._attempts += 1
            try:
                sink = self._opens()
            except (McdnnError, OSError) as e:
                self._trouble = str(e)
                notices.failed(str(e), time.monotonic())
            else:
                notices.delivered(time.monotonic())
                self._hand_over(sink)
                return
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, self._back_off.next_pause_s()):
                    return

    def _hand_over(self, sink: DatedSink) -> None:
        """Give a sink what waits for it, before anything newer."""
        with self._changed:
            while self._waiting:
                at_s, result = self._waiting.popleft()
                sink.accept_of(at_s, (result,))
            self._sink = sink

    def _lose(self, reason: str, results: int) -> None:
        if results:
            self._lost[reason] = self._lost.get(reason, 0) + results
