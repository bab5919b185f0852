"""A sink a source: each gets its own frames, and all are closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.per_source import PerSource
from tests.engine.media import frame


class Shelf:
    def __init__(self, name: str, fails: bool = False) -> None:
        self.name = name
        self.kept: list[int] = []
        self.closed = 0
        self._fails = fails

    def __str__(self) -> str:
        return self.name

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        self.kept.append(frame.index)

    def close(self) -> None:
        self.closed += 1
        if self._fails:
            raise SinkError(f"{self.name}: full")


def test_every_sink_gets_the_frames_of_its_source() -> None:
    door, yard = Shelf("door"), Shelf("yard")
    sink = PerSource({"door": door, "yard": yard})
    for index, source in enumerate(("door", "yard", "yard", "door")):
        sink.accept(replace(frame(index), source=source), ())
    sink.close()
    assert (door.kept, yard.kept) == ([0, 3], [1, 2])
    assert (door.closed, yard.closed) == (1, 1)
    assert str(sink) == "door and yard"


def test_all_are_closed_though_one_fails() -> None:
    shelves = [Shelf("a", fails=True), Shelf("b"), Shelf("c", fails=True)]
    with pytest.raises(SinkError):
        PerSource({s.name: s for s in shelves}).close()
    assert [s.closed for s in shelves] == [1, 1, 1]
