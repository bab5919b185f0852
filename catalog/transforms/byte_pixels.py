"""Pixels that a quantised trunk normalises with its first convolution's kernel, straight from their bytes.

A trunk subtracts a mean from the pixels and scales them in float, and then rounds them to bytes again: four
passes over the window. And its first convolution reads three channels, while kernels for int8 take inputs
four at a time. A 1 x 1 convolution of the bytes does all of it in one pass: what it gives is what the first
convolution read before, up to the rounding of the mean, and a channel of zeros besides. What that saves is
in docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from catalog.transforms.thinner_layers import attributes_of, groups

_INPUTS_AT_A_TIME = 4
_FEWEST_OUTPUTS = 16  # with fewer, kernels are as slow as with three inputs, and the convolution is on top
_ORDERING = frozenset({"Transpose", "Gather"})
_ONE = 64  # a weight of 1 in 7 bits: the mean is rounded to 1/64 of a pixel's step

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class _Start:
    """How a quantised trunk begins.

    Args:
        cast: bytes to float.
        minus: from which the mean of each channel is taken.
        times: which scales the difference.
        to_bytes: which rounds it.
        weight: bytes of the first convolution to float.
        mean: of each channel, (C,).
        scale: likewise.
        kernel: the first convolution's weight, (O, C, K, K) int8.
    """

    cast: NodeProto
    minus: NodeProto
    times: NodeProto
    to_bytes: NodeProto
    weight: NodeProto
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    kernel: npt.NDArray[np.int8]


def with_byte_pixels(model: ModelProto) -> ModelProto:
    """Return a quantised graph that convolves bytes; one that begins otherwise as it is."""
    start = _start_of(model)
    if start is None:
        return model
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    replaced = {n.output[0] for n in (start.cast, start.minus, start.times)}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.output[0] in replaced:
            continue
        if node.output[0] == start.to_bytes.output[0]:
            convolution, constants = _convolution(start)
            nodes += convolution
            graph.initializer.extend(constants)
            node.input[0] = convolution[-1].output[0]
        elif node.output[0] == start.weight.output[0]:
            widened = numpy_helper.from_array(_with_zeros(start.kernel), f"{node.input[0]}.widened")
            graph.initializer.append(widened)
            node.input[0] = widened.name
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    left = [t for t in graph.initializer if t.name in read]
    del graph.initializer[:]
    graph.initializer.extend(left)
    return result


def _start_of(model: ModelProto) -> _Start | None:
    """Return how a graph begins; None where that is otherwise or would not gain."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    given_out = {value.name for value in model.graph.output}

    def only_reader(node: NodeProto, kind: str) -> NodeProto | None:
        found = readers.get(node.output[0], [])
        is_only = len(found) == 1 and node.output[0] not in given_out
        return found[0] if is_only and found[0].op_type == kind else None

    for cast in (n for n in model.graph.node if n.op_type == "Cast" and _reads_pixels(n, model, made_by)):
        chain = _followed(cast, ("Sub", "Mul", "QuantizeLinear", "DequantizeLinear", "Conv"), only_reader)
        if chain is None:
            continue
        minus, times, to_bytes, _, first = chain
        weight = made_by.get(first.input[1])
        if weight is None or weight.op_type != "DequantizeLinear" or only_reader(weight, "Conv") is None:
            continue
        kernel = constants.get(weight.input[0])
        mean, scale = constants.get(minus.input[1]), constants.get(times.input[1])
        if kernel is None or mean is None or scale is None or not _gains(first, kernel):
            continue
        means, scales = (_per_channel(value, kernel.shape[1]) for value in (mean, scale))
        if means is not None and scales is not None:
            return _Start(cast, minus, times, to_bytes, weight, means, scales, np.asarray(kernel, np.int8))
    return None


def _reads_pixels(node: NodeProto, model: ModelProto, made_by: dict[str, NodeProto]) -> bool:
    """Tell whether a node reads the bytes that the graph is given, at most in another order."""
    name, given = node.input[0], model.graph.input[0]
    while name in made_by and made_by[name].op_type in _ORDERING:
        name = made_by[name].input[0]
    is_bytes = given.type.tensor_type.elem_type == TensorProto.UINT8
    return name == given.name and is_bytes and attributes_of(node)["to"].i == TensorProto.FLOAT


def _followed(
    node: NodeProto, kinds: Sequence[str], only_reader: Callable[[NodeProto, str], NodeProto | None]
) -> list[NodeProto] | None:
    """Return the nodes of these kinds of which each alone reads the one before; None for others."""
    chain: list[NodeProto] = []
    for kind in kinds:
        following = only_reader(chain[-1] if chain else node, kind)
        if following is None:
            return None
        chain.append(following)
    return chain


def _gains(first: NodeProto, kernel: Array) -> bool:
    outputs, planes = kernel.shape[:2]
    plain = groups(attributes_of(first)) == 1 and kernel.dtype == np.int8
    return plain and outputs >= _FEWEST_OUTPUTS and planes % _INPUTS_AT_A_TIME != 0


def _per_channel(value: Array, planes: int) -> npt.NDArray[np.float64] | None:
    """Return a constant of each channel, (C,), or one of all for each; None for others."""
    flat = value.astype(np.float64).reshape(-1)
    per_position = value.ndim > 2 and value.shape[-3:] not in ((planes, 1, 1), (1, 1, 1))
    return None if per_position or flat.size not in (1, planes) else np.broadcast_to(flat, (planes,))


def _with_zeros(kernel: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return a weight (O, C, K, K) that reads further channels, but nothing of them."""
    missing = -kernel.shape[1] % _INPUTS_AT_A_TIME
    return np.pad(kernel, ((0, 0), (0, missing), (0, 0), (0, 0)))


def _convolution(start: _Start) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return the nodes that normalise bytes, as quantise and dequantise pairs, and their constants."""
    planes = len(start.mean)
    outputs = planes + -planes % _INPUTS_AT_A_TIME
    name = f"{start.times.output[0]}.convolved"
    placing = np.zeros((outputs, planes, 1, 1), np.int8)
    placing[np.arange(planes), np.arange(planes)] = _ONE
    scale = np.ones(outputs, np.float32)
    scale[:planes] = start.scale / _ONE
    offset = np.zeros(outputs, np.int32)
    offset[:planes] = np.round(-start.mean * _ONE)
    arrays: dict[str, Array] = {
        "step": np.asarray(1.0, np.float32),
        "zero": np.asarray(0, np.uint8),
        "weight": placing,
        "scale": scale,
        "zeros": np.zeros(outputs, np.int8),
        "offset": offset,
        "offset_zeros": np.zeros(outputs, np.int32),
    }
    tensors = [numpy_helper.from_array(value, f"{name}.{key}") for key, value in arrays.items()]
    step, zero, weight, scales, zeros, offsets, offset_zeros = (t.name for t in tensors)
    pair = "DequantizeLinear"
    pixels, kernel, bias = f"{name}.pixels", f"{name}.kernel", f"{name}.bias"
    nodes = [
        helper.make_node(pair, [start.cast.input[0], step, zero], [pixels]),
        helper.make_node(pair, [weight, scales, zeros], [kernel], axis=0),
        helper.make_node(pair, [offsets, scales, offset_zeros], [bias], axis=0),
        helper.make_node("Conv", [pixels, kernel, bias], [name], kernel_shape=[1, 1]),
    ]
    return nodes, tensors
