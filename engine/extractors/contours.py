"""Written things (digits, signs) on a calmer background: regions that differ from their surround.

A region is brighter or darker than the mean around it, has a plausible size and, unlike the soft
blobs of a texture, a sharp outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from catalog.errors import BadInput
from engine.frames import Box, Frame, UInt8

Outline = npt.NDArray[Any]  # (N, 1, 2) int32: x, y

_JOINING = np.ones((3, 3), np.uint8)
_SOBEL_GAIN = 4.0  # what Sobel's kernel answers to a step of one grey level


@dataclass(frozen=True, slots=True)
class Region:
    """A candidate in the working image.

    Args:
        sharpness: mean gradient along its outline, in grey levels a pixel.
        box: its bounding box.
    """

    sharpness: float
    box: Box


class ContourExtractor:
    """Finds strokes by local contrast and outline. Lengths are in pixels of the working image.

    Args:
        longest_side_px: larger frames are shrunk to this before the search.
        surround_px: side of the square whose mean is a pixel's surround.
        least_contrast: grey levels by which a stroke differs from its surround.
        least_sharpness: mean gradient along the outline, in grey levels a pixel.
        least_height_px: lower regions are dropped.
        most_side_px: regions with a longer side are dropped.
        most_overlap: of two regions that share more of the smaller box, only the sharper stays: the
            hole of a zero and the halo beside a stroke are regions too.

    Raises:
        BadInput: a length below one pixel.
    """

    def __init__(
        self,
        longest_side_px: int = 320,
        surround_px: int = 41,
        least_contrast: float = 12.0,
        least_sharpness: float = 15.0,
        least_height_px: int = 14,
        most_side_px: int = 100,
        most_overlap: float = 0.3,
    ) -> None:
        if min(longest_side_px, surround_px, least_height_px, most_side_px) < 1:
            raise BadInput(
                "contours: longest_side_px, surround_px, heights and sides: expected at least 1 pixel"
            )
        self._longest_side_px = longest_side_px
        self._surround_px = surround_px
        self._least_contrast = least_contrast
        self._least_sharpness = least_sharpness
        self._least_height_px = least_height_px
        self._most_side_px = most_side_px
        self._most_overlap = most_overlap

    def extract(self, frame: Frame) -> list[Box]:
        """Return the boxes of what is wholly inside the frame, from left to right; see Extractor."""
        image = _shrunk(frame.pixels, self._longest_side_px)
        distinct = _distinct(self._regions(image), self._most_overlap)
        whole = sorted(r.box for r in distinct if not _cut_off(r.box, image))
        return [_scaled_back(box, image, frame.pixels) for box in whole]

    def _regions(self, image: UInt8) -> list[Region]:
        """Return every candidate in a working image (H, W, 3), bright and dark."""
        grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (5, 5), 1.0)
        surround = cv2.blur(grey, (self._surround_px, self._surround_px))
        gradient = _gradient(grey)
        # Each saturating subtraction keeps one sign of the contrast.
        outlines = (
            *self._outlines(cv2.subtract(grey, surround)),
            *self._outlines(cv2.subtract(surround, grey)),
        )
        regions = (Region(_sharpness(o, gradient), _bounding_box(o)) for o in outlines if self._fits(o))
        return [r for r in regions if r.sharpness >= self._least_sharpness]

    def _outlines(self, contrast: npt.NDArray[Any]) -> Sequence[Outline]:
        """Return the outer outlines of where contrast (H, W) is high enough."""
        _, mask = cv2.threshold(contrast, self._least_contrast, 255, cv2.THRESH_BINARY)
        joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _JOINING)
        return cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]

    def _fits(self, outline: Outline) -> bool:
        _, _, w, h = cv2.boundingRect(outline)
        return h >= self._least_height_px and max(w, h) <= self._most_side_px


def _shrunk(pixels: UInt8, longest_side_px: int) -> UInt8:
    height, width = pixels.shape[:2]
    scale = longest_side_px / max(height, width)
    if scale >= 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _gradient(grey: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return |d/dx| + |d/dy| of grey (H, W) in grey levels a pixel, (H, W) uint8."""
    across = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0), alpha=1.0 / _SOBEL_GAIN)
    down = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 0, 1), alpha=1.0 / _SOBEL_GAIN)
    return cv2.add(across, down)


def _sharpness(outline: Outline, gradient: npt.NDArray[Any]) -> float:
    return float(gradient[outline[:, 0, 1], outline[:, 0, 0]].mean())


def _bounding_box(outline: Outline) -> Box:
    x, y, w, h = cv2.boundingRect(outline)
    return x, y, w, h


def _distinct(regions: Sequence[Region], most_overlap: float) -> list[Region]:
    """Keep the sharpest of those that overlap."""
    kept: list[Region] = []
    for region in sorted(regions, key=lambda r: (-r.sharpness, r.box)):
        if all(_shared(region.box, k.box) <= most_overlap for k in kept):
            kept.append(region)
    return kept


def _shared(a: Box, b: Box) -> float:
    """Return the share of the smaller box that lies in the other."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height) / min(a[2] * a[3], b[2] * b[3])


def _cut_off(box: Box, image: UInt8) -> bool:
    x, y, w, h = box
    return x == 0 or y == 0 or x + w == image.shape[1] or y + h == image.shape[0]


def _scaled_back(box: Box, image: UInt8, pixels: UInt8) -> Box:
    """Return a box of the working image in pixels of the frame; it stays inside."""
    x, y, w, h = box
    across, down = pixels.shape[1] / image.shape[1], pixels.shape[0] / image.shape[0]
    x0, y0 = round(x * across), round(y * down)
    return x0, y0, round((x + w) * across) - x0, round((y + h) * down) - y0
