from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.sinks.annotation import SERVED, STRIP_PX
from mcdnn.web.board import Sight
from mcdnn.web.drawing import draw, standing_results
from tests.engine.media import frame, picture, result

BOX = (4, 4, 20, 24)


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [(64, 48, (640, 480)), (800, 600, (800, 600)), (1920, 1080, (960, 540))],
)
def test_a_picture_has_room_for_text_and_is_no_larger_than_a_page(
    width: int, height: int, shown: tuple[int, int]
) -> None:
    jpeg = draw(Sight(1, frame(0, picture(90, width, height)), [result()]), {})
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None and pixels.shape == (shown[1] + STRIP_PX, shown[0], 3)


def test_the_box_of_an_answer_is_drawn() -> None:
    jpeg = draw(Sight(1, frame(0), [result()]), {})
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    corner = pixels[40, 40].astype(int)  # ten times as large as the frame
    assert np.abs(corner - np.array(SERVED[::-1])).max() < 60


def test_an_app_that_was_not_asked_keeps_its_answer_at_the_window() -> None:
    odd = result(0, app="odd", window="0.digit.3", box=(6, 5, 20, 24))
    now = result(5)
    assert standing_results([now], {"who": [now], "odd": [odd]}, 0.5) == [
        now,
        odd._replace(window=now.window, box=BOX),
    ]


def test_an_answer_goes_with_what_it_was_about() -> None:
    gone = result(0, app="odd", box=(40, 4, 20, 24))
    assert standing_results([result(5)], {"odd": [gone]}, 0.5) == [result(5)]


def test_an_answer_about_another_kind_of_window_stays_where_it_was() -> None:
    scene = result(0, app="where", window="0.scene.0", box=(0, 0, 64, 48))
    assert standing_results([result(5)], {"where": [scene]}, 0.5) == [scene, result(5)]


def test_an_answer_stands_for_a_second() -> None:
    old = result(0, app="odd")
    assert standing_results([], {"odd": [old]}, 1.0) == [old]
    assert standing_results([], {"odd": [old]}, 1.1) == []
