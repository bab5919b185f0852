"""What a sink promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from engine.frames import Frame
from engine.results import Result
from engine.sinks.sink_figures import SinkFigures


class Sink(Protocol):
    """Takes what the engine found; called by one thread, in order, with every processed frame."""

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Take the results of one frame, possibly none.

        Raises:
            SinkError: it cannot be written, by name (a full disk).
        """

    def close(self) -> None:
        """Finish: what was accepted is now on disk."""


@runtime_checkable
class Counted(Protocol):
    """A sink that keeps accounts of its own: results go on to somewhere after accept() has returned."""

    def figures(self) -> SinkFigures:
        """Return what became of all results that were accepted; any thread may ask, and never waits."""


@runtime_checkable
class Gathering(Protocol):
    """A sink that says for how long, in s, frames may be gathered before it is called with them.

    Others are called at most a fiftieth of a second late, which spares waking their threads for every frame.
    """

    gather_s: float
