"""A sink that keeps results in memory: for tests and short runs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.frames import Frame
from engine.results import Result


class ResultList:
    """Keeps every result, and the index of every frame that it saw."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.frames: list[int] = []
        self.closed = False

    def __str__(self) -> str:
        return "list of results"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Keep the results of one frame."""
        self.frames.append(frame.index)
        self.results += results

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
