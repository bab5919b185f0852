"""MobileFaceNet that looks at half as many rows and columns, with the published weights.

A convolution runs at any resolution, and what it has learnt stays of use while faces are large enough. Only
the last, depthwise one has a weight for each position of the map before it: each is shared out among the
fewer positions that are left, by how much of it they cover, so that their sum stays.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.mobilefacenet import MobileFaceNet
from catalog.models.trained_weights import read_state

_SMALLER = 2
_POSITIONS = (4, 3)  # left of 56 x 48 after four strides of 2
_BY_POSITION = "linear7.conv.weight"


class SmallerMobileFaceNet(MobileFaceNet):
    """Normalised planes (N, 3, 112, 112) -> logits (N, C); they are averaged by twos first."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes, _POSITIONS)

    def forward(self, planes: Tensor) -> Tensor:
        """Return logits."""
        return super().forward(functional.avg_pool2d(planes, _SMALLER))


def smaller_mobilefacenet(classes: int) -> SmallerMobileFaceNet:
    """Build it with fresh weights for a number of classes."""
    return SmallerMobileFaceNet(classes)


def write_smaller_weights(published: Path, path: Path) -> None:
    """Write a file of weights for it, made of those of the published network.

    Raises:
        BadInput: there is no such file, or it holds something else.
    """
    from safetensors.torch import save_file

    state = read_state(published)
    kernel = state[_BY_POSITION]  # (512, 1, 7, 6)
    down, across = (_covers(new, old) for new, old in zip(_POSITIONS, kernel.shape[2:], strict=True))
    state[_BY_POSITION] = torch.einsum("yi,xj,coij->coyx", down, across, kernel)  # (512, 1, 4, 3)
    save_file({name: value.contiguous() for name, value in state.items()}, path)


def _covers(new: int, old: int) -> Tensor:
    """Return what share of each of so many old positions lies in each new one: (new, old)."""
    edges = torch.arange(new + 1) * (old / new)
    starts = torch.arange(old)
    ends = torch.minimum(edges[1:, None], starts + 1.0)
    return (ends - torch.maximum(edges[:-1, None], starts)).clamp(min=0.0)
