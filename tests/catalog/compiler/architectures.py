"""Architectures as users write them: one that works and several that do not."""

from __future__ import annotations

import os
import resource
import signal

import torch
from torch import Tensor, nn


class Pixels(nn.Module):
    """uint8 (N, S, S, 3) -> float32 (N, 12): means over the quarters of a window."""

    def forward(self, x: Tensor) -> Tensor:
        planes = x.permute(0, 3, 1, 2).float() / 255.0
        return nn.functional.avg_pool2d(planes, planes.shape[-1] // 2).flatten(1)


class Vanishing(nn.Module):
    """Gives features that are not numbers as soon as it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float("nan")))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def fixed(size_px: int) -> list[nn.Module]:
    """A small perceptron, of one size only."""
    return [Pixels(), nn.Sequential(nn.Linear(12, 8), nn.ReLU())]


def diverging(size_px: int) -> list[nn.Module]:
    """Its loss is never a number."""
    return [Pixels(), Vanishing()]


class Glaring(nn.Module):
    """Gives features that are numbers, but larger than stored features can be."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 1e6


def glaring(size_px: int) -> list[nn.Module]:
    """It can be trained, but what it gives cannot be stored."""
    return [Pixels(), Glaring()]


def disk_full(size_px: int) -> list[nn.Module]:
    """Works, but from here on its process cannot write more than a few bytes into a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    return fixed(size_px)


def mistaken(size_px: int) -> list[nn.Module]:
    """Raises an error of its own."""
    raise ZeroDivisionError("a slip of the author")


def deadly(size_px: int) -> list[nn.Module]:
    """Takes its process with it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return []
