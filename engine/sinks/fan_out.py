"""One sink that feeds several, each in a thread of its own, so that a slow one holds nobody up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.protocol import Sink
from engine.sinks.sink_thread import SinkThread

_CAPACITY_FRAMES = 32


@dataclass(frozen=True, slots=True)
class SinkDrops:
    """What one sink was too slow for.

    Args:
        sink: how it calls itself.
        frames: that it never saw.
        results: in these frames.
    """

    sink: str
    frames: int
    results: int


class FanOut:
    """Hands every frame to all sinks; each does its work in its own thread.

    Where the source is live, a frame that a sink has no room for is dropped for that sink and
    counted; otherwise the engine waits. A sink that fails is closed and the others go on; with the
    last one gone, accept() raises.

    Args:
        sinks: owned from here on; none at all is allowed.
        live: whether the source is live.
        capacity_frames: frames that may wait for a sink.
    """

    def __init__(
        self, sinks: Sequence[Sink], live: bool = False, capacity_frames: int = _CAPACITY_FRAMES
    ) -> None:
        self._threads = tuple(SinkThread(s, capacity_frames, live) for s in sinks)
        self._reported = False

    @property
    def drops(self) -> tuple[SinkDrops, ...]:
        """What was dropped so far, for the sinks that were too slow."""
        return tuple(SinkDrops(str(t), *t.dropped) for t in self._threads if t.dropped[0])

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Hand a frame over; `results` must not change afterwards.

        Raises:
            SinkError: not one sink is left that still works.
        """
        working = 0
        for thread in self._threads:
            working += thread.put(frame, results)
        if not working and self._threads:
            self._report()

    def close(self) -> None:
        """Finish every sink: what was accepted is now on disk.

        Raises:
            SinkError: naming every sink that failed, unless accept() did so already.
        """
        for thread in self._threads:
            thread.close()
        if not self._reported:
            self._report()

    def _report(self) -> None:
        errors = [t.error for t in self._threads if t.error is not None]
        if errors:
            self._reported = True
            raise SinkError("; ".join(str(e) for e in errors)) from errors[0]
