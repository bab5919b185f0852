"""What the built-in families are built of: convolutions with batch normalisation, stems, the last mean."""

from __future__ import annotations

from torch import Tensor, nn

_LARGEST_FULL_STEM_PX = 48
_LARGEST_HALVED_STEM_PX = 96
_SMALLEST_AFTER_STEM_PX = 12
_MULTIPLE = 4


class MeanOverPositions(nn.Module):
    """(N, D, H, W) -> (N, D)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return one vector for each window."""
        return maps.mean((2, 3))


def scaled_channels(channels: int, share: float) -> int:
    """Return a share of a number of channels, as a multiple of 4 (what vector units fill), at least 4."""
    return max(_MULTIPLE, _MULTIPLE * round(channels * share / _MULTIPLE))


def scaled_count(count: int, share: float) -> int:
    """Return a share of a number of layers, at least one."""
    return max(1, round(count * share))


def stem_stride(size_px: int, full_size_px: int | None = None) -> int:
    """Return by how much a stem reduces a window, so that what follows reads about 24 to 48 px.

    A family's stem is that of its full resolution, so that a lower one saves what its pixels cost, as long
    as 12 px are left after it.

    Args:
        size_px: side of the windows.
        full_size_px: side of those that the family reads at its full resolution; None for the same.
    """
    full_px = size_px if full_size_px is None else full_size_px
    stride = 1 if full_px <= _LARGEST_FULL_STEM_PX else 2 if full_px <= _LARGEST_HALVED_STEM_PX else 4
    while stride > 1 and size_px < stride * _SMALLEST_AFTER_STEM_PX:
        stride //= 2
    return stride


def normalised_convolution(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Return a convolution that keeps the side up to its stride, with batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        activation(),
    )
