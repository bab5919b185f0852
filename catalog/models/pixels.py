"""The first operations of every model: from stored windows to the planes that it was trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from catalog.models.architecture import Colour, PixelScale

# Luma of ITU-R BT.601, section 2.5.1, the weights of every common conversion to grey.
_LUMA = (0.299, 0.587, 0.114)


class Planes(nn.Module):
    """uint8 windows (N, S, S, 3) RGB -> normalised float32 (N, C, S, S), C = 3 or 1."""

    mean: Tensor
    factor: Tensor
    luma: Tensor
    reversed_order: Tensor

    def __init__(self, pixels: PixelScale) -> None:
        super().__init__()
        self.colour = pixels.colour
        mean = torch.tensor(pixels.mean, dtype=torch.float64).reshape(-1, 1, 1) * pixels.scale
        factor = 1.0 / (torch.tensor(pixels.std, dtype=torch.float64).reshape(-1, 1, 1) * pixels.scale)
        self.register_buffer("mean", mean.float(), persistent=False)
        self.register_buffer("factor", factor.float(), persistent=False)
        self.register_buffer("luma", torch.tensor(_LUMA).reshape(3, 1, 1), persistent=False)
        self.register_buffer("reversed_order", torch.tensor([2, 1, 0]), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the planes of a batch, laid out plane by plane: a module may call view on what it makes."""
        if self.colour is Colour.BGR:
            pixels = pixels.index_select(3, self.reversed_order)
        planes = pixels.permute(0, 3, 1, 2).float().contiguous()  # (N, 3, S, S)
        if self.colour in (Colour.GREY, Colour.THREE_GREYS):
            planes = (planes * self.luma).sum(1, keepdim=True)  # (N, 1, S, S)
        if self.colour is Colour.THREE_GREYS:
            planes = torch.cat([planes] * 3, 1)  # (N, 3, S, S)
        return (planes - self.mean) * self.factor


class LaidOutByPlane(nn.Module):
    """uint8 windows (N, S, S, 3) -> the same, plane by plane in memory.

    Otherwise permute(0, 3, 1, 2) alone would leave maps with their channels last, on which view fails
    and of which the exporter loses track. It folds both permutations, so that nothing is left of them.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the windows."""
        return pixels.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
