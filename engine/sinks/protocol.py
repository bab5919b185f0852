"""What a sink promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.frames import Frame
from engine.results import Result


class Sink(Protocol):
    """Takes what the engine found; called by one thread, in order, with every processed frame."""

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Take the results of one frame, possibly none.

        Raises:
            SinkError: it cannot be written, by name (a full disk).
        """

    def close(self) -> None:
        """Finish: what was accepted is now on disk."""
