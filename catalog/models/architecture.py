"""What a task file says about a model, as values: which one, how it reads pixels, where it is cut."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog.errors import BadInput

Argument = int | float | bool | str | tuple[int, ...]


class Colour(StrEnum):
    """Planes that a model reads, made of RGB windows."""

    RGB = "rgb"
    BGR = "bgr"
    GREY = "grey"
    THREE_GREYS = "grey3"


@dataclass(frozen=True, slots=True)
class PixelScale:
    """How pixels p in 0..255 become what a model was trained on: (p / scale - mean) / std.

    Args:
        mean: one number, or one for each plane in the model's order, in units of p / scale.
        std: likewise; above 0.
        scale: what pixels are divided by; 1.0 where mean and std are given for 0..255.
        colour: which planes, in which order.

    Raises:
        BadInput: a count of numbers that does not fit the planes, or a std or scale that is not positive.
    """

    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    scale: float = 255.0
    colour: Colour = Colour.RGB

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, self.planes) or not all(math.isfinite(v) for v in values):
                raise BadInput(f"pixels.{name} = {list(values)}: expected 1 or {self.planes} numbers")
        if min(self.std) <= 0.0 or not (math.isfinite(self.scale) and self.scale > 0.0):
            raise BadInput(f"pixels.std = {list(self.std)}, scale = {self.scale}: expected positive numbers")

    def __str__(self) -> str:
        mean, std = (",".join(f"{v:g}" for v in values) for values in (self.mean, self.std))
        return f"pixels={self.colour.value} mean={mean} std={std} scale={self.scale:g}"

    @property
    def planes(self) -> int:
        """How many planes the model reads."""
        return 1 if self.colour is Colour.GREY else 3


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of trained weights, known by what it holds.

    Args:
        path: .safetensors, or a state dict saved by torch.
        sha256: of the file, so that a compile is not continued with other weights.
    """

    path: str
    sha256: str

    @classmethod
    def at(cls, path: Path) -> WeightsFile:
        """Hash a file.

        Raises:
            BadInput: it cannot be read.
        """
        try:
            with path.open("rb") as file:
                return cls(str(path), hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as e:
            raise BadInput(f"weights = {str(path)!r}: {e.strerror or e}") from e


@dataclass(frozen=True, slots=True)
class Architecture:
    """One model of a task file.

    Args:
        arch: name of a built-in family, or "package.module:factory".
        arguments: what else the factory is called with, by name.
        pixels: how a whole module reads pixels; None for the default, and for a factory that gives a
            list of parts, whose first reads uint8 and scales it itself.
        weights: trained weights to start from.
        cuts: names of modules after which the trunk is cut, in order; empty to have them found.
        head: name of the last linear layer; None to have it found.

    Raises:
        BadInput: a cut given twice.
    """

    arch: str = "convnet"
    arguments: tuple[tuple[str, Argument], ...] = ()
    pixels: PixelScale | None = None
    weights: WeightsFile | None = None
    cuts: tuple[str, ...] = ()
    head: str | None = None

    def __post_init__(self) -> None:
        if len(set(self.cuts)) != len(self.cuts):
            raise BadInput(f"parts = {list(self.cuts)}: one is given twice")

    def __str__(self) -> str:
        given = [f"{name}={value}" for name, value in self.arguments]
        return " ".join([self.arch, *given, *([] if self.pixels is None else [str(self.pixels)])])
