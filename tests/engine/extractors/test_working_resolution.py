"""Boxes found in a small image lie inside the frame, around the same thing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.extractors.working_resolution import WorkingImage, working_image
from tests.engine.media import picture

sides = st.integers(2, 200)


def test_a_small_frame_is_left_as_it_is() -> None:
    pixels = picture(9, 64, 48)
    assert working_image(pixels, 64).pixels is pixels


def test_a_large_frame_is_scaled_down_to_the_longest_side() -> None:
    assert working_image(picture(9, 640, 360), 320).pixels.shape == (180, 320, 3)
    assert working_image(picture(9, 360, 640), 320).pixels.shape == (320, 180, 3)
    assert working_image(picture(9, 2000, 2), 100).pixels.shape == (1, 100, 3)


@given(sides, sides, sides, sides, st.data())
def test_a_box_stays_inside_the_frame_and_covers_what_it_covered(
    width: int, height: int, frame_w: int, frame_h: int, data: st.DataObject
) -> None:
    image = WorkingImage(picture(0, width, height), frame_w, frame_h)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    left, top, box_w, box_h = image.box_in_frame((x, y, w, h))
    assert left >= 0
    assert top >= 0
    assert box_w >= 1
    assert box_h >= 1
    assert left + box_w <= frame_w
    assert top + box_h <= frame_h
    assert left <= x * frame_w / width
    assert left + box_w >= min(frame_w, (x + w) * frame_w / width)
    assert image.box_in_frame((0, 0, width, height)) == (0, 0, frame_w, frame_h)
