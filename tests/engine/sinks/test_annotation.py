"""What is drawn onto a frame, and where."""

from __future__ import annotations

import numpy as np

from engine.frames import UInt8
from engine.sinks.annotation import PARTLY, SERVED, STRIP_PX, UNSERVED, Canvas, annotate
from tests.engine.media import frame, picture, result, unserved

_BOX = (100, 60, 40, 50)


def shows(image: UInt8, colour: tuple[int, int, int]) -> bool:
    return bool((image == np.array(colour, np.uint8)).all(axis=2).any())


def test_a_box_says_by_its_colour_how_many_of_its_apps_were_served() -> None:
    seen = frame(0, picture(0, 320, 240))
    good, bad = result(box=_BOX), unserved(box=_BOX, app="parity")
    for results, colour in (([good], SERVED), ([good, bad], PARTLY), ([bad], UNSERVED)):
        image = annotate(seen, results, Canvas(640, 480), "")
        assert [c for c in (SERVED, PARTLY, UNSERVED) if shows(image, c)] == [colour]
        assert tuple(image[120, 240]) == colour


def test_the_picture_has_the_size_of_the_canvas_and_a_strip_below() -> None:
    image = annotate(frame(0, picture(200, 320, 240)), [], Canvas(640, 480), "12.00 s")
    assert image.shape == (480 + STRIP_PX, 640, 3)
    assert image.dtype == np.uint8
    assert (image[:480] == 200).all()
    assert image[480:].max() > 200


def test_a_frame_of_other_proportions_gets_bars_and_its_boxes_follow() -> None:
    image = annotate(frame(0, picture(200, 100, 200)), [result(box=(0, 0, 100, 200))], Canvas(400, 200), "")
    assert (image[:200, :148] == 0).all()
    assert (image[:200, 251:].reshape(-1, 3).max(axis=1) < 250).any()
    assert tuple(image[100, 150]) == SERVED


def test_many_windows_at_the_edges_are_drawn_without_failing() -> None:
    boxes = [(0, 0, 5, 5), (315, 0, 5, 5), (0, 235, 5, 5), (315, 235, 5, 5), (0, 0, 320, 240)] * 6
    results = [
        result(window=f"0.digit.{i}", box=box, app="an app with quite a long name " * (i % 4 + 1), answer="ж")
        for i, box in enumerate(boxes)
    ]
    annotate(frame(0, picture(90, 320, 240)), results, Canvas(320, 240), "strip " * 100)


def test_what_is_found_in_a_window_stays_visible_also_within_a_window_of_the_whole_frame() -> None:
    face, whole = result(box=_BOX), result(window="0.scene.0", box=(0, 0, 320, 240))
    image = annotate(frame(0, picture(90, 320, 240)), [face, whole], Canvas(640, 480), "")
    x, y, w, h = (2 * v for v in _BOX)
    assert (image[y + 2 : y + h - 2, x + 2 : x + w - 2] == 90).all()


def test_the_frame_itself_is_not_drawn_upon() -> None:
    seen = frame(0, picture(77, 320, 240))
    annotate(seen, [result(box=_BOX)], Canvas(320, 240), "")
    assert (seen.pixels == 77).all()
