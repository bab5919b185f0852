"""What is behind the digits and how the camera sees it: texture, camera sway, light and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

FRAME_WIDTH = 320
FRAME_HEIGHT = 240
_SWAY_PX = 48
_NOISE_SHIFT_PX = 64
_TEXTURE_WIDTH, _TEXTURE_HEIGHT = FRAME_WIDTH + 2 * _SWAY_PX, FRAME_HEIGHT + 2 * _SWAY_PX
# Wavelength in pixels and contrast (standard deviation) of the layers of a texture.
_OCTAVES = (((80, 80), 14.0), ((30, 30), 9.0), ((12, 12), 5.0), ((4, 4), 2.5))


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """A textured surface under changing light, filmed by a swaying camera.

    Args:
        texture: (H + 2 sway, W + 2 sway, 3) float32 RGB.
        brightness: mean of the texture, in [0, 255].
        sway_hz: of the camera, sideways and up and down.
        light_hz: of the light's slow changes.
        phases: (5,) in radians: sway x, sway y, gain, and the gradient's two.
        gain_swing: the light changes by this share up and down.
        gradient: the light differs by this share from one side to the other.
        noise: standard deviation of the sensor's noise, in grey levels.
        blur: standard deviation of the lens's blur, in pixels.
    """

    texture: Float32
    brightness: float
    sway_hz: tuple[float, float]
    light_hz: float
    phases: tuple[float, ...]
    gain_swing: float
    gradient: float
    noise: float
    blur: float

    def surface(self, t_s: float) -> Float32:
        """Return what the camera points at: (FRAME_HEIGHT, FRAME_WIDTH, 3) float32 RGB."""
        dx = _SWAY_PX * (1.0 + 0.98 * np.sin(2 * np.pi * self.sway_hz[0] * t_s + self.phases[0]))
        dy = _SWAY_PX * (1.0 + 0.98 * np.sin(2 * np.pi * self.sway_hz[1] * t_s + self.phases[1]))
        shift = np.array([[1.0, 0.0, -dx], [0.0, 1.0, -dy]])
        moved = cv2.warpAffine(self.texture, shift, (FRAME_WIDTH, FRAME_HEIGHT), flags=cv2.INTER_LINEAR)
        return np.asarray(moved, dtype=np.float32)

    def exposed(self, scene: Float32, t_s: float, grain: Float32) -> UInt8:
        """Return a scene as the camera's sensor gives it.

        Args:
            scene: (FRAME_HEIGHT, FRAME_WIDTH, 3) float32 RGB, evenly lit.
            t_s: time, for the light.
            grain: noise of standard deviation 1, of the same shape.
        """
        lit: Float32 = scene * self.light(t_s)[:, :, np.newaxis]
        if self.blur > 0.3:
            lit = np.asarray(cv2.GaussianBlur(lit, (5, 5), self.blur), dtype=np.float32)
        return np.asarray(cv2.addWeighted(lit, 1.0, grain, self.noise, 0.0, dtype=cv2.CV_8U), dtype=np.uint8)

    def light(self, t_s: float) -> Float32:
        """Return the light's strength, about 1: (FRAME_HEIGHT, FRAME_WIDTH) float32."""
        turn = 2 * np.pi * self.light_hz * t_s
        gain = 1.0 + self.gain_swing * np.sin(turn + self.phases[2])
        across = self.gradient * np.sin(0.7 * turn + self.phases[3]) * np.linspace(-0.5, 0.5, FRAME_WIDTH)
        down = self.gradient * np.sin(0.9 * turn + self.phases[4]) * np.linspace(-0.5, 0.5, FRAME_HEIGHT)
        return np.asarray(gain + down[:, np.newaxis] + across, dtype=np.float32)


def draw_backdrop(rng: np.random.Generator) -> Backdrop:
    """Draw a backdrop."""
    brightness = float(rng.uniform(80.0, 165.0))
    return Backdrop(
        texture=_texture(rng, brightness),
        brightness=brightness,
        sway_hz=(float(rng.uniform(0.02, 0.07)), float(rng.uniform(0.02, 0.07))),
        light_hz=float(rng.uniform(0.02, 0.10)),
        phases=tuple(rng.uniform(0.0, 2 * np.pi, 5).tolist()),
        gain_swing=float(rng.uniform(0.05, 0.25)),
        gradient=float(rng.uniform(0.1, 0.5)),
        noise=float(rng.uniform(2.0, 7.0)),
        blur=float(rng.uniform(0.0, 1.0)),
    )


def draw_grain(rng: np.random.Generator) -> Float32:
    """Draw a sheet of sensor noise, larger than a frame; `grain_at` cuts frames' noise from it."""
    shape = (FRAME_HEIGHT + _NOISE_SHIFT_PX, FRAME_WIDTH + _NOISE_SHIFT_PX, 3)
    return rng.standard_normal(shape, dtype=np.float32)


def grain_at(sheet: Float32, rng: np.random.Generator) -> Float32:
    """Cut one frame's noise out of a sheet: drawing it anew would take longer than all the rest."""
    dx, dy = rng.integers(0, _NOISE_SHIFT_PX, 2)
    return sheet[dy : dy + FRAME_HEIGHT, dx : dx + FRAME_WIDTH]


def _texture(rng: np.random.Generator, brightness: float) -> Float32:
    grey = np.zeros((_TEXTURE_HEIGHT, _TEXTURE_WIDTH), np.float32)
    for wavelength_px, contrast in _OCTAVES:
        grey += _smooth_noise(rng, wavelength_px, contrast * float(rng.uniform(0.4, 1.2)))
    grey += _fibres(rng)
    _lay_shapes(grey, rng)
    tint = rng.uniform(0.85, 1.15, 3)
    coarse = brightness * (tint + 0.05 * rng.standard_normal((5, 6, 3)))
    colour = cv2.resize(coarse.astype(np.float32), grey.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(colour + grey[:, :, np.newaxis], dtype=np.float32)


def _smooth_noise(rng: np.random.Generator, wavelength_px: tuple[int, int], contrast: float) -> Float32:
    """Draw noise of one wavelength (x, y): (_TEXTURE_HEIGHT, _TEXTURE_WIDTH) float32."""
    columns, rows = _TEXTURE_WIDTH // wavelength_px[0] + 2, _TEXTURE_HEIGHT // wavelength_px[1] + 2
    coarse = contrast * rng.standard_normal((rows, columns), dtype=np.float32)
    size = (_TEXTURE_WIDTH, _TEXTURE_HEIGHT)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _fibres(rng: np.random.Generator) -> Float32:
    """Draw long thin streaks like those of wood or cloth, along x or along y."""
    wavelength_px = (int(rng.integers(40, 120)), int(rng.integers(3, 8)))
    contrast = float(rng.uniform(0.0, 7.0))
    return _smooth_noise(rng, wavelength_px if rng.random() < 0.5 else wavelength_px[::-1], contrast)


def _lay_shapes(grey: Float32, rng: np.random.Generator) -> None:
    """Lay a few large faint polygons onto grey (H, W): edges that no digit makes."""
    layer = np.zeros_like(grey)
    for _ in range(int(rng.integers(2, 7))):
        centre = rng.uniform((0, 0), grey.shape[::-1])
        corners = (centre + rng.uniform(-150, 150, (4, 2))).astype(np.int32)
        cv2.fillConvexPoly(layer, cv2.convexHull(corners), float(rng.uniform(-22, 22)))
    grey += layer
