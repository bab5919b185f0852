"""Training stored graphs a little further after a lossy change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto

from catalog.heads import HeadWeights
from catalog.training.schedule import Progress
from catalog.transforms.recipe import Bench, StoredTrunk

if TYPE_CHECKING:
    from torch import nn

    from catalog.backends.torch_graph import TorchGraph


def tuned(
    models: Sequence[ModelProto], head: HeadWeights, bench: Bench, peak_rate: float, start: StoredTrunk
) -> tuple[bytes, ...]:
    """Train graphs in order together with a head and return them in canonical form.

    Batch normalisation is already folded into the stored weights and stays so.

    Args:
        models: what a stored trunk became.
        head: to start from, see starting_head; of as many features as the last graph gives.
        bench: what to train on.
        peak_rate: highest learning rate.
        start: the trunk as it was, which the changed one learns from, besides the labels, where the bench
            has no tutor.

    Raises:
        BackendError: a graph has an operator that torch is not told how to run.
        TrainingDiverged: the loss is no longer finite.
    """
    from catalog.canonical import canonical_bytes

    trained, _ = trained_further(models, head, bench, bench.effort.tuning_epochs, peak_rate, start)
    return tuple(canonical_bytes(model) for model in trained)


def trained_further(
    models: Sequence[ModelProto],
    head: HeadWeights,
    bench: Bench,
    epochs: int,
    peak_rate: float,
    start: StoredTrunk,
    after_epoch: Callable[[Progress, Sequence[TorchGraph]], None] | None = None,
) -> tuple[list[ModelProto], HeadWeights]:
    """Train graphs in order together with a head and return both.

    Args:
        epochs: passes over the training windows.
        after_epoch: may change the weights of the graphs; before the bench is told.

    Raises:
        BackendError: see tuned.
        TrainingDiverged: see tuned.
    """
    from catalog.backends.torch_graph import TorchGraph
    from catalog.training.schedule import Schedule
    from catalog.training.trunk_training import make_deterministic, train_parts
    from catalog.transforms.teaching import taught_while_changed

    make_deterministic(bench.seed)
    graphs = [TorchGraph(model) for model in models]
    layer = linear_layer(head)

    def report(progress: Progress) -> None:
        if after_epoch is not None:
            after_epoch(progress, graphs)
        bench.report(progress)

    schedule = Schedule(epochs, peak_rate, weight_decay=0.0)
    rng = np.random.default_rng(bench.seed)
    lesson = taught_while_changed(start, bench)
    train_parts(graphs, layer, bench.data, schedule, rng, report, None, bench.tasks, lesson, bench.views_seed)
    trained = [graph.written_back(model) for graph, model in zip(graphs, models, strict=True)]
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return trained, HeadWeights(weight, bias, head.temperature)


def linear_layer(head: HeadWeights) -> nn.Linear:
    """Return a head as a layer (N, D) -> (N, C) that can be trained."""
    import torch

    layer = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.weight))
        layer.bias.copy_(torch.from_numpy(head.bias))
    return layer
