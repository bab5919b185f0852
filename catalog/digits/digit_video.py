"""The endless video that scenes make, each with another skewed class mix.

Everything follows from the seed: the frame at a time is the same whichever frames were rendered
before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.digits.backdrop import draw_grain, grain_at
from catalog.digits.digit_images import DigitImages
from catalog.digits.digit_scene import DigitScene, RenderedFrame, draw_scene
from catalog.digits.digit_track import Crowd

Float64 = npt.NDArray[np.float64]

MOST_DIGITS = 5
_MEAN_DIGITS = (2.0, 4.4)
_DURATION_S = (6.0, 14.0)
_FAVOURED_SHARE = 0.85
_GRAIN_STREAM, _SCENE_STREAM, _FRAME_STREAM = 0, 1, 2


def skewed_mix(rng: np.random.Generator) -> Float64:
    """Draw a class mix (10,) in which two or three digits dominate."""
    favourites = rng.choice(10, size=int(rng.integers(2, 4)), replace=False)
    mix = np.full(10, (1.0 - _FAVOURED_SHARE) / (10 - len(favourites)))
    mix[favourites] = _FAVOURED_SHARE * rng.dirichlet(np.full(len(favourites), 4.0))
    return mix


class DigitVideo:
    """The endless video of one split and seed.

    Args:
        images: the digits that it shows.
        seed: two videos of the same seed and split are the same.
    """

    def __init__(self, images: DigitImages, seed: int) -> None:
        self._images = images
        self._seed = seed
        self._grain = draw_grain(self._rng(_GRAIN_STREAM, 0))
        self._start_s = 0.0
        self._scene = self._draw(0)

    def render(self, index: int, t_s: float) -> RenderedFrame:
        """Render the frame at a time; index only chooses its noise. Going forward is fast."""
        if t_s < self._start_s:
            self._start_s, self._scene = 0.0, self._draw(0)
        while t_s >= self._start_s + self._scene.duration_s:
            self._start_s += self._scene.duration_s
            self._scene = self._draw(self._scene.number + 1)
        grain = grain_at(self._grain, self._rng(_FRAME_STREAM, index))
        return self._scene.render(t_s - self._start_s, grain)

    def _draw(self, number: int) -> DigitScene:
        rng = self._rng(_SCENE_STREAM, number)
        duration_s = float(rng.uniform(*_DURATION_S))
        crowd = Crowd(float(rng.uniform(*_MEAN_DIGITS)), MOST_DIGITS)
        return draw_scene(rng, number, duration_s, crowd, self._images, skewed_mix(rng))

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, stream, number))
