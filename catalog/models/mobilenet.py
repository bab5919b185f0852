"""Inverted residuals for small windows: Sandler et al., MobileNetV2, CVPR 2018, section 3.

A block widens its maps by a 1x1 convolution, filters each channel for itself, and narrows them again
without an activation; where shapes allow, its input is added. The table of stages is that of the paper
(table 2), shortened for windows of 32 to 112 px.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from catalog.models.convolutions import (
    MeanOverPositions,
    normalised_convolution,
    scaled_channels,
    scaled_count,
    stem_stride,
)

# (channels, blocks, stride) at full width and depth.
STAGES = ((16, 1, 1), (24, 2, 2), (40, 3, 2), (80, 3, 2))
STEM_CHANNELS = 16
FEATURES = 256
EXPANSION = 4
_HALVED_STEM = 2


class InvertedResidual(nn.Module):
    """Widen, filter, narrow: (N, I, H, W) -> (N, O, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.widen = normalised_convolution(inputs, wide, 1, activation=nn.ReLU6)
        self.filter = normalised_convolution(wide, wide, 3, stride, groups=wide, activation=nn.ReLU6)
        self.narrow = normalised_convolution(wide, outputs, 1, activation=nn.Identity)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's maps."""
        y: Tensor = self.narrow(self.filter(self.widen(x)))
        return x + y if self.adds else y


class MobileNet(nn.Module):
    """Normalised planes (N, P, S, S) -> logits (N, C)."""

    def __init__(self, stem: nn.Module, stages: list[nn.Module], last: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.last = last
        self.head = head

    def trunk_parts(self) -> list[nn.Module]:
        """Return what comes before the linear layer: stem and two stages, then stage by stage."""
        first = nn.Sequential(self.stem, *self.stages[:2])
        last = nn.Sequential(self.stages[-1], self.last, MeanOverPositions())
        return [first, *self.stages[2:-1], last]

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch."""
        for part in self.trunk_parts():
            x = part(x)
        logits: Tensor = self.head(x)
        return logits


def mobilenet(
    size_px: int,
    classes: int,
    width: float = 1.0,
    depth: float = 1.0,
    first_width: float | None = None,
    expansion: int = EXPANSION,
    planes: int = 3,
    full_size_px: int | None = None,
) -> MobileNet:
    """Build a network of inverted residuals with fresh weights.

    Args:
        size_px: side of its windows; larger ones are reduced by the stem.
        classes: of its linear layer.
        width: share of its channels.
        depth: share of its blocks.
        first_width: share of the channels of stem and first two stages, where that differs from width.
        expansion: how much a block widens its maps.
        planes: of its input.
        full_size_px: side of the windows at its full resolution; None for size_px.
    """
    first = width if first_width is None else first_width
    shares = [first, first, *[width] * (len(STAGES) - 2)]
    channels = [scaled_channels(STEM_CHANNELS, first)]
    channels += [scaled_channels(c, share) for (c, _, _), share in zip(STAGES, shares, strict=True)]
    stages = [
        _stage(a, b, scaled_count(blocks, depth), stride, expansion)
        for (a, b), (_, blocks, stride) in zip(pairwise(channels), STAGES, strict=True)
    ]
    features = scaled_channels(FEATURES, width)
    last = normalised_convolution(channels[-1], features, 1, activation=nn.ReLU6)
    stem = _stem(planes, channels[0], stem_stride(size_px, full_size_px))
    return MobileNet(stem, stages, last, nn.Linear(features, classes))


def _stem(planes: int, channels: int, stride: int) -> nn.Module:
    first = normalised_convolution(planes, channels, 3, min(stride, _HALVED_STEM), activation=nn.ReLU6)
    return nn.Sequential(first, nn.MaxPool2d(2)) if stride > _HALVED_STEM else first


def _stage(inputs: int, outputs: int, blocks: int, stride: int, expansion: int) -> nn.Module:
    first = InvertedResidual(inputs, outputs, stride, expansion)
    return nn.Sequential(
        first, *(InvertedResidual(outputs, outputs, 1, expansion) for _ in range(blocks - 1))
    )
