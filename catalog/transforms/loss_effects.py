"""How much the loss depends on each unit: its first-order Taylor estimate.

Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019, equation 8: the importance
of a set of weights S is the square of the sum of g * w over S, where g is the loss's gradient; averaged
over batches. Layers that make one unit are summed up, because they are removed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from onnx import ModelProto

from catalog.backends.torch_graph import TorchGraph
from catalog.heads import HeadWeights
from catalog.training.batches import drawn_view, shuffled
from catalog.training.joint_loss import joint_cross_entropy
from catalog.training.joint_tasks import alone
from catalog.training.trunk_training import make_deterministic
from catalog.transforms.channel_units import Channels, Role
from catalog.transforms.recipe import Bench
from catalog.transforms.tuning import linear_layer

BATCHES = 24
_BATCH = 32
_MADE_BY = (Role.WRITES, Role.OFFSETS)


def loss_effects(
    models: Sequence[ModelProto], channels: Channels, head: HeadWeights, bench: Bench
) -> npt.NDArray[np.float64]:
    """Return each unit's estimated effect on the loss, (U,), at least 0; on one scale for all layers.

    Args:
        models: in order.
        channels: theirs.
        head: that goes with them.
        bench: whose training windows are shown, BATCHES of them at most.

    Raises:
        BackendError: a graph has an operator that torch is not told how to run.
    """
    make_deterministic(bench.seed)
    graphs = [TorchGraph(model) for model in models]
    layer = linear_layer(head)
    chain = torch.nn.Sequential(*graphs, layer)
    tasks = alone(layer.out_features) if bench.tasks is None else bench.tasks
    total = np.zeros(len(channels.locked))
    view = drawn_view(0, bench.data, bench.views_seed)
    batches = shuffled(bench.data, _BATCH, np.random.default_rng(bench.seed), view)
    for batch in islice(batches, BATCHES):
        chain.zero_grad()
        loss = joint_cross_entropy(
            chain(torch.from_numpy(batch.windows)), torch.from_numpy(batch.labels), tasks
        )
        torch.autograd.backward([loss])
        total += np.square(_first_order(graphs, channels))
    return total


def _first_order(graphs: Sequence[TorchGraph], channels: Channels) -> npt.NDArray[np.float64]:
    """Return the sum of gradient times weight of each unit, (U,)."""
    sums = np.zeros(len(channels.locked))
    for cut in channels.cuts:
        weight = graphs[cut.part].by_name.get(cut.tensor)
        if cut.role in _MADE_BY and weight is not None and weight.grad is not None:
            product = (weight.detach() * weight.grad).movedim(cut.axis, 0).reshape(len(cut.units), -1)
            np.add.at(sums, cut.units, product.sum(dim=1).numpy().astype(np.float64))
    return sums
