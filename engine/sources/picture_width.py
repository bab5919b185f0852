"""At most so many pixels wide: where a window needs no more, the rest need not be converted and carried."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from engine.frames import Frame, TruthWindow, UInt8
from engine.sources.protocol import ReportingSource, Source, SourceReport
from engine.sources.wrapped_source import WrappedSource


def size_within(width: int, height: int, most_width: int | None) -> tuple[int, int]:
    """Return width and height in pixels, in proportion, so that the width is no larger; None for any."""
    if most_width is None or width <= most_width:
        return width, height
    return most_width, max(1, round(height * most_width / width))


def scaled_down(pixels: UInt8, most_width: int | None) -> UInt8:
    """Return a picture (H, W, 3) uint8 that is no wider, scaled by averaging areas."""
    height, width = pixels.shape[:2]
    size = size_within(width, height, most_width)
    if size == (width, height):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


class NarrowSource(WrappedSource):
    """A source whose pictures are scaled down to a width.

    Args:
        source: owned from here on.
        most_width: in pixels.
    """

    def __init__(self, source: Source, most_width: int) -> None:
        super().__init__(source)
        self._most_width = most_width
        self._reporting = source if isinstance(source, ReportingSource) else None

    def read(self) -> Frame | None:
        """Return the next frame; see Source."""
        frame = self.source.read()
        if frame is None:
            return None
        pixels = scaled_down(frame.pixels, self._most_width)
        share = pixels.shape[1] / frame.pixels.shape[1]
        truth = None if frame.truth is None else tuple(_scaled_truth(t, share) for t in frame.truth)
        return replace(frame, pixels=pixels, truth=truth)

    def interrupt(self) -> None:
        """Have read() return None soon, where the source can; any thread may call."""
        if self._reporting is not None:
            self._reporting.interrupt()

    def report(self) -> SourceReport:
        """Return how the source stands; any thread may call."""
        return SourceReport(connects=1) if self._reporting is None else self._reporting.report()


def _scaled_truth(truth: TruthWindow, share: float) -> TruthWindow:
    x, y, width, height = (round(share * side) for side in truth.box)
    return replace(truth, box=(x, y, max(1, width), max(1, height)))
