from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.preprocessing import crop, resize, window_pixels
from catalog.tasks import InputType, Resize

SIDES = st.integers(1, 60)
BOXES = st.tuples(st.integers(-80, 80), st.integers(-80, 80), SIDES, SIDES)


def coordinates(width: int, height: int) -> np.ndarray:
    """A frame whose red is the column and whose green is the row."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = np.arange(width)[None, :]
    frame[..., 1] = np.arange(height)[:, None]
    return frame


def test_a_crop_without_margin_is_the_box() -> None:
    cut = crop(coordinates(50, 40), (10, 20, 5, 7), 0.0)
    assert cut.shape == (7, 5, 3)
    assert cut[0, 0].tolist() == [10, 20, 0]
    assert cut[-1, -1].tolist() == [14, 26, 0]


def test_a_margin_is_a_share_of_the_larger_side_on_every_side() -> None:
    cut = crop(coordinates(50, 40), (10, 20, 4, 8), 0.25)
    assert cut.shape == (12, 8, 3)
    assert cut[0, 0].tolist() == [8, 18, 0]


def test_a_margin_over_the_edge_is_cut_off() -> None:
    cut = crop(coordinates(50, 40), (0, 35, 5, 5), 1.0)
    assert cut[0, 0].tolist() == [0, 30, 0]
    assert cut[-1, -1].tolist() == [9, 39, 0]


@given(SIDES, SIDES, BOXES, st.floats(0.0, 1.0))
def test_a_crop_is_never_empty_and_never_outside_the_frame(
    width: int, height: int, box: tuple[int, int, int, int], margin: float
) -> None:
    cut = crop(coordinates(width, height), box, margin)
    assert 1 <= cut.shape[0] <= height
    assert 1 <= cut.shape[1] <= width
    assert cut[0, 0, 0] + cut.shape[1] - 1 == cut[0, -1, 0]
    assert cut[0, 0, 1] + cut.shape[0] - 1 == cut[-1, 0, 1]


@given(SIDES, SIDES, st.integers(8, 40), st.sampled_from(Resize))
def test_a_resized_window_is_square_and_its_own_memory_order(
    width: int, height: int, size_px: int, rule: Resize
) -> None:
    window = resize(coordinates(width, height)[::1], size_px, rule)
    assert window.shape == (size_px, size_px, 3)
    assert window.dtype == np.uint8
    assert window.flags.c_contiguous


@given(st.integers(8, 40), st.sampled_from(Resize))
def test_a_window_of_the_right_size_is_taken_as_it_is(size_px: int, rule: Resize) -> None:
    frame = coordinates(60, 60)[3 : 3 + size_px, 5 : 5 + size_px]
    np.testing.assert_array_equal(resize(frame, size_px, rule), frame)


@given(SIDES, SIDES, st.integers(0, 255), st.integers(8, 40))
def test_an_even_picture_stays_even_when_stretched(width: int, height: int, value: int, size_px: int) -> None:
    even = np.full((height, width, 3), value, np.uint8)
    assert np.unique(resize(even, size_px, Resize.STRETCH)).tolist() == [value]


@pytest.mark.parametrize(
    ("width", "height", "inner"), [(40, 20, (8, 16)), (20, 40, (16, 8)), (300, 1, (1, 16))]
)
def test_a_letterbox_keeps_the_proportions_between_grey_bars(
    width: int, height: int, inner: tuple[int, int]
) -> None:
    window = resize(np.full((height, width, 3), 200, np.uint8), 16, Resize.LETTERBOX)
    rows = np.flatnonzero((window[..., 0] == 200).any(axis=1))
    columns = np.flatnonzero((window[..., 0] == 200).any(axis=0))
    assert (len(rows), len(columns)) == inner
    assert np.unique(window).tolist() == [114, 200]
    above, below = rows[0], 15 - rows[-1]
    assert abs(int(above) - int(below)) <= 1


def test_shrinking_averages_what_it_covers() -> None:
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.unique(resize(stripes, 8, Resize.STRETCH)).tolist() == [100]


def test_colours_stay_in_their_order() -> None:
    red = np.zeros((30, 20, 3), np.uint8)
    red[..., 0] = 255
    window = resize(red, 8, Resize.STRETCH)
    assert window[4, 4].tolist() == [255, 0, 0]


def test_the_pixels_of_a_window_are_a_batch_of_one() -> None:
    frame = coordinates(100, 80)
    face = InputType("face", 32, Resize.LETTERBOX, 0.5)
    pixels = window_pixels(frame, (20, 10, 16, 8), face, 16)
    assert pixels.shape == (1, 16, 16, 3)
    np.testing.assert_array_equal(pixels[0], resize(crop(frame, (20, 10, 16, 8), 0.5), 16, Resize.LETTERBOX))
