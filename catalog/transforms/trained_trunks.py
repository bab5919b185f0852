"""Recipes that train a trunk: whole, or only what follows another trunk's first part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from catalog.errors import BadInput
from catalog.transforms.recipe import Bench

if TYPE_CHECKING:
    from torch import Tensor, nn

    from catalog.training.trunk_training import FrozenParts


@dataclass(frozen=True, slots=True)
class TrainTrunk:
    """Train every part from fresh weights.

    Args:
        arch: "convnet" or "package.module:factory".
        width: share of the family's channels.
        depth: share of the family's layers.
    """

    arch: str
    width: float = 1.0
    depth: float = 1.0

    @property
    def shares(self) -> dict[str, float]:
        """What the factory is called with, besides the windows' side."""
        return _less_than_full(width=self.width, depth=self.depth)

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the trained parts; see Recipe."""
        import torch

        parts = _fresh_parts(self.arch, bench, self.shares)
        full = self.width == 1.0 and self.depth == 1.0
        epochs = bench.effort.epochs if full else bench.effort.scaled_epochs
        return _trained(parts, torch.from_numpy(_noise_windows(bench)), bench, epochs, None)


@dataclass(frozen=True, slots=True)
class TrainOnFirstPart:
    """Train what follows another trunk's first part, which is shared and stays as it is.

    Args:
        first_width: share of the family's channels in the shared first part.
        of: name of the trunk that it comes from.
    """

    arch: str
    width: float
    depth: float
    first_width: float
    of: str

    @property
    def shares(self) -> dict[str, float]:
        """What the factory is called with, besides the windows' side."""
        return {**_less_than_full(width=self.width, depth=self.depth), "first_width": self.first_width}

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the shared first part and the trained others; see Recipe."""
        import torch

        from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
        from catalog.backends.part_chain import PartChain

        shared = bench.starting(self.of).parts[0]
        frozen = PartChain(OnnxruntimeBackend(threads=1), [shared])
        later = _fresh_parts(self.arch, bench, self.shares)[1:]
        if not later:
            raise BadInput(f"arch {self.arch!r}: one part only: nothing can follow a shared first part")
        example = torch.from_numpy(frozen(_noise_windows(bench)))
        trained = _trained(later, example, bench, bench.effort.epochs, frozen)
        return (shared.read_bytes(), *trained)


def _less_than_full(**shares: float) -> dict[str, float]:
    """Leave out full shares, so that a factory without a size to choose is called without one."""
    return {name: share for name, share in shares.items() if share != 1.0}


def _fresh_parts(arch: str, bench: Bench, shares: dict[str, float]) -> list[nn.Module]:
    from catalog.training.architectures import find_factory
    from catalog.training.trunk_training import make_deterministic

    factory = find_factory(arch, shares)
    make_deterministic(bench.seed)
    return list(factory(bench.size_px, **shares))


def _noise_windows(bench: Bench) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Two windows of noise: they give the shapes, and what is exported is compared on them."""
    side = bench.size_px
    return np.random.default_rng(bench.seed).integers(0, 256, (2, side, side, 3), dtype=np.uint8)


def _trained(
    parts: Sequence[nn.Module], example: Tensor, bench: Bench, epochs: int, frozen: FrozenParts | None
) -> tuple[bytes, ...]:
    import torch

    from catalog.canonical import canonical_bytes
    from catalog.training.export import export_parts
    from catalog.training.schedule import Schedule
    from catalog.training.trunk_training import train_parts

    with torch.no_grad():
        features = example
        for part in parts:
            features = part(features)
    if features.ndim != 2 or features.dtype != torch.float32:
        raise BadInput(
            f"the last part gives {tuple(features.shape)} {features.dtype}: expected (N, D) float32"
        )
    train_parts(
        parts,
        torch.nn.Linear(features.shape[1], bench.classes),
        bench.data,
        Schedule(epochs),
        np.random.default_rng(bench.seed),
        bench.report,
        frozen,
    )
    return tuple(canonical_bytes(model) for model in export_parts(parts, example))
