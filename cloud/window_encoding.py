"""How windows are written for the way to the server, and what one of them takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from catalog.errors import BadInput
from cloud.forgetting_fit import ForgettingFit, Memory
from cloud.messages import Picture
from cloud.pictures import UInt8, jpeg_picture, png_picture, raw_picture

_KPX = 1000.0
# Bytes a pixel of photographs at 64 px, and of what comes before the pixels, as OpenCV writes them.
_JPEG_QUALITIES = (1, 50, 75, 90, 95, 98, 100)
_JPEG_BYTES_PER_PX = (0.02, 0.20, 0.31, 0.52, 0.69, 0.92, 1.31)
_JPEG_HEADER_BYTES = 290.0
_PNG_BYTES_PER_PX = 2.1
_PNG_HEADER_BYTES = 70.0
_EXACT_BYTES = 0.5


@dataclass(frozen=True, slots=True)
class WindowEncoding:
    """A way to write windows.

    Args:
        encode: turns a window (H, W, 3) uint8 RGB into a picture.
        header_bytes: expected of a picture without pixels, before any was made.
        bytes_per_px: likewise of each pixel.
    """

    encode: Callable[[UInt8], Picture]
    header_bytes: float
    bytes_per_px: float

    def expected_bytes(self, size_px: int) -> float:
        """Return what a window of that side takes, before any was made."""
        return self.header_bytes + self.bytes_per_px * size_px * size_px


RAW = WindowEncoding(raw_picture, 0.0, 3.0)
PNG = WindowEncoding(png_picture, _PNG_HEADER_BYTES, _PNG_BYTES_PER_PX)


def jpeg(quality: int) -> WindowEncoding:
    """Return the encoding with loss.

    Args:
        quality: 1 (smallest) to 100 (best).

    Raises:
        BadInput: another quality.
    """
    if not 1 <= quality <= 100:
        raise BadInput(f"cloud jpeg quality {quality}: expected 1 to 100")
    per_px = float(np.interp(quality, _JPEG_QUALITIES, _JPEG_BYTES_PER_PX))
    return WindowEncoding(partial(jpeg_picture, quality=quality), _JPEG_HEADER_BYTES, per_px)


def measured_jpeg(quality: int, size_px: int, window_bytes: float) -> WindowEncoding:
    """Return the encoding with loss of windows that are known.

    Args:
        quality: 1 (smallest) to 100 (best).
        size_px: their side.
        window_bytes: that one of that side takes, mean.
    """
    header_bytes = min(_JPEG_HEADER_BYTES, window_bytes)
    per_px = (window_bytes - header_bytes) / (size_px * size_px)
    return replace(jpeg(quality), header_bytes=header_bytes, bytes_per_px=per_px)


class PictureSizes:
    """Learns what a window takes by the number of its pixels; pure, and without a lock.

    Args:
        encoding: whose expectation holds before the first picture.
    """

    def __init__(self, encoding: WindowEncoding) -> None:
        prior = (encoding.header_bytes, _KPX * encoding.bytes_per_px)
        # The slope is taken from the samples once their sizes differ by some thirty pixels.
        self._fit = ForgettingFit(prior, (1e-6, 1e-3), Memory(samples=200.0, doubted_samples=200.0))

    def learn(self, pictures: tuple[Picture, ...], now_s: float) -> None:
        """Learn from the pictures of a request, which count as one of their mean size."""
        x = (1.0, sum(p.width_px * p.height_px for p in pictures) / len(pictures) / _KPX)
        found = sum(len(p.data) for p in pictures) / len(pictures)
        if abs(found - self._fit.expected(x)) > _EXACT_BYTES:  # plain pixels never surprise
            self._fit.learn(x, found, now_s)

    def expected_bytes(self, size_px: int) -> float:
        """Return what a window of that side takes."""
        return self._fit.expected((1.0, size_px * size_px / _KPX))
