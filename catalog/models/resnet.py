"""Residual networks for small windows: He et al., Deep Residual Learning, CVPR 2016, section 4.2.

6n + 2 layers: a stem, three stages of n basic blocks, a linear layer. Shortcuts have no weights
(option A of section 4.2): every other position, and zeros in the new channels. Modules have the names
that published weights of this network use.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from catalog.models.convolutions import MeanOverPositions, scaled_channels, scaled_count, stem_stride

BLOCKS = 3
CHANNELS = 16


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut: (N, I, H, W) -> (N, O, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.added = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's maps."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + self._shortcut(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = functional.avg_pool2d(x, 1, self.stride)  # every other position, in an operator all have
        if self.added > 0:
            before = self.added // 2
            return functional.pad(x, (0, 0, 0, 0, before, self.added - before))
        return x[:, : x.shape[1] + self.added] if self.added < 0 else x


class ResNet(nn.Module):
    """Normalised planes (N, P, S, S) -> logits (N, C)."""

    def __init__(
        self, planes: int, channels: tuple[int, int, int], blocks: int, stride: int, classes: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(planes, channels[0], 3, min(stride, 2), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.halving = nn.MaxPool2d(2) if stride > 2 else nn.Identity()
        self.layer1 = _stage(channels[0], channels[0], blocks, 1)
        self.layer2 = _stage(channels[0], channels[1], blocks, 2)
        self.layer3 = _stage(channels[1], channels[2], blocks, 2)
        self.linear = nn.Linear(channels[2], classes)

    def trunk_parts(self) -> list[nn.Module]:
        """Return what comes before the linear layer, cut after each stage."""
        first = nn.Sequential(self.conv1, self.bn1, nn.ReLU(), self.halving, self.layer1)
        return [first, self.layer2, nn.Sequential(self.layer3, MeanOverPositions())]

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch."""
        for part in self.trunk_parts():
            x = part(x)
        logits: Tensor = self.linear(x)
        return logits


def resnet(
    size_px: int,
    classes: int,
    width: float = 1.0,
    depth: float = 1.0,
    first_width: float | None = None,
    blocks: int = BLOCKS,
    channels: int = CHANNELS,
    planes: int = 3,
    full_size_px: int | None = None,
) -> ResNet:
    """Build a residual network with fresh weights.

    Args:
        size_px: side of its windows; larger ones are reduced by the stem.
        classes: of its linear layer.
        width: share of its channels.
        depth: share of its blocks.
        first_width: share of the channels of stem and first stage, where that differs from width.
        blocks: n of 6n + 2 layers at full depth: 3 is ResNet-20, 9 ResNet-56.
        channels: of the stem at full width.
        planes: of its input.
        full_size_px: side of the windows at its full resolution; None for size_px.
    """
    widths = (
        scaled_channels(channels, width if first_width is None else first_width),
        scaled_channels(2 * channels, width),
        scaled_channels(4 * channels, width),
    )
    return ResNet(planes, widths, scaled_count(blocks, depth), stem_stride(size_px, full_size_px), classes)


def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(inputs, outputs, stride)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1)))
