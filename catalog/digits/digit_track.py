"""The way of one digit through a scene, as a function of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.digits.digit_sprite import Pose

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DigitTrack:
    """A digit that drifts, sways, turns and comes nearer or goes away.

    Args:
        image: which image of the split it shows.
        anchor_s: when it is at the anchor.
        anchor: x, y in pixels of the frame.
        velocity: x, y in pixels a second.
        height_px: mean height.
        aspect: width over height, 1 as written.
        shear: sideways shift of the top for each unit of height.
        angle_rad: mean angle, clockwise.
        swing_rad: turns by this to both sides.
        zoom: grows and shrinks by this share.
        wobble_hz: of turning and zooming.
        phase: of the same, in radians.
        contrast: its brightness less the backdrop's, in grey levels; negative for dark ink.
        threshold: of its strokes: lower is thicker.
    """

    image: int
    anchor_s: float
    anchor: tuple[float, float]
    velocity: tuple[float, float]
    height_px: float
    aspect: float
    shear: float
    angle_rad: float
    swing_rad: float
    zoom: float
    wobble_hz: float
    phase: float
    contrast: float
    threshold: float

    @property
    def radius_px(self) -> float:
        """Distance from its centre that its strokes never pass: half the leaning box's diagonal."""
        return 0.5 * self.height_px * (1.0 + self.zoom) * math.hypot(1.0, self.aspect + abs(self.shear))

    def centres(self, times_s: Float64) -> Float64:
        """Return its centre at times (N,) as (N, 2): x, y in pixels of the frame."""
        return np.asarray(self.anchor + np.outer(times_s - self.anchor_s, self.velocity), dtype=np.float64)

    def pose(self, t_s: float) -> Pose:
        """Return how it is shown at a time."""
        since_s = t_s - self.anchor_s
        turn = 2 * math.pi * self.wobble_hz * t_s + self.phase
        return Pose(
            x=self.anchor[0] + since_s * self.velocity[0],
            y=self.anchor[1] + since_s * self.velocity[1],
            height_px=self.height_px * (1.0 + self.zoom * math.sin(0.7 * turn)),
            aspect=self.aspect,
            shear=self.shear,
            angle_rad=self.angle_rad + self.swing_rad * math.sin(turn),
        )


def draw_track(
    rng: np.random.Generator, image: int, anchor_s: float, anchor: tuple[float, float]
) -> DigitTrack:
    """Draw a track through a point (x, y) at a time."""
    size_px = float(np.exp(rng.uniform(np.log(24.0), np.log(58.0))))
    heading = rng.uniform(0.0, 2 * np.pi)
    speed = rng.uniform(10.0, 55.0)
    contrast = float(rng.uniform(45.0, 110.0)) * (1 if rng.random() < 0.5 else -1)
    return DigitTrack(
        image=image,
        anchor_s=anchor_s,
        anchor=anchor,
        velocity=(float(speed * np.cos(heading)), float(speed * np.sin(heading))),
        height_px=size_px,
        aspect=float(rng.uniform(0.75, 1.15)),
        shear=float(rng.uniform(-0.35, 0.35)),
        angle_rad=float(np.deg2rad(rng.uniform(-18.0, 18.0))),
        swing_rad=float(np.deg2rad(rng.uniform(0.0, 10.0))),
        zoom=float(rng.uniform(0.0, 0.15)),
        wobble_hz=float(rng.uniform(0.1, 0.5)),
        phase=float(rng.uniform(0.0, 2 * np.pi)),
        contrast=contrast,
        threshold=float(rng.uniform(0.35, 0.6)),
    )
