"""The bounded resolution that an extractor works at, and the way back to pixels of the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.frames import Box, UInt8


@dataclass(frozen=True, slots=True, eq=False)
class WorkingImage:
    """A frame made small.

    Args:
        pixels: (h, w, 3) uint8 RGB, or the frame's own pixels where they are small enough.
        width_px: of the frame.
        height_px: of the frame.
    """

    pixels: UInt8
    width_px: int
    height_px: int

    def box_in_frame(self, box: Sequence[int]) -> Box:
        """Return a box of the small image in pixels of the frame, inside it and never empty."""
        x, y, w, h = box
        height, width = self.pixels.shape[:2]
        x0 = min(x * self.width_px // width, self.width_px - 1)
        y0 = min(y * self.height_px // height, self.height_px - 1)
        x1 = max(min(-(-(x + w) * self.width_px // width), self.width_px), x0 + 1)
        y1 = max(min(-(-(y + h) * self.height_px // height), self.height_px), y0 + 1)
        return x0, y0, x1 - x0, y1 - y0


def working_image(pixels: UInt8, longest_side_px: int) -> WorkingImage:
    """Scale a frame (H, W, 3) down to a longest side; a smaller one stays as it is."""
    height, width = pixels.shape[:2]
    scale = longest_side_px / max(height, width)
    if scale >= 1.0:
        return WorkingImage(pixels, width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return WorkingImage(np.asarray(small, dtype=np.uint8), width, height)
