"""Moving things in front of a background that is learnt (Zivkovic, ICPR 2004: OpenCV's MOG2)."""

from __future__ import annotations

import cv2
import numpy as np

from engine.extractors.working_resolution import working_image
from engine.frames import Box, Frame, UInt8

_FOREGROUND = 255  # MOG2 marks shadows with 127
_SHADOW_BRIGHTNESS = 0.8  # of the background; OpenCV's 0.5 takes people in dark clothes for shadows
_SPECK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


class MovingObjectExtractor:
    """Finds what moves before a camera that stands still.

    After a cut, a jolt or a change of light most of the frame differs from the background: nothing
    is found, and the background is learnt anew.

    Args:
        longest_side_px: larger frames are scaled down to it.
        history_frames: over which the background is learnt.
        contrast: squared distance from the background, in standard deviations, that counts.
        joined_px: gaps up to this size, at that resolution, are closed.
        least_share: smallest area of a box, as a share of the frame.
        most_share: largest one.
        upheaval_share: share of differing pixels from which the background is no longer trusted.
        learning_frames: taken to learn the background before anything is found.
    """

    def __init__(
        self,
        longest_side_px: int = 480,
        history_frames: int = 250,
        contrast: float = 16.0,
        joined_px: int = 9,
        least_share: float = 0.001,
        most_share: float = 0.6,
        upheaval_share: float = 0.6,
        learning_frames: int = 5,
    ) -> None:
        self._longest_side_px = longest_side_px
        self._history_frames = history_frames
        self._contrast = contrast
        self._joining = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (joined_px, joined_px))
        self._least_share = least_share
        self._most_share = most_share
        self._upheaval_share = upheaval_share
        self._learning_frames = learning_frames
        self._forget(())

    def extract(self, frame: Frame) -> list[Box]:
        """Return one box a moving thing, from left to right."""
        image = working_image(frame.pixels, self._longest_side_px)
        if image.pixels.shape != self._shape:
            self._forget(image.pixels.shape)
        moving = self._moving(image.pixels)
        self._seen += 1
        if self._seen <= self._learning_frames:
            return []
        if np.count_nonzero(moving) > self._upheaval_share * moving.size:
            self._forget(image.pixels.shape)
            return []
        contours, _ = cv2.findContours(moving, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        least, most = self._least_share * moving.size, self._most_share * moving.size
        boxes = [cv2.boundingRect(c) for c in contours]
        return sorted(image.box_in_frame(b) for b in boxes if least <= b[2] * b[3] <= most)

    def _forget(self, shape: tuple[int, ...]) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(self._history_frames, self._contrast)
        self._background.setShadowThreshold(_SHADOW_BRIGHTNESS)
        self._shape = shape
        self._seen = 0

    def _moving(self, pixels: UInt8) -> UInt8:
        """Return (h, w) uint8, 255 where something moves, specks removed and gaps closed."""
        mask = self._background.apply(pixels)
        _, mask = cv2.threshold(mask, _FOREGROUND - 1, _FOREGROUND, cv2.THRESH_BINARY)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _SPECK)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._joining)
        return np.asarray(mask, dtype=np.uint8)
