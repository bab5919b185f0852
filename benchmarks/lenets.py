"""The two networks that Deep Compression was first shown on, of the published sizes, and a smaller one.

LeNet-300-100: LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998. LeNet-5 is
Caffe's variant, as in Han et al., ICLR 2016: 20 and 50 filters of 5 x 5, each followed by a 2 x 2 max
pool, then 500 hidden units with a ReLU. Both read 28 x 28 pixels and have 266,610 and 431,080 weights
and biases. The last layer of each is the head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from catalog.heads import HeadWeights

Float32 = npt.NDArray[np.float32]

SIDE_PX = 28
DIGIT_SIDE_PX = 8
CLASSES = 10
_OPSET = 18
_IR_VERSION = 9


def lenet_300_100(seed: int, side_px: int = SIDE_PX) -> tuple[ModelProto, HeadWeights]:
    """Return the hidden layers, pixels (N, S, S, 3) -> (N, 100), and the last layer, with fresh weights."""
    rng = np.random.default_rng(seed)
    nodes = [
        *_grey_nodes("grey"),
        helper.make_node("Flatten", ["grey"], ["flat"]),
        *_linear("flat", "one"),
        *_linear("one", "two"),
    ]
    weights = {**_layer(rng, "one", 300, side_px**2), **_layer(rng, "two", 100, 300)}
    return _model(nodes, side_px, "two", 100, weights), _head(rng, 100)


def lenet_5(seed: int) -> tuple[ModelProto, HeadWeights]:
    """Return all but the last layer, pixels (N, 28, 28, 3) -> (N, 500), and that, with fresh weights."""
    rng = np.random.default_rng(seed)
    nodes = [
        *_grey_nodes("grey"),
        *_pooled_convolution("grey", "one"),
        *_pooled_convolution("one", "two"),
        helper.make_node("Flatten", ["two"], ["flat"]),
        *_linear("flat", "three"),
    ]
    weights = {
        **_layer(rng, "one", 20, 1, 5, 5),
        **_layer(rng, "two", 50, 20, 5, 5),
        **_layer(rng, "three", 500, 50 * _pooled(_pooled(SIDE_PX)) ** 2),
    }
    return _model(nodes, SIDE_PX, "three", 500, weights), _head(rng, 500)


def lenet_300_100_of_8_px(seed: int) -> tuple[ModelProto, HeadWeights]:
    """Return LeNet-300-100 for digits as they come, 8 x 8: 50,610 weights and biases."""
    return lenet_300_100(seed, DIGIT_SIDE_PX)


def _pooled(side: int) -> int:
    """Return the side of maps after a 5 x 5 convolution without padding and a 2 x 2 pool."""
    return (side - 4) // 2


def _grey_nodes(output: str) -> list[NodeProto]:
    """Pixels to one plane about zero, (N, 1, S, S): parts read RGB, and these digits are grey."""
    return [
        helper.make_node("Cast", ["x"], ["rgb"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["rgb", "channels"], ["plane"], keepdims=0),
        helper.make_node("Unsqueeze", ["plane", "first"], ["planes"]),
        helper.make_node("Sub", ["planes", "middle"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], [output]),
    ]


def _linear(read: str, name: str) -> list[NodeProto]:
    return [
        helper.make_node("Gemm", [read, f"{name}.weight", f"{name}.bias"], [f"{name}.sum"], transB=1),
        helper.make_node("Relu", [f"{name}.sum"], [name]),
    ]


def _pooled_convolution(read: str, name: str) -> list[NodeProto]:
    return [
        helper.make_node(
            "Conv", [read, f"{name}.weight", f"{name}.bias"], [f"{name}.sum"],
            kernel_shape=[5, 5],
        ),
        helper.make_node("MaxPool", [f"{name}.sum"], [name], kernel_shape=[2, 2], strides=[2, 2]),
    ]  # fmt: skip


def _layer(rng: np.random.Generator, name: str, *shape: int) -> dict[str, Float32]:
    """Draw weights as He et al., Delving Deep into Rectifiers, ICCV 2015, section 2.2; biases are zero."""
    spread = np.sqrt(2.0 / np.prod(shape[1:]))
    weight = (spread * rng.standard_normal(shape)).astype(np.float32)
    return {f"{name}.weight": weight, f"{name}.bias": np.zeros(shape[0], np.float32)}


def _head(rng: np.random.Generator, dim: int) -> HeadWeights:
    layer = _layer(rng, "head", CLASSES, dim)
    return HeadWeights(layer["head.weight"] * np.float32(np.sqrt(0.5)), layer["head.bias"], 1.0)


def _model(
    nodes: Sequence[NodeProto], side_px: int, output: str, dim: int, weights: Mapping[str, Float32]
) -> ModelProto:
    constants: dict[str, npt.NDArray[np.generic]] = {
        "channels": np.array([3], np.int64),
        "first": np.array([1], np.int64),
        "middle": np.array(127.5, np.float32),
        "scale": np.array(1 / 63.75, np.float32),
        **weights,
    }
    graph = helper.make_graph(
        list(nodes),
        "lenet",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", side_px, side_px, 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", dim])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
