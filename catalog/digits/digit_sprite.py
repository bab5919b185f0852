"""One handwritten digit as a see-through layer that can be turned, sheared and scaled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from catalog.digits.digit_images import DigitImages

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame

# 8x8 strokes with a rim of 2 cells, 6 px a cell: about the size at which digits are shown, so
# that neither enlarging nor shrinking shows.
_CELL_PX = 6
_RIM_CELLS = 2
SPRITE_PX = (8 + 2 * _RIM_CELLS) * _CELL_PX
DIGIT_PX = 8 * _CELL_PX
_VISIBLE_ALPHA = 0.4
_CONTRAST = (55.0, 115.0)  # grey levels
_TINT = 18.0  # grey levels of one colour
_THRESHOLD = (0.36, 0.5)  # of the ink's 0 to 1
_SOFTNESS = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class DigitSprite:
    """A digit as it looks.

    Args:
        digit: 0 to 9.
        alpha: (SPRITE_PX, SPRITE_PX) float32 in [0, 1], 1 where the stroke covers.
        colour: (3,) float32 RGB in [0, 255].
    """

    digit: int
    alpha: Float32
    colour: Float32


@dataclass(frozen=True, slots=True)
class Pose:
    """Where and how a sprite is shown.

    Args:
        x: centre, in pixels of the frame.
        y: centre, in pixels of the frame.
        height_px: of an upright digit.
        aspect: width over height, 1 as written.
        shear: sideways shift of the top for each unit of height.
        angle_rad: clockwise.
    """

    x: float
    y: float
    height_px: float
    aspect: float
    shear: float
    angle_rad: float

    def matrix(self) -> tuple[float, float, float, float]:
        """Return a, b, c, d: x' = a x + b y, y' = c x + d y, from sprite to frame about the centre."""
        scale = self.height_px / DIGIT_PX
        cos, sin = scale * math.cos(self.angle_rad), scale * math.sin(self.angle_rad)
        return (
            cos * self.aspect,
            -cos * self.shear - sin,
            sin * self.aspect,
            -sin * self.shear + cos,
        )


def draw_sprite(
    rng: np.random.Generator, images: DigitImages, mix: Float64, brightness: float
) -> DigitSprite:
    """Draw how one of the images looks, clearly brighter or darker than a backdrop.

    Args:
        rng: draws it.
        images: to choose from.
        mix: (10,) probability of each digit.
        brightness: of the backdrop, in [0, 255].
    """
    digit = int(rng.choice(10, p=mix))
    candidates = np.flatnonzero(images.digits == digit)
    strokes = images.strokes[candidates[rng.integers(len(candidates))]]
    contrast = rng.uniform(*_CONTRAST) * (1.0 if rng.random() < 0.5 else -1.0)
    tint = rng.uniform(-_TINT, _TINT, 3)
    colour = np.clip(brightness + contrast + tint - tint.mean(), 0.0, 255.0)
    return DigitSprite(digit, _coverage(strokes, rng.uniform(*_THRESHOLD)), colour.astype(np.float32))


def _coverage(strokes: Float32, threshold: float) -> Float32:
    """Return the alpha (SPRITE_PX, SPRITE_PX) of strokes (8, 8); a lower threshold makes them thicker."""
    rim = (_RIM_CELLS,) * 4
    padded = cv2.copyMakeBorder(strokes, *rim, cv2.BORDER_CONSTANT)
    smooth = cv2.resize(padded, (SPRITE_PX, SPRITE_PX), interpolation=cv2.INTER_CUBIC)
    alpha = np.clip((smooth - threshold + _SOFTNESS) / (2 * _SOFTNESS), 0.0, 1.0)
    return np.asarray(alpha, dtype=np.float32)


def blend(canvas: Float32, sprite: DigitSprite, pose: Pose) -> Box | None:
    """Draw a sprite onto canvas (H, W, 3) float32 in place.

    Returns:
        The tight box around its strokes in the frame, or None where none of them is inside.
    """
    a, b, c, d = pose.matrix()
    half = SPRITE_PX / 2
    reach_x, reach_y = half * (abs(a) + abs(b)), half * (abs(c) + abs(d))
    height, width = canvas.shape[:2]
    x0, x1 = max(0, int(pose.x - reach_x)), min(width, int(pose.x + reach_x) + 1)
    y0, y1 = max(0, int(pose.y - reach_y)), min(height, int(pose.y + reach_y) + 1)
    if x0 >= x1 or y0 >= y1:
        return None
    shift_x, shift_y = pose.x - x0 - half * (a + b), pose.y - y0 - half * (c + d)
    forward = np.array([[a, b, shift_x], [c, d, shift_y]])
    alpha = cv2.warpAffine(sprite.alpha, forward, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    x, y, w, h = cv2.boundingRect((alpha > _VISIBLE_ALPHA).astype(np.uint8))
    if w == 0 or h == 0:
        return None
    patch = canvas[y0:y1, x0:x1]
    patch += alpha[:, :, np.newaxis] * (sprite.colour - patch)
    return x0 + x, y0 + y, w, h
