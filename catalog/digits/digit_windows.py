"""Training windows: what the camera would show, cut out as the extractor would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH, draw_grain, grain_at
from catalog.digits.digit_images import DigitImages, Split, digit_images
from catalog.digits.digit_scene import RenderedFrame, draw_scene
from catalog.digits.digit_sprite import Box
from catalog.digits.digit_track import Crowd
from catalog.preprocessing import window_pixels
from catalog.tasks import InputType

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

# More digits a frame than the camera shows, and all of them drawn anew for every frame: fewer
# frames to render for as many different windows.
_CROWD = Crowd(mean=8.0, most=10)
_SCENE_S = 2.0
_FRAMES_A_SCENE = 10
_EVEN_MIX = np.full(10, 0.1)
# The extractor's errors, as shares of the box's side: its boxes are a little too large.
OUTWARD, SPREAD = 0.012, 0.033


@dataclass(frozen=True, slots=True, eq=False)
class FoundDigit:
    """A digit as the extractor would find it.

    Args:
        frame: (FRAME_HEIGHT, FRAME_WIDTH, 3) uint8 RGB.
        box: about the digit, with the extractor's errors.
        digit: 0 to 9.
    """

    frame: UInt8
    box: Box
    digit: int


def found_digits(split: Split, seed: int) -> Iterator[FoundDigit]:
    """Yield digits of one split without end; all are equally likely.

    Raises:
        BadInput: no such split.
    """
    rng = np.random.default_rng(seed)
    for frame in _frames(digit_images(split), rng):
        for seen in frame.seen:
            yield FoundDigit(frame.pixels, jittered(seen.box, rng), seen.digit)


def render_windows(split: Split, count: int, seed: int, input_type: InputType) -> tuple[UInt8, Int64]:
    """Render windows of one split; all digits are equally likely.

    Returns:
        windows (count, S, S, 3) uint8 RGB with S = input_type.size_px, and digits (count,).

    Raises:
        BadInput: no such split.
    """
    windows = np.empty((count, input_type.size_px, input_type.size_px, 3), np.uint8)
    digits = np.empty(count, np.int64)
    for row, found in enumerate(islice(found_digits(split, seed), count)):
        windows[row] = window_pixels(found.frame, found.box, input_type, input_type.size_px)[0]
        digits[row] = found.digit
    return windows, digits


def jittered(box: Box, rng: np.random.Generator) -> Box:
    """Move a box's edges as the extractor's errors do; the box stays inside the frame."""
    x, y, w, h = box
    left, top, right, bottom = rng.normal(OUTWARD, SPREAD, 4) * (w, h, w, h)
    x0, y0 = max(0, round(x - left)), max(0, round(y - top))
    x1, y1 = min(FRAME_WIDTH, round(x + w + right)), min(FRAME_HEIGHT, round(y + h + bottom))
    return x0, y0, max(1, x1 - x0), max(1, y1 - y0)


def _frames(images: DigitImages, rng: np.random.Generator) -> Iterator[RenderedFrame]:
    grain = draw_grain(rng)
    while True:
        scene = draw_scene(rng, 0, _SCENE_S, _CROWD, images, _EVEN_MIX)
        for t_s in rng.uniform(0.0, _SCENE_S, _FRAMES_A_SCENE):
            yield scene.with_other_digits(rng, images, _EVEN_MIX).render(float(t_s), grain_at(grain, rng))
