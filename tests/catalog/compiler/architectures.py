"""Architectures as users write them: one that works and several that do not."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable

import torch
from torch import Tensor, nn


class Pixels(nn.Module):
    """uint8 (N, S, S, 3) -> float32 (N, 12): means over the quarters of a window."""

    def forward(self, x: Tensor) -> Tensor:
        planes = x.permute(0, 3, 1, 2).float() / 255.0
        return nn.functional.avg_pool2d(planes, planes.shape[-1] // 2).flatten(1)


class InTraining(nn.Module):
    """Hands features on; once it is trained, something goes wrong first."""

    def __init__(self, wrong: Callable[[], float]) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale * (self.wrong() if self.training else 1.0)


class Glaring(nn.Module):
    """Gives features that are numbers, but larger than stored features can be."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 1e6


class Scripted(nn.Module):
    """Decides by values, which the exporter cannot express."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2.0 if float(x.sum()) > 0.0 else x


class Flattened(nn.Module):
    """Calls view on maps that a permutation alone made of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=4)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x.permute(0, 3, 1, 2).float() / 255.0)
        return maps.view(maps.size(0), -1)


def fixed(size_px: int) -> list[nn.Module]:
    """A small perceptron, of one size only."""
    return [Pixels(), nn.Sequential(nn.Linear(12, 8), nn.ReLU())]


def permuted(size_px: int) -> list[nn.Module]:
    """Permutes pixels without a call of contiguous."""
    return [Flattened(), nn.ReLU()]


def scripted(size_px: int) -> list[nn.Module]:
    """It can be trained, but not exported."""
    return [Pixels(), Scripted()]


def maps(size_px: int) -> list[nn.Module]:
    """Gives maps, where vectors are needed."""
    return [Pixels(), nn.Unflatten(1, (3, 2, 2))]


def diverging(size_px: int) -> list[nn.Module]:
    """Its loss is never a number."""
    return [Pixels(), InTraining(lambda: float("nan"))]


def glaring(size_px: int) -> list[nn.Module]:
    """It can be trained, but what it gives cannot be stored."""
    return [Pixels(), Glaring()]


def disk_full(size_px: int) -> list[nn.Module]:
    """Works, but once it is trained its process cannot write more than a few bytes into a file."""
    return [*fixed(size_px), InTraining(_fill_disk)]


def mistaken(size_px: int) -> list[nn.Module]:
    """Raises an error of its own once it is trained."""
    return [Pixels(), InTraining(_slip)]


def deadly(size_px: int) -> list[nn.Module]:
    """Takes its process with it once it is trained."""
    return [Pixels(), InTraining(_die)]


def stillborn(size_px: int) -> list[nn.Module]:
    """Raises an error of its own."""
    raise ZeroDivisionError("a slip of the author")


def fatal(size_px: int) -> list[nn.Module]:
    """Takes its process with it."""
    _die()
    return []


def _fill_disk() -> float:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    return 1.0


def _slip() -> float:
    raise ZeroDivisionError("a slip of the author")


def _die() -> float:
    os.kill(os.getpid(), signal.SIGKILL)
    return 1.0
