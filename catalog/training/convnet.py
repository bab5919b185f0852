"""The built-in family of trunks: small plain convolutional networks, cut into two parts.

First part: uint8 (N, S, S, 3) -> normalised float32 -> stem -> one stage.
Second part: the other stages -> mean over positions -> (N, D).

A stage halves the resolution and doubles the channels. Plain convolutions with batch normalisation
fold into one operator each, which is what runs fast one window at a time.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

CHANNELS = 20
STAGES = 3
_LARGEST_FULL_STEM_PX = 40
_SMALLEST_HALVED_PX = 24
_PIXEL_MEAN = 127.5
_PIXEL_SCALE = 63.75


class Normalise(nn.Module):
    """uint8 pixels (N, S, S, 3) -> float32 (N, 3, S, S), about zero mean and unit spread."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the planes of a batch."""
        planes = pixels.permute(0, 3, 1, 2).float()  # (N, 3, S, S)
        return (planes - _PIXEL_MEAN) * (1.0 / _PIXEL_SCALE)


class MeanOverPositions(nn.Module):
    """(N, D, H, W) -> (N, D)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return one vector for each window."""
        return maps.mean((2, 3))


def convnet(
    size_px: int,
    width: float = 1.0,
    depth: float = 1.0,
    first_width: float | None = None,
    full_size_px: int | None = None,
) -> list[nn.Module]:
    """Build the parts of one trunk with fresh weights.

    Args:
        size_px: side S of its windows.
        width: share of the family's channels.
        depth: share of the family's stages.
        first_width: share of the family's channels in the first part, where it differs from width.
        full_size_px: side of the windows at its full resolution; None for size_px.
    """
    first = channels_of(width if first_width is None else first_width)
    later = channels_of(width)
    stages = stages_of(depth)
    outputs = [2 * first, *(later * 2**s for s in range(2, stages + 1))]
    stem = _convolution(3, first, _stem_stride(size_px, full_size_px or size_px))
    head_stages = [_stage(a, b) for a, b in pairwise(outputs)] or [_convolution(outputs[0], 2 * later, 1)]
    return [
        nn.Sequential(Normalise(), stem, _stage(first, outputs[0])),
        nn.Sequential(*head_stages, MeanOverPositions()),
    ]


def _stem_stride(size_px: int, full_size_px: int) -> int:
    """Return that of the full resolution, so that a lower one saves what its pixels cost."""
    return 1 if full_size_px <= _LARGEST_FULL_STEM_PX or size_px < _SMALLEST_HALVED_PX else 2


def channels_of(width: float) -> int:
    """Return the stem's channels for a share of the family's width, a multiple of 4."""
    return max(4, 4 * round(CHANNELS * width / 4))


def stages_of(depth: float) -> int:
    """Return the number of stages for a share of the family's depth."""
    return max(1, round(STAGES * depth))


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _stage(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(_convolution(inputs, outputs, 2), _convolution(outputs, outputs, 1))
