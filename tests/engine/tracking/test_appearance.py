"""Looks: the same thing looks alike when its box lies a little off, another thing does not."""

from __future__ import annotations

import numpy as np
import pytest

from engine.frames import UInt8
from engine.tracking.appearance import distance, look_of


def painted(*shades: tuple[int, int, int]) -> UInt8:
    """A grey picture with patches of 40 x 40 pixels, 80 apart."""
    pixels = np.full((120, 80 * len(shades) + 40, 3), 128, np.uint8)
    for i, shade in enumerate(shades):
        pixels[40:80, 40 + 80 * i : 80 + 80 * i] = shade
    return pixels


def test_a_box_that_lies_a_little_off_looks_the_same() -> None:
    pixels = painted((200, 40, 40))
    assert distance(look_of(pixels, (40, 40, 40, 40)), look_of(pixels, (42, 39, 41, 40))) < 0.1


def test_things_of_other_colours_look_different() -> None:
    pixels = painted((200, 40, 40), (40, 40, 200))
    assert distance(look_of(pixels, (40, 40, 40, 40)), look_of(pixels, (120, 40, 40, 40))) > 0.4


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (199, 119, 1, 1), (0, 0, 200, 120), (0, 60, 200, 1)])
def test_every_box_in_the_frame_has_a_look_of_length_one(box: tuple[int, int, int, int]) -> None:
    look = look_of(painted((9, 9, 9), (250, 250, 250)), box)
    assert float(look @ look) == pytest.approx(1.0, abs=1e-5)
    assert distance(look, look) == pytest.approx(0.0, abs=1e-5)
