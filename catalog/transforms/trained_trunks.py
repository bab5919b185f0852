"""Recipes that make a trunk in torch: trained whole, trained after another trunk's first part, or loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from catalog.errors import BadInput
from catalog.heads import HeadWeights
from catalog.models.architecture import Architecture
from catalog.training.schedule import Schedule
from catalog.transforms.recipe import Bench

if TYPE_CHECKING:
    from torch import Tensor

    from catalog.models.assembly import Assembled
    from catalog.training.pupil import FrozenParts

_REAL_WINDOWS = 6
_TUNING_RATE = 5e-4
_RESAMPLED_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class TrainTrunk:
    """Train every part from fresh weights.

    Args:
        arch: the family.
        width: share of the family's channels.
        depth: share of the family's layers.
        teacher: name of the trunk that it learns from; None for labels alone.
        full_size_px: side of the windows at the family's full resolution; None where it is this trunk's.
    """

    arch: Architecture
    width: float = 1.0
    depth: float = 1.0
    teacher: str | None = None
    full_size_px: int | None = None

    @property
    def shares(self) -> dict[str, float]:
        """What the factory is called with, besides the windows' side."""
        return _less_than_full(width=self.width, depth=self.depth)

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the trained parts; see Recipe."""
        model = _assembled(replace(self.arch, weights=None), bench, self.shares, self.full_size_px)
        full = self.width == 1.0 and self.depth == 1.0
        epochs = bench.effort.epochs if full else bench.effort.scaled_epochs
        _train(model, _example(bench), bench, Schedule(epochs), teacher=self.teacher)
        return _graphs(model, _example(bench))


@dataclass(frozen=True, slots=True)
class TrainOnFirstPart:
    """Train what follows another trunk's first part, which is shared and stays as it is.

    Args:
        first_width: share of the family's channels in the shared first part.
        of: name of the trunk that it comes from.
        teacher: name of the trunk that it learns from; None for labels alone.
        full_size_px: side of the windows at the family's full resolution; None where it is this trunk's.
    """

    arch: Architecture
    width: float
    depth: float
    first_width: float
    of: str
    teacher: str | None = None
    full_size_px: int | None = None

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
        model = _assembled(replace(self.arch, weights=None), bench, self.shares, self.full_size_px)
        if len(model.parts) < 2:
            raise BadInput(
                f"arch {self.arch.arch!r}: nothing follows its first part, which is to be shared: "
                "let it give a list of parts, or leave first_width out"
            )
        later = replace(model, parts=model.parts[1:])
        example = torch.from_numpy(frozen(_example(bench).numpy()))
        _train(later, example, bench, Schedule(bench.effort.epochs), frozen, self.teacher)
        return (shared.read_bytes(), *_graphs(later, example))


@dataclass(frozen=True, slots=True)
class LoadTrunk:
    """Take a trunk with the weights that its file holds, as it is or trained a little more.

    Args:
        arch: with weights.
        fine_tune: whether to train it further, together with a head for the leading task.
    """

    arch: Architecture
    fine_tune: bool = False

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the loaded parts; see Recipe."""
        model = _assembled(self.arch, bench, {})
        if self.fine_tune:
            _train(model, _example(bench), bench, Schedule(bench.effort.tuning_epochs, _TUNING_RATE))
        return _graphs(model, _example(bench))

    def brought_head(self, bench: Bench) -> HeadWeights | None:
        """Return the file's own head, not calibrated; None if it is for other classes or out of date."""
        head = None if self.fine_tune else _assembled(self.arch, bench, {}).head
        if head is None:
            return None
        weight = head.weight.detach().numpy()
        bias = dict(head.named_parameters()).get("bias")
        offsets = np.zeros(len(weight), np.float32) if bias is None else bias.detach().numpy()
        return HeadWeights(weight, offsets, 1.0)


@dataclass(frozen=True, slots=True)
class LoadResampled:
    """Take a trunk with the weights that its file holds to a lower resolution, and train it there.

    Filters see the same things at fewer pixels; those that are as large as the map they read are
    resampled with it, see load_state. It starts with the heads of the trunk at full resolution.

    Args:
        arch: with weights.
        full_size_px: side of the windows that the weights were made for.
        of: name of the trunk at full resolution, which it learns from unless the bench has a tutor.
    """

    arch: Architecture
    full_size_px: int
    of: str

    @property
    def shares(self) -> dict[str, float]:
        """What the factory is called with, besides the windows' side."""
        return {}

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the trained parts; see Recipe."""
        from catalog.training.trunk_training import train_parts
        from catalog.transforms.starting import starting_head
        from catalog.transforms.teaching import taught_while_changed
        from catalog.transforms.tuning import linear_layer

        model = _assembled(self.arch, bench, self.shares, self.full_size_px)
        start = bench.starting(self.of)
        train_parts(
            model.parts,
            linear_layer(starting_head(start)),
            bench.data,
            Schedule(bench.effort.scaled_epochs, _RESAMPLED_RATE, weight_decay=0.0),
            np.random.default_rng(bench.seed),
            bench.report,
            None,
            bench.tasks,
            taught_while_changed(start, bench),
            bench.views_seed,
        )
        return _graphs(model, _example(bench))


def _less_than_full(**shares: float) -> dict[str, float]:
    """Leave out full shares, so that a factory without a size to choose is called without one."""
    return {name: share for name, share in shares.items() if share != 1.0}


def _assembled(
    arch: Architecture, bench: Bench, shares: dict[str, float], full_size_px: int | None = None
) -> Assembled:
    from catalog.models.assembly import assembled
    from catalog.training.trunk_training import make_deterministic

    make_deterministic(bench.seed)
    return assembled(arch, bench.size_px, bench.classes, shares, bench.seed, full_size_px)


def _example(bench: Bench) -> Tensor:
    """Two windows of noise and a few real ones: what is exported is compared on them."""
    import torch

    side = bench.size_px
    noise = np.random.default_rng(bench.seed).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    return torch.from_numpy(np.concatenate([noise, bench.data.windows[:_REAL_WINDOWS]]))


def _train(
    model: Assembled,
    example: Tensor,
    bench: Bench,
    schedule: Schedule,
    frozen: FrozenParts | None = None,
    teacher: str | None = None,
) -> None:
    import torch

    from catalog.models.assembly import features_of
    from catalog.training.trunk_training import train_parts
    from catalog.transforms.teaching import taught_by

    features = features_of(model.parts, example)
    train_parts(
        model.parts,
        torch.nn.Linear(features.shape[1], bench.classes) if model.head is None else model.head,
        bench.data,
        schedule,
        np.random.default_rng(bench.seed),
        bench.report,
        frozen,
        bench.tasks,
        None if teacher is None else taught_by(bench.starting(teacher), bench),
        bench.views_seed,
    )


def _graphs(model: Assembled, example: Tensor) -> tuple[bytes, ...]:
    from catalog.canonical import canonical_bytes
    from catalog.models.trunk_graphs import trunk_graphs

    for part in model.parts:
        part.eval()
    return tuple(canonical_bytes(graph) for graph in trunk_graphs(model, example))
