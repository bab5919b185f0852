from __future__ import annotations

import pytest
import torch

from catalog.errors import BadInput
from catalog.training.convnet import CHANNELS, channels_of, convnet, stages_of


@pytest.mark.parametrize("size_px", [8, 16, 32, 64])
@pytest.mark.parametrize(("width", "depth"), [(1.0, 1.0), (0.5, 0.67), (0.25, 0.33)])
def test_parts_fit_together_at_every_size(size_px: int, width: float, depth: float) -> None:
    x = torch.zeros((2, size_px, size_px, 3), dtype=torch.uint8)
    for part in convnet(size_px, width, depth):
        x = part.eval()(x)
    assert x.ndim == 2
    assert x.dtype == torch.float32


def test_the_first_part_depends_on_its_own_width_alone() -> None:
    wide, narrow = convnet(16), convnet(16, width=0.25, depth=0.33, first_width=1.0)
    shapes = [[tuple(p.shape) for p in parts[0].parameters()] for parts in (wide, narrow)]
    assert shapes[0] == shapes[1]


def test_shares_become_channels_and_stages() -> None:
    assert channels_of(1.0) == [CHANNELS, 2 * CHANNELS, 4 * CHANNELS, 8 * CHANNELS]
    assert channels_of(0.5) == [8, 16, 32, 64]
    assert channels_of(0.01) == [4, 8, 16, 32]
    assert [stages_of(d) for d in (1.0, 0.67, 0.33, 0.01)] == [3, 2, 1, 1]


def test_channels_may_be_given_and_stay_multiples_of_sixteen_where_they_are() -> None:
    given = (16, 48, 64, 128)
    x = torch.zeros((2, 32, 32, 3), dtype=torch.uint8)
    assert [channels_of(w, given) for w in (1.0, 0.6, 0.01)] == [
        [16, 48, 64, 128],
        [16, 32, 32, 80],
        [16, 16, 16, 16],
    ]
    assert channels_of(0.5, (12, 20)) == [8, 8]
    assert [stages_of(d, given) for d in (1.0, 0.67, 0.01)] == [3, 2, 1]
    for width, depth, features in ((1.0, 1.0, 128), (0.6, 1.0, 80), (1.0, 0.67, 64), (1.0, 0.3, 48)):
        maps = x
        for part in convnet(32, width, depth, channels=given):
            maps = part.eval()(maps)
        assert maps.shape == (2, features)


@pytest.mark.parametrize("channels", [(), (16,), (16, 0), (16, -4, 8)])
def test_channels_of_no_stage_or_none_at_all_are_refused(channels: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="expected those of the stem and of at least one stage"):
        convnet(16, channels=channels)
