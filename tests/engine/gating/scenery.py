"""Pictures of a made-up place with light, noise and things in it, all from one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from engine.frames import UInt8

Picture = npt.NDArray[np.float64]  # (240, 320, 3), 0 to 255

HEIGHT, WIDTH = 240, 320


@cache
def place(seed: int = 0) -> Picture:
    """Return soft shapes over the whole range of brightness; not to be written into."""
    dice = np.random.default_rng(seed).uniform(0.0, 255.0, (HEIGHT, WIDTH, 3))
    soft = cv2.GaussianBlur(dice, (0, 0), 12.0)
    return np.asarray((soft - soft.min()) / (soft.max() - soft.min()) * 200.0 + 25.0)


def with_thing(picture: Picture, x: int, y: int = 100, side: int = 24, shade: float = 0.25) -> Picture:
    """Return a place with something dark in it."""
    seen = picture.copy()
    seen[y : y + side, x : x + side] *= shade
    return seen


def filmed(shown: Callable[[int], Picture], frames: int, noise: float = 3.0) -> Iterator[UInt8]:
    """Film what is shown, with the noise of a sensor (standard deviation in grey levels)."""
    dice = np.random.default_rng(1)
    for i in range(frames):
        seen = shown(i)
        yield np.clip(seen + dice.normal(0.0, noise, seen.shape), 0.0, 255.0).astype(np.uint8)
