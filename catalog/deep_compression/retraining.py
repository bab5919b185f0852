"""Pruning and sharing the weights of stored graphs and a head, each followed by training.

Both are done by what happens to gradients: those of pruned weights are dropped, and weights that share
a value are all given the sum of their gradients, which is the gradient of that value (Han et al.,
ICLR 2016, equation 3). Optimisers treat each weight alone, so that pruned weights stay zero and
sharing ones stay alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from onnx import ModelProto
from torch import Tensor, nn

from catalog.backends.torch_graph import TorchGraph
from catalog.deep_compression.magnitude_pruning import kept_shares, largest_weights, pruning_rungs
from catalog.deep_compression.weight_sharing import shared_values
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.training.distillation import Distillation
from catalog.training.joint_tasks import JointTasks
from catalog.training.schedule import Progress, Schedule
from catalog.training.trunk_training import make_deterministic, train_parts

_Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class CompressionPlan:
    """How far to compress, and how long to train after each step.

    Args:
        kept_share: of the weights of the largest layer that are left; see kept_shares.
        rungs: prunings on the way there.
        rung_epochs: passes over the training windows after each pruning.
        settling_epochs: further passes after the last one.
        weight_values: at most so many different weights a layer, zero left out.
        bias_values: at most so many different biases a layer.
        sharing_epochs: passes that train the shared values.
        pruning_rate: highest learning rate after a pruning.
        sharing_rate: highest learning rate of shared values.
    """

    kept_share: float
    rungs: int = 5
    rung_epochs: int = 4
    settling_epochs: int = 8
    weight_values: int = 32
    bias_values: int = 16
    sharing_epochs: int = 4
    pruning_rate: float = 2e-3
    sharing_rate: float = 2e-4

    @property
    def all_epochs(self) -> int:
        """Passes over the training windows from the first pruning on."""
        return self.rungs * self.rung_epochs + self.settling_epochs + self.sharing_epochs


class CompressedNet:
    """Graphs in order and a head that are compressed together, in place.

    Args:
        models: the last gives (N, D).
        head: (N, D) -> (N, C).
        seed: of the order and the variation of the training windows.
        report: told after each epoch.
        tasks: that train together and whose heads follow one another in head; None for one alone.
        distillation: from which trunk to learn besides the labels; None for labels alone.
    """

    def __init__(
        self,
        models: Sequence[ModelProto],
        head: HeadWeights,
        seed: int,
        report: Callable[[Progress], None],
        tasks: JointTasks | None = None,
        distillation: Distillation | None = None,
    ) -> None:
        make_deterministic(seed)
        self._models = models
        self._temperature = head.temperature
        self._graphs = [TorchGraph(model) for model in models]
        self._head = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self._head.weight.copy_(torch.from_numpy(head.weight))
            self._head.bias.copy_(torch.from_numpy(head.bias))
        self._rng = np.random.default_rng(seed)
        self._report = report
        self._tasks = tasks
        self._distillation = distillation

    def graphs(self) -> list[ModelProto]:
        """Return the graphs with their weights as they are now."""
        return [g.written_back(m) for g, m in zip(self._graphs, self._models, strict=True)]

    def head(self) -> HeadWeights:
        """Return the head as it is now, with the temperature that it came with."""
        weight, bias = (p.detach().numpy().copy() for p in (self._head.weight, self._head.bias))
        return HeadWeights(weight, bias, self._temperature)

    def train(self, data: LabelledWindows, schedule: Schedule) -> None:
        """Train all weights."""
        train_parts(
            self._graphs, self._head, data, schedule, self._rng, self._report,
            tasks=self._tasks, distillation=self._distillation,
        )  # fmt: skip

    def prune(self, data: LabelledWindows, plan: CompressionPlan) -> None:
        """Remove weights step by step and train what is left after each."""
        layers = self._layers()
        rungs = pruning_rungs(plan.kept_share, plan.rungs)
        for rung, share in enumerate(rungs, 1):
            shares = kept_shares([layer.numel() for layer in layers], share)
            masks = [_pruned(layer, kept) for layer, kept in zip(layers, shares, strict=True)]
            epochs = plan.rung_epochs + (plan.settling_epochs if rung == len(rungs) else 0)
            with _changed_gradients(layers, [mask.mul for mask in masks]):
                self.train(data, Schedule(epochs, plan.pruning_rate, weight_decay=0.0))

    def share(self, data: LabelledWindows, plan: CompressionPlan) -> None:
        """Give the weights of each layer few values and train these values."""
        layers, biases = self._layers(), self._biases()
        clusters = [_shared(layer, plan.weight_values) for layer in layers]
        clusters += [_shared(bias, plan.bias_values) for bias in biases]
        with _changed_gradients([*layers, *biases], [c.summed for c in clusters]):
            self.train(data, Schedule(plan.sharing_epochs, plan.sharing_rate, weight_decay=0.0))
        for parameter, cluster in zip([*layers, *biases], clusters, strict=True):
            cluster.make_alike(parameter)

    def _layers(self) -> list[nn.Parameter]:
        return [p for p in self._parameters() if p.ndim > 1]

    def _biases(self) -> list[nn.Parameter]:
        return [p for p in self._parameters() if p.ndim == 1]

    def _parameters(self) -> Iterator[nn.Parameter]:
        for module in (*self._graphs, self._head):
            yield from module.parameters()


@dataclass(frozen=True, slots=True, eq=False)
class _Clusters:
    """Which shared value each entry of a flat parameter has; the last one is zero, for pruned entries.

    Args:
        members: (N,) int64 in [0, K].
        count: K.
    """

    members: Tensor
    count: int

    def summed(self, gradient: Tensor) -> Tensor:
        """Give each entry the sum of the gradients of all that share its value; none to pruned ones."""
        sums = torch.zeros(self.count + 1, dtype=gradient.dtype)
        sums.index_add_(0, self.members, gradient.reshape(-1))
        sums[self.count] = 0.0
        return sums[self.members].reshape(gradient.shape)

    def make_alike(self, parameter: nn.Parameter) -> None:
        """Give all entries of a cluster the value of its first: vector and scalar code may round apart."""
        flat = parameter.detach().reshape(-1)
        values = torch.zeros(self.count + 1)
        values[self.members.flip(0)] = flat.flip(0)
        values[self.count] = 0.0
        _set(parameter, values[self.members].reshape(parameter.shape))


def _pruned(layer: nn.Parameter, share: float) -> Tensor:
    """Set the smallest weights of a layer to zero and return which are left, as 0 or 1."""
    values = layer.detach().contiguous().numpy()
    mask = torch.from_numpy(largest_weights(values, share).astype(np.float32))
    _set(layer, layer.detach() * mask)
    return mask


def _shared(parameter: nn.Parameter, clusters: int) -> _Clusters:
    """Give a parameter few values besides zero, and return which each entry has."""
    flat = parameter.detach().contiguous().numpy().reshape(-1)
    centroids, nearest = shared_values(flat[flat != 0.0], clusters)
    members = np.full(len(flat), len(centroids), np.int64)
    members[flat != 0.0] = nearest
    values = np.append(centroids, np.float32(0.0))[members]
    _set(parameter, torch.from_numpy(values).reshape(parameter.shape))
    return _Clusters(torch.from_numpy(members), len(centroids))


def _set(parameter: nn.Parameter, values: Tensor) -> None:
    with torch.no_grad():
        parameter.copy_(values)


@contextmanager
def _changed_gradients(parameters: Sequence[nn.Parameter], changes: Sequence[_Change]) -> Iterator[None]:
    """Pass the gradient of each parameter through a function while the context lasts."""
    pairs = zip(parameters, changes, strict=True)
    handles = [p.register_hook(change) for p, change in pairs]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
