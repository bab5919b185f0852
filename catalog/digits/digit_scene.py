"""Scenes of moving digits, and the endless video that they make.

A scene lasts some seconds: one backdrop, a few digits that enter, move and leave, and a skewed
class mix; then comes the next with another mix. Everything follows from the seed: the frame at a
time is the same whichever frames were rendered before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH, Backdrop, draw_backdrop, draw_grain, grain_at
from catalog.digits.digit_images import DigitImages
from catalog.digits.digit_sprite import Box, DigitSprite, blend, digit_sprite
from catalog.digits.digit_track import DigitTrack, draw_track

Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
ClassMix = Callable[[np.random.Generator], Float64]

_STEP_S = 0.25
_ATTEMPTS = 40
_SPOTS = 6
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
        seen: the digits that are wholly inside the frame; one that is cut off is not asked about.
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
            box = blend(canvas, sprite, track.pose(t_s))
            if box is not None and not cut_off(box):
                seen.append(SeenDigit(box, digit, self.number * _TRACKS_PER_SCENE + i))
        return RenderedFrame(self.backdrop.exposed(canvas, t_s, grain), tuple(seen))


def skewed_mix(rng: np.random.Generator) -> Float64:
    """Draw a class mix (10,) in which two or three digits make up 85 %."""
    favourites = rng.choice(10, size=int(rng.integers(2, 4)), replace=False)
    mix = np.full(10, 0.15 / (10 - len(favourites)))
    mix[favourites] = 0.85 * rng.dirichlet(np.full(len(favourites), 4.0))
    return mix


def even_mix(_: np.random.Generator) -> Float64:
    """Return the class mix (10,) in which all digits are equally likely."""
    return np.full(10, 0.1)


class DigitVideo:
    """The endless video of one split and seed.

    Args:
        images: the digits that it shows.
        seed: two videos of the same seed and split are the same.
        mix: draws a scene's class mix.
        most_digits: in the frame at a time.
    """

    def __init__(
        self, images: DigitImages, seed: int, mix: ClassMix = skewed_mix, most_digits: int = 5
    ) -> None:
        self._images = images
        self._seed = seed
        self._mix = mix
        self._most_digits = most_digits
        self._grain = draw_grain(self._rng(_GRAIN_STREAM, 0))
        self._start_s = 0.0
        self._scene = self.scene(0)

    def scene(self, number: int) -> DigitScene:
        """Draw a scene by its number."""
        rng = self._rng(_SCENE_STREAM, number)
        return draw_scene(rng, number, self._images, self._mix(rng), self._most_digits)

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


def draw_scene(
    rng: np.random.Generator, number: int, images: DigitImages, mix: Float64, most_digits: int
) -> DigitScene:
    """Draw a scene with a given class mix (10,)."""
    duration_s = float(rng.uniform(6.0, 14.0))
    backdrop = draw_backdrop(rng)
    tracks = draw_tracks(rng, images, mix, most_digits, duration_s)
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
    rng: np.random.Generator, images: DigitImages, mix: Float64, most_digits: int, duration_s: float
) -> tuple[DigitTrack, ...]:
    """Draw tracks that never touch each other, with one to most_digits inside nearly always."""
    times_s = np.arange(0.0, duration_s + _STEP_S, _STEP_S)
    wanted = float(rng.uniform(0.3, 0.8)) * most_digits
    of_digit = [np.flatnonzero(images.digits == d) for d in range(10)]
    inside = np.zeros(len(times_s), np.int64)
    tracks: list[DigitTrack] = []
    ways = np.empty((0, len(times_s), 2))
    radii = np.empty(0)
    for _ in range(_ATTEMPTS):
        if inside.mean() >= wanted:
            break
        emptiest = rng.choice(np.flatnonzero(inside == inside.min()))
        image = int(rng.choice(of_digit[rng.choice(10, p=mix)]))
        track = draw_track(rng, image, float(times_s[emptiest]), _free_spot(rng, ways[:, emptiest]))
        way = track.centres(times_s)
        now_inside = inside + _inside(way, 0.0)
        if now_inside.max() <= most_digits and not _touches(way, track.radius_px, ways, radii):
            tracks.append(track)
            ways = np.concatenate((ways, way[np.newaxis]))
            radii = np.append(radii, track.radius_px)
            inside = now_inside
    return tuple(tracks)


def _free_spot(rng: np.random.Generator, taken: Float64) -> tuple[float, float]:
    """Draw a point of the frame far from what is there (N, 2): the best of a few."""
    spots = rng.uniform((0, 0), (FRAME_WIDTH, FRAME_HEIGHT), (_SPOTS, 2))
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


def cut_off(box: Box) -> bool:
    """Whether a box touches the frame's border."""
    x, y, w, h = box
    return x == 0 or y == 0 or x + w == FRAME_WIDTH or y + h == FRAME_HEIGHT


def _sprite(
    rng: np.random.Generator, images: DigitImages, track: DigitTrack, brightness: float
) -> DigitSprite:
    tint = rng.uniform(-18.0, 18.0, 3)
    colour = np.clip(brightness + track.contrast + tint - tint.mean(), 0.0, 255.0).astype(np.float32)
    return digit_sprite(images.strokes[track.image], track.threshold, colour)
