"""Scenes of moving digits, and the endless video that they make.

A scene lasts some seconds: one backdrop, a few digits that enter, move and leave, and a skewed
class mix; then comes the next with another mix. Everything follows from the seed: the frame at a
time is the same whichever frames were rendered before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH, Backdrop, draw_backdrop, draw_grain, grain_at
from catalog.digits.digit_images import DigitImages
from catalog.digits.digit_sprite import Box, DigitSprite, blend, digit_sprite
from catalog.digits.digit_track import DigitTrack, draw_track

Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

MOST_DIGITS = 5
_STEP_S = 0.25
_ATTEMPTS = 80
_LEAST_VISIBLE = 0.75
_TRACKS_PER_SCENE = 1000
_GRAIN_STREAM, _SCENE_STREAM, _FRAME_STREAM = 0, 1, 2


@dataclass(frozen=True, slots=True)
class SeenDigit:
    """A digit in a frame.

    Args:
        box: tight around its visible strokes, inside the frame.
        digit: 0 to 9.
        track: the same for the same digit from frame to frame.
    """

    box: Box
    digit: int
    track: int


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFrame:
    """A frame and what is in it.

    Args:
        pixels: (FRAME_HEIGHT, FRAME_WIDTH, 3) uint8 RGB.
        seen: the digits of which at least three quarters are inside the frame.
    """

    pixels: UInt8
    seen: tuple[SeenDigit, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DigitScene:
    """One scene.

    Args:
        number: 0, 1, 2 ... in the video.
        duration_s: how long it lasts.
        mix: (10,) probability of each digit.
        backdrop: what is behind.
        tracks: the digits' ways.
        sprites: how they look, one a track.
        digits: which they are, one a track.
    """

    number: int
    duration_s: float
    mix: Float64
    backdrop: Backdrop
    tracks: tuple[DigitTrack, ...]
    sprites: tuple[DigitSprite, ...]
    digits: tuple[int, ...]

    def render(self, t_s: float, grain: npt.NDArray[np.float32]) -> RenderedFrame:
        """Render the frame at a time since the scene's start."""
        canvas = self.backdrop.surface(t_s)
        seen = []
        for i, (track, sprite, digit) in enumerate(zip(self.tracks, self.sprites, self.digits, strict=True)):
            placement = blend(canvas, sprite, track.pose(t_s))
            if placement is not None and placement.visible >= _LEAST_VISIBLE:
                seen.append(SeenDigit(placement.box, digit, self.number * _TRACKS_PER_SCENE + i))
        return RenderedFrame(self.backdrop.exposed(canvas, t_s, grain), tuple(seen))


class DigitVideo:
    """The endless video of one split and seed.

    Args:
        images: the digits that it shows.
        seed: two videos of the same seed and split are the same.
        skewed: a few digits dominate each scene; else all are equally likely.
    """

    def __init__(self, images: DigitImages, seed: int, *, skewed: bool = True) -> None:
        self._images = images
        self._seed = seed
        self._mix = skewed_mix if skewed else even_mix
        self._grain = draw_grain(self._rng(_GRAIN_STREAM, 0))
        self._start_s = 0.0
        self._scene = self.scene(0)

    def scene(self, number: int) -> DigitScene:
        """Draw a scene by its number."""
        rng = self._rng(_SCENE_STREAM, number)
        return draw_scene(rng, number, self._images, self._mix(rng))

    def render(self, index: int, t_s: float) -> RenderedFrame:
        """Render the frame at a time; index only chooses its noise. Going forward is fast."""
        if t_s < self._start_s:
            self._start_s, self._scene = 0.0, self.scene(0)
        while t_s >= self._start_s + self._scene.duration_s:
            self._start_s += self._scene.duration_s
            self._scene = self.scene(self._scene.number + 1)
        grain = grain_at(self._grain, self._rng(_FRAME_STREAM, index))
        return self._scene.render(t_s - self._start_s, grain)

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, stream, number))


def skewed_mix(rng: np.random.Generator) -> Float64:
    """Draw a class mix (10,) in which two or three digits make up 85 %."""
    favourites = rng.choice(10, size=int(rng.integers(2, 4)), replace=False)
    mix = np.full(10, 0.15 / (10 - len(favourites)))
    mix[favourites] = 0.85 * rng.dirichlet(np.full(len(favourites), 4.0))
    return mix


def even_mix(rng: np.random.Generator) -> Float64:  # noqa: ARG001
    """Return the class mix (10,) in which all digits are equally likely."""
    return np.full(10, 0.1)


def draw_scene(rng: np.random.Generator, number: int, images: DigitImages, mix: Float64) -> DigitScene:
    """Draw a scene with a given class mix."""
    duration_s = float(rng.uniform(6.0, 14.0))
    backdrop = draw_backdrop(rng)
    tracks = draw_tracks(rng, images, mix, duration_s)
    return DigitScene(
        number=number,
        duration_s=duration_s,
        mix=mix,
        backdrop=backdrop,
        tracks=tracks,
        sprites=tuple(_sprite(rng, images, t, backdrop.brightness) for t in tracks),
        digits=tuple(int(images.digits[t.image]) for t in tracks),
    )


def draw_tracks(
    rng: np.random.Generator, images: DigitImages, mix: Float64, duration_s: float
) -> tuple[DigitTrack, ...]:
    """Draw tracks that never touch each other, with one to MOST_DIGITS inside at most times."""
    times_s = np.arange(0.0, duration_s + _STEP_S, _STEP_S)
    wanted = float(rng.uniform(1.5, MOST_DIGITS - 0.5))
    inside = np.zeros(len(times_s), np.int64)
    tracks: list[DigitTrack] = []
    for _ in range(_ATTEMPTS):
        if inside.mean() >= wanted:
            break
        emptiest = rng.choice(np.flatnonzero(inside == inside.min()))
        image = _draw_image(rng, images, mix)
        track = draw_track(rng, image, float(times_s[emptiest]), FRAME_WIDTH, FRAME_HEIGHT)
        now_inside = inside + _inside(track, times_s)
        if now_inside.max() <= MOST_DIGITS and not any(_touch(track, t, times_s) for t in tracks):
            tracks.append(track)
            inside = now_inside
    return tuple(tracks)


def _draw_image(rng: np.random.Generator, images: DigitImages, mix: Float64) -> int:
    digit = rng.choice(10, p=mix)
    return int(rng.choice(np.flatnonzero(images.digits == digit)))


def _inside(track: DigitTrack, times_s: Float64) -> npt.NDArray[np.bool_]:
    centres = track.centres(times_s)
    return np.asarray(((centres >= 0) & (centres < (FRAME_WIDTH, FRAME_HEIGHT))).all(axis=1))


def _touch(a: DigitTrack, b: DigitTrack, times_s: Float64) -> bool:
    apart = np.hypot(*(a.centres(times_s) - b.centres(times_s)).T)
    return bool(apart.min() < a.radius_px + b.radius_px)


def _sprite(
    rng: np.random.Generator, images: DigitImages, track: DigitTrack, brightness: float
) -> DigitSprite:
    tint = rng.uniform(-18.0, 18.0, 3)
    colour = np.clip(brightness + track.contrast + tint - tint.mean(), 0.0, 255.0).astype(np.float32)
    return digit_sprite(images.strokes[track.image], track.threshold, colour)
