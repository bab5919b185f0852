"""A scene: for some seconds one backdrop, and a few digits that enter, move and leave."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import FRAME_HEIGHT, FRAME_WIDTH, Backdrop, draw_backdrop
from catalog.digits.digit_images import DigitImages
from catalog.digits.digit_sprite import Box, DigitSprite, blend, draw_sprite
from catalog.digits.digit_track import Crowd, DigitTrack, draw_tracks

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

_TRACKS_A_SCENE = 1000  # more than there ever are


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
        backdrop: what is behind.
        tracks: the digits' ways.
        sprites: what goes there, one a track.
    """

    number: int
    duration_s: float
    backdrop: Backdrop
    tracks: tuple[DigitTrack, ...]
    sprites: tuple[DigitSprite, ...]

    def render(self, t_s: float, grain: Float32) -> RenderedFrame:
        """Render the frame at a time since the scene's start."""
        canvas = self.backdrop.surface(t_s)
        seen = []
        for i, (track, sprite) in enumerate(zip(self.tracks, self.sprites, strict=True)):
            box = blend(canvas, sprite, track.pose(t_s))
            if box is not None and not cut_off(box):
                seen.append(SeenDigit(box, sprite.digit, self.number * _TRACKS_A_SCENE + i))
        return RenderedFrame(self.backdrop.exposed(canvas, t_s, grain), tuple(seen))

    def with_other_digits(self, rng: np.random.Generator, images: DigitImages, mix: Float64) -> DigitScene:
        """Return the same ways before the same backdrop with digits drawn anew."""
        sprites = (draw_sprite(rng, images, mix, self.backdrop.brightness) for _ in self.tracks)
        return replace(self, sprites=tuple(sprites))


def draw_scene(
    rng: np.random.Generator, number: int, duration_s: float, crowd: Crowd, images: DigitImages, mix: Float64
) -> DigitScene:
    """Draw a scene with a given class mix (10,)."""
    backdrop, tracks = draw_backdrop(rng), draw_tracks(rng, crowd, duration_s)
    return DigitScene(number, duration_s, backdrop, tracks, ()).with_other_digits(rng, images, mix)


def cut_off(box: Box) -> bool:
    """Whether a box touches the frame's border."""
    x, y, w, h = box
    return x == 0 or y == 0 or x + w == FRAME_WIDTH or y + h == FRAME_HEIGHT
