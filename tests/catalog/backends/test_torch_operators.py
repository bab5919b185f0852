"""Every operator of the torch reference gives what onnxruntime gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import NodeProto, TensorProto, helper

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.torch_reference import TorchReference
from catalog.errors import BackendError
from tests.catalog.graphs import model, normal, save

RELATIVE, ABSOLUTE = 1e-4, 1e-5
node = helper.make_node
MAPS = (4, 6, 6)


def ints(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def floats(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


Case = tuple[list[NodeProto], tuple[int, ...], tuple[int, ...], dict[str, npt.NDArray[np.generic]]]

CASES: dict[str, Case] = {
    "Add": ([node("Add", ["x", "w"], ["y"])], MAPS, MAPS, {"w": normal(0, 4, 1, 1)}),
    "Sub": ([node("Sub", ["x", "w"], ["y"])], MAPS, MAPS, {"w": normal(0, 4, 1, 1)}),
    "Mul": ([node("Mul", ["x", "w"], ["y"])], MAPS, MAPS, {"w": normal(0, 4, 1, 1)}),
    "Div": ([node("Div", ["x", "w"], ["y"])], MAPS, MAPS, {"w": np.abs(normal(0, 4, 1, 1)) + 1}),
    "Pow": ([node("Pow", ["x", "w"], ["y"])], MAPS, MAPS, {"w": floats(2.0)}),
    "Relu": ([node("Relu", ["x"], ["y"])], MAPS, MAPS, {}),
    "LeakyRelu": ([node("LeakyRelu", ["x"], ["y"], alpha=0.2)], MAPS, MAPS, {}),
    "PRelu with one slope": ([node("PRelu", ["x", "w"], ["y"])], MAPS, MAPS, {"w": normal(0, 1)}),
    "PRelu": ([node("PRelu", ["x", "w"], ["y"])], MAPS, MAPS, {"w": normal(0, 4, 1, 1)}),
    "ReduceSum": ([node("ReduceSum", ["x", "a"], ["y"])], MAPS, (1, 6, 6), {"a": ints(1)}),
    "Pad": ([node("Pad", ["x", "p"], ["y"])], MAPS, (9, 6, 7), {"p": ints(0, 2, 0, 0, 0, 3, 0, 1)}),
    "Pad some axes": (
        [node("Pad", ["x", "p", "v", "a"], ["y"])],
        MAPS,
        (4, 6, 9),
        {"p": ints(1, 2), "v": np.float32(0.5), "a": ints(-1)},
    ),
    "Slice": (
        [node("Slice", ["x", "s", "e", "a"], ["y"])],
        MAPS,
        (2, 6, 3),
        {"s": ints(1, -4), "e": ints(3, -1), "a": ints(1, 3)},
    ),
    "Slice with steps": (
        [node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
        MAPS,
        (4, 3, 6),
        {"s": ints(0, 5), "e": ints(6, -7), "a": ints(2, 3), "t": ints(2, -1)},
    ),
    "Clip": (
        [node("Clip", ["x", "lo", "hi"], ["y"])],
        MAPS,
        MAPS,
        {"lo": np.float32(0), "hi": np.float32(1)},
    ),
    "Clip below only": ([node("Clip", ["x", "lo"], ["y"])], MAPS, MAPS, {"lo": np.float32(0.5)}),
    "Sigmoid": ([node("Sigmoid", ["x"], ["y"])], MAPS, MAPS, {}),
    "HardSigmoid": ([node("HardSigmoid", ["x"], ["y"], alpha=1 / 6)], MAPS, MAPS, {}),
    "HardSwish": ([node("HardSwish", ["x"], ["y"])], MAPS, MAPS, {}),
    "Tanh": ([node("Tanh", ["x"], ["y"])], MAPS, MAPS, {}),
    "Erf": ([node("Erf", ["x"], ["y"])], MAPS, MAPS, {}),
    "Softmax": ([node("Softmax", ["x"], ["y"], axis=1)], MAPS, MAPS, {}),
    "Sqrt": ([node("Mul", ["x", "x"], ["q"]), node("Sqrt", ["q"], ["y"])], MAPS, MAPS, {}),
    "Identity": ([node("Identity", ["x"], ["y"])], MAPS, MAPS, {}),
    "Transpose": ([node("Transpose", ["x"], ["y"], perm=[0, 2, 3, 1])], MAPS, (6, 6, 4), {}),
    "Flatten": ([node("Flatten", ["x"], ["y"])], MAPS, (144,), {}),
    "Reshape": ([node("Reshape", ["x", "s"], ["y"])], MAPS, (4, 36), {"s": ints(0, 4, -1)}),
    "Squeeze": ([node("Squeeze", ["x", "a"], ["y"])], (4, 1, 1), (4,), {"a": ints(2, 3)}),
    "Unsqueeze": ([node("Unsqueeze", ["x", "a"], ["y"])], (4,), (4, 1, 1), {"a": ints(-1, 2)}),
    "Concat": ([node("Concat", ["x", "x"], ["y"], axis=1)], MAPS, (8, 6, 6), {}),
    "Expand": ([node("Expand", ["x", "s"], ["y"])], (4, 1, 1), (4, 3, 2), {"s": ints(1, 4, 3, 2)}),
    "Gather": ([node("Gather", ["x", "i"], ["y"], axis=1)], MAPS, (2, 6, 6), {"i": ints(2, 0)}),
    "Shape": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "i"], ["n"], axis=0),
            node("Concat", ["n", "rest"], ["target"], axis=0),
            node("Reshape", ["x", "target"], ["y"]),
        ],
        MAPS,
        (144,),
        {"i": ints(0), "rest": ints(-1)},
    ),
    "ReduceMean by input": (
        [node("ReduceMean", ["x", "a"], ["y"], keepdims=0)],
        MAPS,
        (4,),
        {"a": ints(2, 3)},
    ),
    "ReduceMean kept": ([node("ReduceMean", ["x", "a"], ["y"])], MAPS, (4, 1, 1), {"a": ints(-2, -1)}),
    "GlobalAveragePool": ([node("GlobalAveragePool", ["x"], ["y"])], MAPS, (4, 1, 1), {}),
    "AveragePool": (
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])],
        MAPS,
        (4, 3, 3),
        {},
    ),
    "MaxPool uneven": (
        [node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])],
        MAPS,
        (4, 3, 3),
        {},
    ),
    "Conv strided": (
        [node("Conv", ["x", "w", "b"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1])],
        MAPS,
        (5, 3, 3),
        {"w": normal(0, 5, 4, 3, 3), "b": normal(1, 5)},
    ),
    "Conv uneven": (
        [node("Conv", ["x", "w"], ["y"], strides=[2, 2], pads=[0, 1, 1, 0])],
        MAPS,
        (5, 3, 3),
        {"w": normal(0, 5, 4, 3, 3)},
    ),
    "Conv by groups": (
        [node("Conv", ["x", "w"], ["y"], group=4, dilations=[2, 2])],
        MAPS,
        (4, 2, 2),
        {"w": normal(0, 4, 1, 3, 3)},
    ),
    "Gemm": (
        [node("Gemm", ["x", "w", "b"], ["y"], transB=1, alpha=0.5, beta=2.0)],
        (7,),
        (3,),
        {"w": normal(0, 3, 7), "b": normal(1, 3)},
    ),
    "MatMul": ([node("MatMul", ["x", "w"], ["y"])], (7,), (3,), {"w": normal(0, 7, 3)}),
    "BatchNormalization": (
        [node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], epsilon=1e-3)],
        MAPS,
        MAPS,
        {"s": normal(0, 4), "b": normal(1, 4), "m": normal(2, 4), "v": np.abs(normal(3, 4)) + 0.5},
    ),
    "LayerNormalization": (
        [node("LayerNormalization", ["x", "s", "b"], ["y"], axis=-1)],
        (5, 8),
        (5, 8),
        {"s": normal(0, 8), "b": normal(1, 8)},
    ),
    "Quantize and dequantize": (
        [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])],
        MAPS,
        MAPS,
        {"s": np.float32(0.02), "z": np.uint8(117)},
    ),
    "Dequantize by channel": (
        [node("DequantizeLinear", ["w8", "s", "z"], ["w"], axis=0), node("Conv", ["x", "w"], ["y"])],
        MAPS,
        (5, 4, 4),
        {
            "w8": np.random.default_rng(0).integers(-128, 128, (5, 4, 3, 3), dtype=np.int8),
            "s": np.abs(normal(0, 5)) / 100,
            "z": np.zeros(5, np.int8),
        },
    ),
    "Constant": (
        [
            node("Constant", [], ["c"], value=helper.make_tensor("c", TensorProto.FLOAT, [1], [2.5])),
            node("Mul", ["x", "c"], ["y"]),
        ],
        MAPS,
        MAPS,
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operator_gives_what_onnxruntime_gives(name: str, tmp_path: Path) -> None:
    nodes, reads, writes, weights = CASES[name]
    path = save(model(nodes, reads, writes, weights), tmp_path / "p.onnx")
    x = normal(9, 3, *reads)
    expected = OnnxruntimeBackend().load(path)(x)
    np.testing.assert_allclose(TorchReference().load(path)(x), expected, RELATIVE, ABSOLUTE)


def test_an_operator_that_is_lacking_is_named(tmp_path: Path) -> None:
    path = save(model([node("Round", ["x"], ["y"])], (3,), (3,), {}), tmp_path / "p.onnx")
    with pytest.raises(BackendError, match=r"p\.onnx.*Round: the torch reference lacks it"):
        TorchReference().load(path)


def test_padding_that_is_not_spelled_out_is_refused_rather_than_guessed(tmp_path: Path) -> None:
    nodes = [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2])]
    path = save(model(nodes, MAPS, (5, 3, 3), {"w": normal(0, 5, 4, 3, 3)}), tmp_path / "p.onnx")
    with pytest.raises(BackendError, match="SAME_UPPER"):
        TorchReference().load(path)(normal(0, 1, *MAPS))
