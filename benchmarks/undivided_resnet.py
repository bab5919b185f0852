"""A small residual network in one part: in front of a larger one, calls cost more than sharing saves."""

from __future__ import annotations

from torch import nn

from catalog.models.resnet import CHANNELS, ResNet


class UndividedResNet(ResNet):
    """ResNet whose stages are one part; modules have the same names."""

    def trunk_parts(self) -> list[nn.Module]:
        """Return what comes before the linear layer, in one piece."""
        return [nn.Sequential(*super().trunk_parts())]


def undivided_resnet(classes: int, blocks: int) -> UndividedResNet:
    """Build one for windows of 32 px with fresh weights.

    Args:
        classes: of its linear layer.
        blocks: a stage.
    """
    return UndividedResNet(3, (CHANNELS, 2 * CHANNELS, 4 * CHANNELS), blocks, 1, classes)
