from __future__ import annotations

import pytest
import torch
from torch import nn

from catalog.training.convnet import CHANNELS, channels_of, convnet, stages_of


@pytest.mark.parametrize("size_px", [8, 16, 32, 64])
@pytest.mark.parametrize(("width", "depth"), [(1.0, 1.0), (0.5, 0.67), (0.25, 0.33)])
def test_parts_fit_together_at_every_size(size_px: int, width: float, depth: float) -> None:
    x = torch.zeros((2, size_px, size_px, 3), dtype=torch.uint8)
    for part in convnet(size_px, width, depth):
        x = part.eval()(x)
    assert x.ndim == 2
    assert x.dtype == torch.float32


@pytest.mark.parametrize(("size_px", "full_size_px"), [(16, None), (32, None), (64, None), (32, 64)])
def test_a_halving_stem_saves_a_convolution_and_gives_maps_of_the_same_shape(
    size_px: int, full_size_px: int | None
) -> None:
    x = torch.zeros((2, size_px, size_px, 3), dtype=torch.uint8)
    usual, halving = (
        convnet(size_px, full_size_px=full_size_px, halving_stem=halving) for halving in (False, True)
    )
    maps, fewer = (parts[0].eval()(x) for parts in (usual, halving))
    assert maps.shape == fewer.shape
    assert _convolutions(halving) == _convolutions(usual) - 1
    assert halving[1].eval()(fewer).shape == usual[1].eval()(maps).shape


def _convolutions(parts: list[nn.Module]) -> int:
    return sum(isinstance(m, nn.Conv2d) for part in parts for m in part.modules())


def test_the_first_part_depends_on_its_own_width_alone() -> None:
    wide, narrow = convnet(16), convnet(16, width=0.25, depth=0.33, first_width=1.0)
    shapes = [[tuple(p.shape) for p in parts[0].parameters()] for parts in (wide, narrow)]
    assert shapes[0] == shapes[1]


def test_shares_become_channels_and_stages() -> None:
    assert channels_of(1.0) == CHANNELS
    assert channels_of(0.01) == 4
    assert [stages_of(d) for d in (1.0, 0.67, 0.33, 0.01)] == [3, 2, 1, 1]
