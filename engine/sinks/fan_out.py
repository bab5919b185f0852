"""One sink that feeds several, each in a thread of its own, so that a slow one holds nobody up."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.protocol import Sink
from engine.sinks.sink_figures import SinkFigures
from engine.sinks.sink_thread import SinkThread

_CAPACITY_FRAMES = 32


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
        names = _told_apart([str(s) for s in sinks])
        self._threads = tuple(
            SinkThread(s, capacity_frames, live, name) for s, name in zip(sinks, names, strict=True)
        )
        self._reported = False

    @property
    def figures(self) -> tuple[SinkFigures, ...]:
        """What became of the results so far, a sink each; any thread may ask, and never waits."""
        return tuple(t.figures for t in self._threads)

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


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return names of which the second, third, ... that are alike have a number."""
    before = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]
