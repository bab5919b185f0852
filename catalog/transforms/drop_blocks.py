"""Leaving out whole residual blocks: fewer layers one after another, which is what saves time.

A residual network goes on working when single blocks are left out (Veit, Wilber and Belongie, Residual
Networks Behave Like Ensembles of Relatively Shallow Networks, NIPS 2016, section 4.1). On a processor that
saves more time than as many operations saved by narrower layers (Elkerdawy et al., To Filter Prune, or to
Layer Prune, That Is The Question, ACCV 2020). Blocks go one after another: always the one without which
the loss on some training windows rises least for each operation saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto

from catalog.errors import RunFailed
from catalog.graph_costs import macs_by_node
from catalog.heads import HeadWeights
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.residual_blocks import residual_blocks, without_blocks
from catalog.transforms.starting import starting_graphs, starting_head

if TYPE_CHECKING:
    from torch import Tensor

KEPT_SHARE = 0.67
_TUNING_RATE = 1e-3
_BATCH, _BATCHES = 32, 8


@dataclass(frozen=True, slots=True)
class DropBlocks:
    """Leave residual blocks out of a stored trunk.

    Args:
        of: name of the trunk to start from.
        kept: share of its operations that is left, at most, in (0, 1); more where blocks run out.
        rate: highest learning rate of the training after it; None for this technique's own.
    """

    of: str
    kept: float = KEPT_SHARE
    rate: float | None = None

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the tuned parts without these blocks; see Recipe."""
        from catalog.transforms.tuning import tuned

        start = bench.starting(self.of)
        models, head = starting_graphs(start), starting_head(start)
        shallow = shallower(models, head, self.kept, bench)
        if shallow == models:
            raise RunFailed(f"no block of {self.of} can be left out: it has no residual blocks of one shape")
        return tuned(shallow, head, bench, self.rate or _TUNING_RATE, start)


def drop_blocks(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk with fewer residual blocks; see Technique."""
    lineage = (*base.lineage, f"drop-blocks kept={KEPT_SHARE:g}")
    recipe = DropBlocks(base.name)
    name = f"{base.name}-drop"
    return [Candidate(name, family.input_type.name, base.size_px, recipe, lineage, (base.name,))]


def shallower(models: Sequence[ModelProto], head: HeadWeights, kept: float, bench: Bench) -> list[ModelProto]:
    """Return graphs that run one after another without blocks, until a share of their operations is left.

    Raises:
        BackendError: a graph has an operator that torch is not told how to run.
        DataError: shapes inside a graph are not fixed, apart from the batch axis.
    """
    left = list(models)
    most = kept * _macs(left)
    loss = _Loss(head, bench)
    while _macs(left) > most:
        tried = [
            (part, without_blocks(model, [block]))
            for part, model in enumerate(left)
            for block in residual_blocks(model)
        ]
        if not tried:
            break
        part, model = tried[int(np.argmin(_harms(left, tried, loss)))]
        left[part] = model
    return left


def _harms(
    models: Sequence[ModelProto], changes: Sequence[tuple[int, ModelProto]], loss: _Loss
) -> list[float]:
    """Return by how much the loss rises for each operation that a change of one graph saves."""
    inputs = loss.inputs(models)
    before = loss(models, len(models) - 1, inputs)
    harms = []
    for part, model in changes:
        changed = [*models[:part], model, *models[part + 1 :]]
        saved = _macs(models) - _macs(changed)
        harms.append((loss(changed, part, inputs) - before) / max(saved, 1))
    return harms


class _Loss:
    """Mean loss of graphs with a head, on training windows that are the same in every call."""

    def __init__(self, head: HeadWeights, bench: Bench) -> None:
        import torch

        from catalog.training.batches import drawn_view, shuffled
        from catalog.training.joint_tasks import alone
        from catalog.training.trunk_training import make_deterministic
        from catalog.transforms.tuning import linear_layer

        make_deterministic(bench.seed)
        view = drawn_view(0, bench.data, bench.views_seed)
        batches = shuffled(bench.data, _BATCH, np.random.default_rng(bench.seed), view)
        shown = list(islice(batches, _BATCHES))
        self._windows = [torch.from_numpy(b.windows) for b in shown]
        self._labels = [torch.from_numpy(b.labels) for b in shown]
        self._layer = linear_layer(head)
        self._tasks = alone(self._layer.out_features) if bench.tasks is None else bench.tasks

    def inputs(self, models: Sequence[ModelProto]) -> list[list[Tensor]]:
        """Return what each graph reads, batch by batch."""
        read = [self._windows]
        for model in models[:-1]:
            read.append(self._run(model, read[-1]))
        return read

    def __call__(self, models: Sequence[ModelProto], first: int, inputs: Sequence[list[Tensor]]) -> float:
        """Return the loss of graphs of which those before the first are as they were."""
        import torch

        from catalog.training.joint_loss import joint_cross_entropy

        values = inputs[first]
        for model in models[first:]:
            values = self._run(model, values)
        with torch.no_grad():
            losses = [
                float(joint_cross_entropy(self._layer(features), labels, self._tasks))
                for features, labels in zip(values, self._labels, strict=True)
            ]
        return float(np.mean(losses))

    @staticmethod
    def _run(model: ModelProto, batches: Sequence[Tensor]) -> list[Tensor]:
        import torch

        from catalog.backends.torch_graph import TorchGraph

        graph = TorchGraph(model).eval()
        with torch.no_grad():
            return [graph(batch) for batch in batches]


def _macs(models: Sequence[ModelProto]) -> int:
    return sum(sum(macs_by_node(model)) for model in models)
