from __future__ import annotations

import numpy as np
import pytest

from catalog.tasks import InputType
from cloud.messages import Picture
from cloud.pictures import png_picture, raw_picture
from cloud.preparing import windows_as_sent, windows_of
from cloud.trunk_forest import Tree

SIDE = 16
TREE, SMALLER = (Tree(InputType("digit", s), s) for s in (SIDE, SIDE // 2))


def noise(height: int = SIDE, width: int = SIDE) -> Picture:
    values = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return raw_picture(values)


@pytest.mark.parametrize("pictures", [[noise()], [noise(), raw_picture(np.ones((SIDE, SIDE, 3), np.uint8))]])
def test_windows_that_came_as_they_are_read_are_taken_as_they_are(pictures: list[Picture]) -> None:
    taken = windows_as_sent(pictures, [TREE, TREE])
    assert taken is not None
    np.testing.assert_array_equal(taken, windows_of(pictures, [TREE, TREE]))
    assert taken[0].shape == (len(pictures), SIDE, SIDE, 3)


@pytest.mark.parametrize(
    ("pictures", "trees"),
    [
        ([noise(), noise(SIDE, SIDE + 1)], [TREE]),
        ([noise(SIDE + 1, SIDE)], [TREE]),
        ([noise()], [TREE, SMALLER]),
        ([noise(), png_picture(np.zeros((SIDE, SIDE, 3), np.uint8))], [TREE]),
    ],
)
def test_others_are_to_be_decoded_or_resized(pictures: list[Picture], trees: list[Tree]) -> None:
    assert windows_as_sent(pictures, trees) is None
