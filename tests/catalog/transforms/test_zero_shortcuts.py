from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, helper

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.transforms.zero_shortcuts import with_shortcuts_as_convolutions
from tests.catalog.graphs import model, normal, save


def shortcut(
    pads: tuple[int, ...], axes: tuple[int, ...] | None = None, kernel: int = 1, value: float = 0.0
) -> ModelProto:
    """Every other position of (N, 3, 6, 6), and further channels."""
    inputs = ["p", "pads", "value"] if axes is None else ["p", "pads", "value", "axes"]
    constants = {"pads": np.array(pads, np.int64), "value": np.array(value, np.float32)}
    if axes is not None:
        constants["axes"] = np.array(axes, np.int64)
    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[kernel, kernel], strides=[2, 2]),
        helper.make_node("Pad", inputs, ["y"]),
    ]
    halves = 3 if kernel == 1 else 2
    channels = 3 + (pads[0] + pads[1] if axes is not None else pads[1] + pads[5])
    return model(nodes, (3, 6, 6), (channels, halves, halves), constants)


def run(graph: ModelProto, path: Path) -> np.ndarray:
    return OnnxruntimeBackend().load(save(graph, path))(normal(0, 2, 3, 6, 6))


@pytest.mark.parametrize(
    ("pads", "axes"), [((0, 1, 0, 0, 0, 2, 0, 0), None), ((1, 2), (1,)), ((0, 3), (-3,))]
)
def test_a_shortcut_becomes_a_convolution_that_gives_the_same(
    tmp_path: Path, pads: tuple[int, ...], axes: tuple[int, ...] | None
) -> None:
    before = shortcut(pads, axes)
    after = with_shortcuts_as_convolutions(before)
    assert [n.op_type for n in after.graph.node] == ["Conv"]
    assert len(after.graph.initializer) == 1
    np.testing.assert_array_equal(run(after, tmp_path / "after.onnx"), run(before, tmp_path / "before.onnx"))


@pytest.mark.parametrize(
    "graph",
    [
        shortcut((1, 2), (1,), kernel=2),
        shortcut((1, 2), (1,), value=1.0),
        model(
            [helper.make_node("Pad", ["x", "pads"], ["y"])],
            (3, 6, 6),
            (4, 6, 6),
            {"pads": np.array([0, 1, 0, 0, 0, 0, 0, 0], np.int64)},
        ),
    ],
    ids=["averages", "pads with ones", "keeps all positions"],
)
def test_what_is_no_such_shortcut_stays(graph: ModelProto) -> None:
    assert with_shortcuts_as_convolutions(graph) == graph


def test_positions_that_others_read_too_stay() -> None:
    graph = shortcut((0, 0), (1,))
    graph.graph.node.append(helper.make_node("Add", ["y", "p"], ["z"]))
    graph.graph.output[0].name = "z"
    assert with_shortcuts_as_convolutions(graph) == graph
