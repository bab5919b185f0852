"""Small graphs for tests, written node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 18
IR_VERSION = 9
Array = npt.NDArray[np.generic]


def model(
    nodes: Sequence[NodeProto],
    reads: tuple[int, int, tuple[int, ...]] | tuple[int, ...],
    writes: tuple[int, ...],
    weights: Mapping[str, Array],
    pixels: bool = False,
) -> ModelProto:
    """Return a graph from "x" (N, *reads) to "y" (N, *writes)."""
    kind = TensorProto.UINT8 if pixels else TensorProto.FLOAT
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", kind, ["N", *reads])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", *writes])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def save(graph: ModelProto, path: Path) -> Path:
    """Write a graph to a file and return the file."""
    path.write_bytes(graph.SerializeToString())
    return path


def normal(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    """Return seeded noise of standard deviation 1."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def pixels_part(side: int = 8, channels: int = 4) -> ModelProto:
    """uint8 (N, S, S, 3) -> normalised -> convolution, relu, max pool -> (N, C, S/2, S/2)."""
    return model(
        [
            helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
            helper.make_node("Cast", ["t"], ["c"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["c", "mean"], ["s"]),
            helper.make_node("Mul", ["s", "scale"], ["m"]),
            helper.make_node("Conv", ["m", "w", "b"], ["v"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
            helper.make_node("Relu", ["v"], ["r"]),
            helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        ],
        (side, side, 3),
        (channels, side // 2, side // 2),
        {
            "mean": np.array(127.5, np.float32),
            "scale": np.array(1 / 64, np.float32),
            "w": normal(0, channels, 3, 3, 3) / 5,
            "b": normal(1, channels),
        },
        pixels=True,
    )


def features_part(side: int = 4, channels: int = 4, dim: int = 6) -> ModelProto:
    """(N, C, S, S) -> two convolutions -> mean over positions -> (N, D)."""
    return model(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["v"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
            helper.make_node("Relu", ["v"], ["r"]),
            helper.make_node(
                "Conv", ["r", "w2", "b2"], ["v2"], strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[3, 3]
            ),
            helper.make_node("ReduceMean", ["v2", "axes"], ["y"], keepdims=0),
        ],
        (channels, side, side),
        (dim,),
        {
            "w": normal(2, 8, channels, 3, 3) / 6,
            "b": normal(3, 8),
            "w2": normal(4, dim, 8, 3, 3) / 8,
            "b2": normal(5, dim),
            "axes": np.array([2, 3], np.int64),
        },
    )
