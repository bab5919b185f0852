from __future__ import annotations

import numpy as np
import torch
from onnx import numpy_helper

from catalog.backends.torch_graph import TorchGraph
from tests.catalog.graphs import features_part, normal, pixels_part


def stored(model: object) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}  # type: ignore[attr-defined]


def test_weights_and_biases_of_layers_are_trained_and_nothing_else() -> None:
    trained = list(TorchGraph(pixels_part()).parameters())
    assert sorted(tuple(p.shape) for p in trained) == [(4,), (4, 3, 3, 3)]


def test_an_untrained_graph_is_written_back_as_it_was() -> None:
    model = features_part()
    assert TorchGraph(model).written_back(model) == model


def test_a_trained_graph_is_written_back_with_its_new_weights() -> None:
    model = features_part()
    graph = TorchGraph(model)
    graph(torch.from_numpy(normal(0, 2, 4, 4, 4))).sum().backward()
    with torch.no_grad():
        for p in graph.parameters():
            assert p.grad is not None
            p -= 0.1 * p.grad
    before, after = stored(model), stored(graph.written_back(model))
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {
        "w",
        "b",
        "w2",
        "b2",
    }
