"""Tells whether a picture shows anything else than the last one that was looked at.

Small grey pictures are compared with the last one let through, not with the one before: what
changes slowly adds up until it counts. What light and sensor do is taken off first: one gain and
offset for the whole picture (automatic exposure), a gain for each row (lamps on the mains seen by a
rolling shutter), and the noise of every pixel, a running median of the differences between
neighbouring frames that moves by one small step at a time (the estimator of Manzanera and Richefeu,
Pattern Recognition Letters 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engine.frames import UInt8

Grey = npt.NDArray[np.float32]  # (h, w), 0 to 255

_LONGEST_SIDE_PX = 128
_TRIMMED = 2.5  # median residuals from which a pixel has no say in the fit of the light
_GAINS = (0.7, 1.4)  # beyond, the light itself is what has changed
_ROW_GAINS = (0.85, 1.18)
_DARK = 8.0  # grey levels below which a ratio says nothing
_EVERY = 3  # pixel each way has a say in the fit: for two figures those are enough
_NOISE_STEP = 0.15  # of the noise
_NOISE_EVERY = 4  # frames
_LEAST_NOISE = 0.25  # grey levels: of pictures that a coder has rounded
_MOST_NOISE = 5.0  # more is no sensor: what moves all day is not to be taken for noise
_ROWS = 4
_SPECK = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How much has to change.

    Args:
        refresh_s: a frame is let through at least so often.
        least_contrast: grey levels, of 255, by which a pixel differs that has changed.
        noise_factor: the same in median noises of the pixel; the larger of the two counts.
        least_share: of the picture that has to have changed.
    """

    refresh_s: float = 10.0
    least_contrast: float = 10.0
    noise_factor: float = 6.0
    least_share: float = 0.001


class MotionGate:
    """Compares the frames of one source.

    Args:
        settings: how much has to change.
    """

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self._looked_at: Grey | None = None
        self._before: Grey | None = None
        self._noise: Grey = np.zeros((0, 0), np.float32)
        self._frames = 0

    def changed(self, pixels: UInt8) -> bool:
        """Tell whether a frame differs from the last one that was looked at.

        Args:
            pixels: (H, W, 3) uint8 RGB.
        """
        grey = small_grey(pixels)
        reference, before, self._before = self._looked_at, self._before, grey
        if reference is None or before is None or reference.shape != grey.shape:
            self._noise = np.full(grey.shape, 1.0, np.float32)
            return True
        self._frames += 1
        if self._frames % _NOISE_EVERY == 0:
            self._learn_noise(without_light(grey, before)[0])
        if self._share(grey - reference) < self._settings.least_share:
            return False  # in the same light, which most still pictures are
        residual, gain = without_light(grey, reference)
        brightness = (float(grey.mean()) + _DARK) / (float(reference.mean()) + _DARK)
        within = all(_GAINS[0] <= g <= _GAINS[1] for g in (gain, brightness))
        return not within or self._share(residual) >= self._settings.least_share

    def look(self) -> None:
        """Take the frame that was compared last for the one that is looked at."""
        self._looked_at = self._before

    def _share(self, residual: Grey) -> float:
        """Return the share of the picture that changed; single pixels are specks of noise."""
        threshold = np.maximum(self._settings.noise_factor * self._noise, self._settings.least_contrast)
        mask = (np.abs(residual) > threshold).view(np.uint8)
        kept = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _SPECK)
        return cv2.countNonZero(kept) / kept.size

    def _learn_noise(self, difference: Grey) -> None:
        """Move the noise towards the differences by a step that does not depend on their size."""
        step = _NOISE_STEP * np.sign(np.abs(difference) - self._noise) * self._noise
        self._noise = np.clip(self._noise + step, _LEAST_NOISE, _MOST_NOISE)


def small_grey(pixels: UInt8) -> Grey:
    """Return (h, w) float32 in 0 to 255, at most 128 wide and somewhat more high.

    Shrunk by a whole number, which OpenCV does several times faster than by any other factor; of the
    many rows of a large frame four make one; what does not fill a last cell is left out.
    """
    height, width = pixels.shape[:2]
    factor = math.ceil(max(height, width) / _LONGEST_SIDE_PX)
    step = max(1, factor // _ROWS)
    cell = factor // step * step  # high
    h, w = max(1, height // cell), max(1, width // factor)
    fitting = pixels[: h * cell : step, : w * factor]
    small = cv2.resize(fitting, (w, h), interpolation=cv2.INTER_AREA) if factor > 1 else fitting
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def without_light(grey: Grey, reference: Grey) -> tuple[Grey, float]:
    """Return by how much a picture differs from a reference in the same light, and its gain.

    Args:
        grey: (h, w).
        reference: likewise.
    """
    gain, offset = _light(grey[::_EVERY, ::_EVERY], reference[::_EVERY, ::_EVERY])
    expected = np.clip(gain * reference + offset, 0.0, 255.0)
    ratios = (grey[:, ::_EVERY] + _DARK) / (expected[:, ::_EVERY] + _DARK)
    rows = np.clip(np.median(ratios, axis=1, keepdims=True), *_ROW_GAINS)
    return grey - expected * rows, gain


def _light(grey: Grey, reference: Grey) -> tuple[float, float]:
    """Return gain and offset of the light, found twice: what is off the first time has no say then."""
    gain, offset = _fit(grey.ravel(), reference.ravel())
    away = np.abs(grey - gain * reference - offset)
    said = away <= _TRIMMED * max(1.0, float(np.median(away)))
    return _fit(grey[said], reference[said])


def _fit(y: Grey, x: Grey) -> tuple[float, float]:
    """Return the gain and offset that bring x (n,) closest to y (n,), by least squares."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(np.vdot(x - mean_x, x - mean_x))
    if spread < x.size:  # all of one brightness: gain and offset cannot be told apart
        return 1.0, mean_y - mean_x
    gain = float(np.vdot(x - mean_x, y - mean_y)) / spread
    return gain, mean_y - gain * mean_x
