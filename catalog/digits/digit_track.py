"""The ways of digits through a scene, as functions of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH
from catalog.digits.digit_sprite import Pose

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_STEP_S = 0.25
_ATTEMPTS = 40
_SPOTS = 6
_RIM_PX = 36


@dataclass(frozen=True, slots=True)
class DigitTrack:
    """A digit that drifts, turns to and fro, and comes nearer or goes away.

    Args:
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
    """

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


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many digits are in the frame.

    Args:
        mean: over a scene.
        most: at a time.
    """

    mean: float
    most: int


def draw_track(rng: np.random.Generator, anchor_s: float, anchor: tuple[float, float]) -> DigitTrack:
    """Draw a track through a point (x, y) at a time."""
    size_px = float(np.exp(rng.uniform(np.log(28.0), np.log(60.0))))
    heading = rng.uniform(0.0, 2 * np.pi)
    speed = rng.uniform(10.0, 55.0)
    return DigitTrack(
        anchor_s=anchor_s,
        anchor=anchor,
        velocity=(float(speed * np.cos(heading)), float(speed * np.sin(heading))),
        height_px=size_px,
        aspect=float(rng.uniform(0.8, 1.1)),
        shear=float(rng.uniform(-0.15, 0.15)),
        angle_rad=float(np.deg2rad(rng.uniform(-9.0, 9.0))),
        swing_rad=float(np.deg2rad(rng.uniform(0.0, 5.0))),
        zoom=float(rng.uniform(0.0, 0.15)),
        wobble_hz=float(rng.uniform(0.1, 0.5)),
        phase=float(rng.uniform(0.0, 2 * np.pi)),
    )


def draw_tracks(rng: np.random.Generator, crowd: Crowd, duration_s: float) -> tuple[DigitTrack, ...]:
    """Draw tracks that never touch each other in sight, as many as the crowd and the room allow."""
    times_s = np.arange(0.0, duration_s + _STEP_S, _STEP_S)
    inside = np.zeros(len(times_s), np.int64)
    tracks: list[DigitTrack] = []
    ways = np.empty((0, len(times_s), 2))
    radii = np.empty(0)
    for _ in range(_ATTEMPTS):
        if inside.mean() >= crowd.mean:
            break
        emptiest = int(np.lexsort((rng.random(len(inside)), inside))[0])
        track = draw_track(rng, float(times_s[emptiest]), _free_spot(rng, ways[:, emptiest]))
        way = track.centres(times_s)
        now_inside = inside + _inside(way, 0.0)
        if now_inside.max() <= crowd.most and not _touches(way, track.radius_px, ways, radii):
            tracks.append(track)
            ways = np.concatenate((ways, way[np.newaxis]))
            radii = np.append(radii, track.radius_px)
            inside = now_inside
    return tuple(tracks)


def _free_spot(rng: np.random.Generator, taken: Float64) -> tuple[float, float]:
    """Draw a point well inside the frame and far from what is there (N, 2): the best of a few."""
    inner = (FRAME_WIDTH - _RIM_PX, FRAME_HEIGHT - _RIM_PX)
    spots = rng.uniform((_RIM_PX, _RIM_PX), inner, (_SPOTS, 2))
    apart = np.hypot(*(spots[:, np.newaxis] - taken).T).min(axis=0, initial=np.inf)
    x, y = spots[apart.argmax()]
    return float(x), float(y)


def _inside(way: Float64, rim_px: float) -> Bool:
    """Where a way (T, 2) is inside the frame and a rim around it: (T,)."""
    return np.asarray(((way >= -rim_px) & (way < (FRAME_WIDTH + rim_px, FRAME_HEIGHT + rim_px))).all(axis=1))


def _touches(way: Float64, radius_px: float, ways: Float64, radii: Float64) -> bool:
    """Whether a way (T, 2) comes too near to one of the ways (N, T, 2) with radii (N,) in sight."""
    in_sight = _inside(way, radius_px)
    offset = ways[:, in_sight] - way[in_sight]
    reach = radii + radius_px
    return bool(((offset * offset).sum(axis=2) < (reach * reach)[:, np.newaxis]).any())
