"""Training stored graphs a little further after a lossy change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto

from catalog.heads import HeadWeights
from catalog.store import head_from_bytes
from catalog.transforms.recipe import Bench, StoredTrunk


def starting_head(start: StoredTrunk) -> HeadWeights:
    """Return the head to train a stored trunk with: those of all tasks that train it, one after another.

    Raises:
        CatalogError: a file is not a stored head.
    """
    paths = (start.head, *start.further_heads)
    heads = [head_from_bytes(path.read_bytes(), str(path)) for path in paths]
    weight = np.concatenate([h.weight for h in heads])
    return HeadWeights(weight, np.concatenate([h.bias for h in heads]), 1.0)


def tuned(
    models: Sequence[ModelProto], head: HeadWeights, bench: Bench, peak_rate: float
) -> tuple[bytes, ...]:
    """Train graphs in order together with a head and return them in canonical form.

    Batch normalisation is already folded into the stored weights and stays so.

    Raises:
        BackendError: a graph has an operator that torch is not told how to run.
        TrainingDiverged: the loss is no longer finite.
    """
    import torch

    from catalog.backends.torch_graph import TorchGraph
    from catalog.canonical import canonical_bytes
    from catalog.training.schedule import Schedule
    from catalog.training.trunk_training import make_deterministic, train_parts

    make_deterministic(bench.seed)
    graphs = [TorchGraph(model) for model in models]
    layer = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.weight))
        layer.bias.copy_(torch.from_numpy(head.bias))
    schedule = Schedule(bench.effort.tuning_epochs, peak_rate, weight_decay=0.0)
    rng = np.random.default_rng(bench.seed)
    train_parts(graphs, layer, bench.data, schedule, rng, bench.report, tasks=bench.tasks)
    return tuple(
        canonical_bytes(graph.written_back(model)) for graph, model in zip(graphs, models, strict=True)
    )
