import math

import numpy as np
import pytest

from catalog.digits.digit_images import digit_images
from catalog.digits.digit_sprite import DigitSprite, Pose, blend, draw_sprite

EVEN = np.full(10, 0.1)


def canvas() -> np.ndarray:
    return np.full((240, 320, 3), 100.0, np.float32)


def sprite(seed: int = 0) -> DigitSprite:
    return draw_sprite(np.random.default_rng(seed), digit_images("train"), EVEN, 100.0)


def upright(x: float, y: float, height_px: float = 40.0) -> Pose:
    return Pose(x, y, height_px, aspect=1.0, shear=0.0, angle_rad=0.0)


def changed(pixels: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.nonzero(np.abs(pixels - 100.0).max(axis=2) > threshold)
    return rows, columns


@pytest.mark.parametrize("seed", range(5))
def test_the_box_is_tight_around_the_strokes(seed: int) -> None:
    pixels, shown = canvas(), sprite(seed)
    box = blend(pixels, shown, upright(150.5, 120.25))
    assert box is not None
    x, y, w, h = box
    rows, columns = changed(pixels, 0.4 * float(np.abs(shown.colour - 100.0).max()))
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x, y, x + w, y + h)


def test_a_digit_is_as_high_as_its_pose_says() -> None:
    box = blend(canvas(), sprite(), upright(160, 120, 60.0))
    assert box is not None
    assert box[3] == pytest.approx(60, abs=8)


def test_a_digit_half_outside_gets_a_box_inside_the_frame() -> None:
    box = blend(canvas(), sprite(), upright(0.0, 239.0))
    assert box is not None
    x, y, w, h = box
    assert x == 0
    assert y + h == 240
    assert 0 < w < 30


def test_nothing_is_drawn_outside_the_frame() -> None:
    pixels = canvas()
    assert blend(pixels, sprite(), upright(-60.0, 120.0)) is None
    assert (pixels == 100.0).all()


def test_a_digit_that_lies_on_its_side_swaps_width_and_height() -> None:
    standing = blend(canvas(), sprite(), upright(160, 120))
    lying = blend(canvas(), sprite(), Pose(160, 120, 40.0, 1.0, 0.0, math.pi / 2))
    assert standing is not None
    assert lying is not None
    assert lying[2] == pytest.approx(standing[3], abs=2)
    assert lying[3] == pytest.approx(standing[2], abs=2)


def test_a_digit_differs_clearly_from_its_backdrop() -> None:
    rng = np.random.default_rng(1)
    colours = [draw_sprite(rng, digit_images("train"), EVEN, 120.0).colour.mean() for _ in range(50)]
    differences = np.array(colours) - 120.0
    assert np.abs(differences).min() > 40.0
    assert (differences > 0).any()
    assert (differences < 0).any()


def test_digits_follow_the_mix() -> None:
    rng = np.random.default_rng(2)
    mix = np.zeros(10)
    mix[[3, 7]] = 0.5
    drawn = {draw_sprite(rng, digit_images("train"), mix, 120.0).digit for _ in range(30)}
    assert drawn == {3, 7}
