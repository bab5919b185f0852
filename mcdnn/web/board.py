"""The newest picture of every camera and the newest answers of every app, for whoever looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.frames import Frame
from engine.results import Result


class Sight(NamedTuple):
    """What a source showed last.

    Args:
        number: counts the frames of the source, from 1.
        frame: as it came.
        results: about it.
    """

    number: int
    frame: Frame
    results: Sequence[Result]


class Board:
    """A sink that keeps references, one frame a source, and copies, draws and encodes nothing.

    Filled by one thread; any may look. What it gives is complete: it is replaced, never changed.
    """

    def __init__(self) -> None:
        self._sights: dict[str, Sight] = {}
        self._answers: dict[str, Mapping[str, Sequence[Result]]] = {}

    def __str__(self) -> str:
        return "web page"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Replace what the frame's source showed, and what the apps that were asked have answered."""
        source = frame.source
        before = self._sights.get(source)
        number = 1 if before is None else before.number + 1
        shown = results
        if frame.still and before is not None:  # nothing was asked: what was answered last stands
            shown = before.results
        self._sights[source] = Sight(number, frame, shown)
        if results:
            self._answers[source] = {**self._answers.get(source, {}), **_by_app(results)}

    def close(self) -> None:
        """Keep what is there: the page shows it until it goes; see Sink."""

    def sight(self, source: str) -> Sight | None:
        """Return what a source showed last, None before its first frame."""
        return self._sights.get(source)

    def answers(self, source: str) -> Mapping[str, Sequence[Result]]:
        """Return, by app, the results of the last frame of a source in which it was asked."""
        return self._answers.get(source, {})


def _by_app(results: Sequence[Result]) -> dict[str, list[Result]]:
    by_app: dict[str, list[Result]] = {}
    for result in results:
        by_app.setdefault(result.app, []).append(result)
    return by_app
