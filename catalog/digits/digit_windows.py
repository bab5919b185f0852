"""Training windows: what the camera would show, cut out as the extractor would."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH
from catalog.digits.digit_images import Split, digit_images
from catalog.digits.digit_scene import DigitVideo, even_mix
from catalog.digits.digit_sprite import Box
from catalog.preprocessing import window_pixels
from catalog.tasks import InputType

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_STEP_S = 1.0
_CROWD = 8  # more a frame than the camera shows: fewer frames to render for the same windows
_JITTER = 0.05


def render_windows(split: Split, count: int, seed: int, input_type: InputType) -> tuple[UInt8, Int64]:
    """Render windows of one split with all digits about equally frequent.

    Returns:
        windows (count, S, S, 3) uint8 RGB with S = input_type.size_px, and digits (count,).

    Raises:
        BadInput: no such split.
    """
    windows = np.empty((count, input_type.size_px, input_type.size_px, 3), np.uint8)
    digits = np.empty(count, np.int64)
    video = DigitVideo(digit_images(split), seed, even_mix, _CROWD)
    rng = np.random.default_rng((seed, count))
    filled = index = 0
    while filled < count:
        frame = video.render(index, index * _STEP_S)
        for seen in frame.seen[: count - filled]:
            box = jittered(seen.box, rng)
            windows[filled] = window_pixels(frame.pixels, box, input_type, input_type.size_px)[0]
            digits[filled] = seen.digit
            filled += 1
        index += 1
    return windows, digits


def jittered(box: Box, rng: np.random.Generator) -> Box:
    """Move a box's edges as the extractor's errors do, inside the frame."""
    x, y, w, h = box
    left, top, right, bottom = rng.normal(0.0, _JITTER, 4) * (w, h, w, h)
    x0, y0 = round(max(0.0, x + left)), round(max(0.0, y + top))
    x1, y1 = round(min(FRAME_WIDTH, x + w + right)), round(min(FRAME_HEIGHT, y + h + bottom))
    return x0, y0, max(1, x1 - x0), max(1, y1 - y0)
