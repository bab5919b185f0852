"""MobileFaceNet (Chen et al., CCBR 2018, table 1) with a linear layer, for weights that were published.

Names of layers are those of the published state dict, so that it loads as it is. It was trained on
crops of 112 x 96; windows of 112 x 112 lose 8 columns on either side.
"""

from __future__ import annotations

from torch import Tensor, nn

_FEATURES = 128
_CROPPED = 14  # of so many columns one goes on either side
_REDUCTION = 16  # by four strides of 2
_GLOBAL = (7, 6)  # positions that are left of 112 x 96 after four strides of 2
# (expansion, channels, blocks, stride of the first) of table 1.
_BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


class _Layer(nn.Module):
    """Convolution, normalisation and, unless it is linear, PReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = nn.Identity() if linear else nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.prelu(self.bn(self.conv(x)))
        return y


class _Bottleneck(nn.Module):
    """Widen, filter each channel for itself, narrow; added to its input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.adds = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


class MobileFaceNet(nn.Module):
    """Normalised planes (N, 3, S, S) -> logits (N, C) by way of 128 features.

    Args:
        classes: of the linear layer.
        positions: rows and columns that the last depthwise layer weighs, each by itself.
    """

    def __init__(self, classes: int, positions: tuple[int, int] = _GLOBAL) -> None:
        super().__init__()
        self.conv1 = _Layer(3, 64, 3, stride=2, padding=1)
        self.dw_conv1 = _Layer(64, 64, 3, padding=1, groups=64)
        blocks: list[nn.Module] = []
        inputs = 64
        for expansion, channels, count, stride in _BOTTLENECKS:
            for number in range(count):
                blocks.append(_Bottleneck(inputs, channels, stride if number == 0 else 1, expansion))
                inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = _Layer(inputs, 512, 1)
        self.linear7 = _Layer(512, 512, positions, groups=512, linear=True)
        self.linear1 = _Layer(512, _FEATURES, 1, linear=True)
        self.head = nn.Linear(_FEATURES, classes)

    def forward(self, planes: Tensor) -> Tensor:
        """Return logits."""
        crop_px = round(int(planes.shape[3]) / _CROPPED)
        x = planes[:, :, :, crop_px:-crop_px]
        x = self.blocks(self.dw_conv1(self.conv1(x)))
        x = self.linear1(self.linear7(self.conv2(x)))
        y: Tensor = self.head(x.flatten(1))
        return y


def mobilefacenet(classes: int, size_px: int = 112) -> MobileFaceNet:
    """Build it with fresh weights for a number of classes and windows of some side."""
    columns = size_px - 2 * round(size_px / _CROPPED)
    return MobileFaceNet(classes, (-(-size_px // _REDUCTION), -(-columns // _REDUCTION)))
