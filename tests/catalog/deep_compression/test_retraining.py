from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from catalog.canonical import canonical_bytes
from catalog.deep_compression.compressed_file import compressed_part, decompressed_part
from catalog.deep_compression.retraining import CompressedNet, CompressionPlan
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.models.architecture import Architecture
from catalog.models.assembly import assembled
from catalog.models.trunk_graphs import trunk_graphs
from catalog.training.schedule import Progress
from tests.catalog.graphs import features_part, normal, pixels_part

PLAN = CompressionPlan(
    0.2, rungs=2, rung_epochs=1, settling_epochs=1, weight_values=8, bias_values=3, sharing_epochs=2
)


def bright_or_dark(side: int, count: int = 48) -> LabelledWindows:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    windows = rng.integers(0, 100, (count, side, side, 3)) + 150 * labels[:, None, None, None]
    return LabelledWindows(windows.astype(np.uint8), labels.astype(np.int64))


def compressed_net(seed: int = 0) -> CompressedNet:
    head = HeadWeights(normal(7, 2, 6), normal(8, 2), 1.0)
    net = CompressedNet([pixels_part(), features_part()], head, seed, lambda _: None)
    data = bright_or_dark(8)
    net.prune(data, PLAN)
    net.share(data, PLAN)
    return net


def layers_of(net: CompressedNet) -> list[np.ndarray]:
    tensors = [t for g in net.graphs() for t in g.graph.initializer]
    graph_layers = [v for t in tensors if (v := numpy_helper.to_array(t)).ndim == 4]
    return [*graph_layers, net.head().weight]


def test_pruned_weights_stay_zero_and_shared_ones_stay_alike_through_training() -> None:
    net = compressed_net()
    layers = layers_of(net)
    largest = max(layer.size for layer in layers)
    for layer in layers:
        kept = min(1.0, 0.2 * (largest / layer.size) ** 0.5)
        assert np.count_nonzero(layer) <= round(kept * layer.size)
        assert len(np.unique(layer[layer != 0.0])) <= PLAN.weight_values
    assert len(np.unique(net.head().bias)) <= PLAN.bias_values


def test_shared_values_are_trained() -> None:
    head = HeadWeights(normal(7, 2, 6), normal(8, 2), 1.0)
    net = CompressedNet([pixels_part(), features_part()], head, 0, lambda _: None)
    still = CompressionPlan(1.0, sharing_epochs=0, weight_values=4)
    net.share(bright_or_dark(8), still)
    before = [np.unique(layer) for layer in layers_of(net)]
    net.share(bright_or_dark(8), CompressionPlan(1.0, sharing_epochs=1, weight_values=4))
    for old, new in zip(before, [np.unique(layer) for layer in layers_of(net)], strict=True):
        assert len(new) == len(old)
        assert not np.array_equal(new, old)


def test_what_was_compressed_still_tells_windows_apart() -> None:
    told: list[Progress] = []
    head = HeadWeights(normal(7, 2, 6), normal(8, 2), 1.0)
    net = CompressedNet([pixels_part(), features_part()], head, 0, told.append)
    data = bright_or_dark(8)
    plan = CompressionPlan(0.3, rungs=2, rung_epochs=10, settling_epochs=5, pruning_rate=1e-2)
    net.prune(data, plan)
    net.share(data, plan)
    assert len(told) == plan.all_epochs == 2 * 10 + 5 + 4
    assert told[-1].accuracy > 0.9


def test_the_same_seed_gives_the_same_parts() -> None:
    first, second = ([canonical_bytes(g) for g in compressed_net().graphs()] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("family", ["convnet", "resnet", "mobilenet", "vgg"])
def test_parts_of_every_family_come_back_bit_for_bit(family: str) -> None:
    import torch

    model = assembled(Architecture(family), 16, 2, {"width": 0.25}, seed=0)
    data = bright_or_dark(16, 8)
    for part in model.parts:
        part.eval()
    graphs = trunk_graphs(model, torch.from_numpy(data.windows[:4]))
    dim = graphs[-1].graph.output[0].type.tensor_type.shape.dim[1].dim_value
    net = CompressedNet(graphs, HeadWeights(normal(0, 2, dim), normal(1, 2), 1.0), 0, lambda _: None)
    plan = CompressionPlan(0.1, rungs=1, rung_epochs=0, settling_epochs=0, sharing_epochs=0)
    net.prune(data, plan)
    net.share(data, plan)
    for graph in net.graphs():
        part = canonical_bytes(graph)
        file = compressed_part(part)
        assert decompressed_part(file, "file") == part
        assert len(file) < len(part) / 2
