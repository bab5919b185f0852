from __future__ import annotations

from dataclasses import replace

from engine.frames import Box, Frame, TruthWindow
from engine.truth import TruthCounts
from engine.window_finding import WindowFinder
from tests.engine.media import frame

HERE, THERE = (2, 2, 10, 10), (40, 20, 10, 10)
DIGIT = frozenset({"identity", "parity"})
SCENE = frozenset({"place"})


class Boxes:
    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes
        self.frames = 0

    def extract(self, frame: Frame) -> list[Box]:
        self.frames += 1
        return list(self.boxes)


def seen(*truth: TruthWindow, index: int = 0) -> Frame:
    return replace(frame(index), truth=truth)


def labelled(box: Box) -> TruthWindow:
    return TruthWindow(box, {"identity": "7", "parity": "odd"})


def test_only_what_is_asked_about_is_looked_for() -> None:
    digits, faces = Boxes(HERE, THERE), Boxes(HERE)
    found = WindowFinder({"digit": digits, "face": faces}).find(frame(3), {"digit": DIGIT})
    assert [w.id for w in found["digit"]] == ["3.digit.0", "3.digit.1"]
    assert "face" not in found
    assert faces.frames == 0


def test_windows_know_what_they_show() -> None:
    finder = WindowFinder({"digit": Boxes(HERE, THERE)})
    first, second = finder.find(seen(labelled(HERE)), {"digit": DIGIT})["digit"]
    assert first.truth is not None
    assert first.truth.labels["parity"] == "odd"
    assert second.truth is None
    assert finder.truth == TruthCounts(present=1, found=1, false_windows=1, frames=1)


def test_truth_about_digits_says_nothing_about_scenes() -> None:
    finder = WindowFinder({"digit": Boxes(HERE), "scene": Boxes((0, 0, 64, 48))})
    finder.find(seen(labelled(HERE)), {"digit": DIGIT, "scene": SCENE})
    assert finder.truth == TruthCounts(present=1, found=1, false_windows=0, frames=1)


def test_an_empty_frame_counts_once_something_was_seen() -> None:
    finder = WindowFinder({"digit": Boxes(HERE)})
    finder.find(seen(), {"digit": DIGIT})
    assert finder.truth == TruthCounts()
    finder.find(seen(labelled(HERE)), {"digit": DIGIT})
    finder.find(seen(), {"digit": DIGIT})
    assert finder.truth == TruthCounts(present=1, found=1, false_windows=1, frames=2)


def test_an_extractor_that_is_there_already_keeps_what_it_remembers() -> None:
    first, second, other = Boxes(HERE), Boxes(THERE), Boxes(THERE)
    finder = WindowFinder({"digit": first})
    finder.add({"digit": second, "face": other})
    finder.find(frame(0), {"digit": DIGIT, "face": SCENE})
    assert (first.frames, second.frames, other.frames) == (1, 0, 1)
