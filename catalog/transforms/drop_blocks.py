"""Leaving out whole residual blocks: fewer layers one after another, which is what saves time.

A residual network goes on working when single blocks are left out (Veit, Wilber and Belongie, Residual
Networks Behave Like Ensembles of Relatively Shallow Networks, NIPS 2016, section 4.1). On a processor that
saves more time than as many operations saved by narrower layers (Elkerdawy et al., To Filter Prune, or to
Layer Prune, That Is The Question, ACCV 2020). Blocks go one after another: always the one without which
the loss on some training windows rises least for each operation saved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from catalog.errors import RunFailed
from catalog.graph_costs import macs_by_node
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.residual_blocks import residual_blocks, without_blocks
from catalog.transforms.starting import starting_graphs, starting_head

KEPT_SHARE = 0.67
_TUNING_RATE = 1e-3
_MOMENT_RATE = 3e-4  # at the full one, a moment's training harms even a whole network
_TRAINED_ON = 20 * 32  # windows of a moment's training
_JUDGED_BY = 8 * 32  # others


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

    They have been trained for a moment, a moment for each block left out.

    Raises:
        BackendError: a graph has an operator that torch is not told how to run.
        TrainingDiverged: a loss is no longer finite.
        DataError: shapes inside a graph are not fixed, apart from the batch axis.
    """
    left = list(models)
    most = kept * _macs(left)
    trial = _Trial(head, bench)
    while _macs(left) > most:
        tried = [
            [*left[:part], without_blocks(model, [block]), *left[part + 1 :]]
            for part, model in enumerate(left)
            for block in residual_blocks(model)
        ]
        if not tried:
            break
        left = _least_harmed(left, tried, trial)
    return left


def _least_harmed(
    whole: list[ModelProto], tried: Sequence[list[ModelProto]], trial: _Trial
) -> list[ModelProto]:
    """Return the graphs whose loss rises least for each operation saved, as the trial has trained them."""
    _, before = trial.of(whole)
    best, least = whole, math.inf
    for models in tried:
        trained, loss = trial.of(models)
        harm = max(0.0, loss - before) / max(_macs(whole) - _macs(models), 1)
        if harm < least:
            best, least = trained, harm
    return best


class _Trial:
    """Trains graphs with a head for a moment, and judges them: all of them on the same windows."""

    def __init__(self, head: HeadWeights, bench: Bench) -> None:
        from catalog.training.joint_tasks import alone

        self._head = head
        self._bench = bench
        self._tasks = alone(len(head.bias)) if bench.tasks is None else bench.tasks
        rows = np.random.default_rng(bench.seed).permutation(len(bench.data))
        judged = min(_JUDGED_BY, len(rows) // 2)
        self._judged_by = np.sort(rows[:judged])
        self._data = _some(bench.data, np.sort(rows[judged : judged + _TRAINED_ON]))

    def of(self, models: Sequence[ModelProto]) -> tuple[list[ModelProto], float]:
        """Return the trained graphs and their mean loss."""
        import torch

        from catalog.backends.torch_graph import TorchGraph
        from catalog.training.joint_loss import joint_cross_entropy
        from catalog.training.schedule import Schedule
        from catalog.training.trunk_training import make_deterministic, train_parts
        from catalog.transforms.tuning import linear_layer

        bench, judged = self._bench, _some(self._bench.data, self._judged_by)
        make_deterministic(bench.seed)
        graphs, layer = [TorchGraph(model) for model in models], linear_layer(self._head)
        moment, rng = Schedule(1, _MOMENT_RATE, weight_decay=0.0), np.random.default_rng(bench.seed)
        train_parts(graphs, layer, self._data, moment, rng, lambda _: None, None, self._tasks)
        with torch.no_grad():
            logits = layer(torch.nn.Sequential(*graphs)(torch.from_numpy(judged.windows)))
            loss = float(joint_cross_entropy(logits, torch.from_numpy(judged.labels), self._tasks))
        return [g.written_back(m) for g, m in zip(graphs, models, strict=True)], loss


def _some(data: LabelledWindows, rows: npt.NDArray[np.int64]) -> LabelledWindows:
    return LabelledWindows(np.ascontiguousarray(data.windows[rows]), data.labels[rows], data.mirrored_alike)


def _macs(models: Sequence[ModelProto]) -> int:
    return sum(sum(macs_by_node(model)) for model in models)
