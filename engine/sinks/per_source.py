"""One sink a source: what cannot mix pictures of several cameras gets those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from engine.frames import Frame
from engine.results import Result
from engine.sinks.protocol import Sink


class PerSource:
    """Hands every frame to the sink of its source.

    Args:
        sinks: by name of the source; owned from here on.
    """

    def __init__(self, sinks: Mapping[str, Sink]) -> None:
        self._sinks = dict(sinks)

    def __str__(self) -> str:
        return " and ".join(str(s) for s in self._sinks.values())

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Hand a frame on, unless its source came later; see Sink."""
        sink = self._sinks.get(frame.source)
        if sink is not None:
            sink.accept(frame, results)

    def close(self) -> None:
        """Finish all of them, also where one fails; see Sink."""
        with ExitStack() as closing:
            for sink in self._sinks.values():
                closing.callback(sink.close)
