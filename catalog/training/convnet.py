"""The built-in family of trunks: small plain convolutional networks, cut into two parts.

First part: uint8 (N, S, S, 3) -> normalised float32 -> stem -> one stage.
Second part: the other stages -> mean over positions -> (N, D).

A stage halves the resolution and doubles the channels, unless they are given. Plain convolutions with batch
normalisation fold into one operator each, which is what runs fast one window at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from catalog.errors import BadInput

CHANNELS = 20
STAGES = 3
_STEP = 4
_LANES = 16
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
    channels: Sequence[int] | None = None,
) -> list[nn.Module]:
    """Build the parts of one trunk with fresh weights.

    Args:
        size_px: side S of its windows.
        width: share of the family's channels.
        depth: share of the family's stages.
        first_width: share of the family's channels in the first part, where it differs from width.
        full_size_px: side of the windows at its full resolution; None for size_px.
        channels: of the family's stem and of each of its stages, at full width; None for a stem of 20 and
            three stages, each of twice as many.

    Raises:
        BadInput: channels of no stage, or one that is not positive.
    """
    if channels is not None and (len(channels) < 2 or min(channels) < 1):
        raise BadInput(f"channels = {list(channels)}: expected those of the stem and of at least one stage")
    first = channels_of(width if first_width is None else first_width, channels)
    later = channels_of(width, channels)
    outputs = [first[1], *later[2 : 1 + stages_of(depth, channels)]]
    stem = _convolution(3, first[0], _stem_stride(size_px, full_size_px or size_px))
    head_stages = [_stage(a, b) for a, b in pairwise(outputs)] or [_convolution(outputs[0], later[1], 1)]
    return [
        nn.Sequential(Normalise(), stem, _stage(first[0], outputs[0])),
        nn.Sequential(*head_stages, MeanOverPositions()),
    ]


def _stem_stride(size_px: int, full_size_px: int) -> int:
    """Return that of the full resolution, so that a lower one saves what its pixels cost."""
    return 1 if full_size_px <= _LARGEST_FULL_STEM_PX or size_px < _SMALLEST_HALVED_PX else 2


def channels_of(width: float, channels: Sequence[int] | None = None) -> list[int]:
    """Return the channels of the stem and of each stage at a share of the family's width.

    They are multiples of 4; of 16, as many as kernels work on at a time, where those of the full width are.
    """
    if channels is None:
        stem = max(_STEP, _STEP * round(CHANNELS * width / _STEP))
        return [stem * 2**stage for stage in range(1 + STAGES)]
    step = _LANES if all(c % _LANES == 0 for c in channels) else _STEP
    return [max(step, step * round(c * width / step)) for c in channels]


def stages_of(depth: float, channels: Sequence[int] | None = None) -> int:
    """Return the number of stages at a share of the family's depth."""
    stages = STAGES if channels is None else len(channels) - 1
    return max(1, round(stages * depth))


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _stage(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(_convolution(inputs, outputs, 2), _convolution(outputs, outputs, 1))
