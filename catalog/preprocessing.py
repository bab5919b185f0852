"""The one way from a frame and a box to a window: in training, on the device and on the server."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from catalog.tasks import InputType, Resize

UInt8 = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame

_BAR_GREY = 114


def crop(frame: UInt8, box: Box, margin: float) -> UInt8:
    """Cut a box with its margin out of a frame (H, W, 3), kept inside the frame.

    The margin is a share of the box's larger side, added on every side. The result is a view.
    A box outside the frame gives its nearest pixels, never an empty array.
    """
    x, y, w, h = box
    extra = round(margin * max(w, h))
    height, width = frame.shape[:2]
    x0 = min(max(x - extra, 0), width - 1)
    y0 = min(max(y - extra, 0), height - 1)
    x1 = max(min(x + w + extra, width), x0 + 1)
    y1 = max(min(y + h + extra, height), y0 + 1)
    return frame[y0:y1, x0:x1]


def resize(image: UInt8, size_px: int, rule: Resize) -> UInt8:
    """Return image (H, W, 3) as (size_px, size_px, 3): area averaging down, linear up."""
    height, width = image.shape[:2]
    if rule is Resize.LETTERBOX and height != width:
        scale = size_px / max(height, width)
        inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
        square = np.full((size_px, size_px, 3), _BAR_GREY, np.uint8)
        x0, y0 = (size_px - inner_w) // 2, (size_px - inner_h) // 2
        square[y0 : y0 + inner_h, x0 : x0 + inner_w] = _scaled(image, inner_w, inner_h)
        return square
    return _scaled(image, size_px, size_px)


def _scaled(image: UInt8, width: int, height: int) -> UInt8:
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    shrinks = image.shape[0] > height or image.shape[1] > width
    rule = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=rule), dtype=np.uint8)


def window_pixels(frame: UInt8, box: Box, input_type: InputType, size_px: int) -> UInt8:
    """Return the pixels of one window for a trunk: (1, size_px, size_px, 3) uint8 RGB."""
    return resize(crop(frame, box, input_type.margin), size_px, input_type.resize)[np.newaxis]
