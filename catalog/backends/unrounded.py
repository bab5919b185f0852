"""What an int8 graph means: its own weights and ranges, with activations that are not rounded.

Runtimes fuse int8 operators in different ways and round in different places; each is as far from this
as its own rounding takes it. So runtimes are compared by how far each is from it, not with one another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper


def unrounded(model: ModelProto) -> ModelProto:
    """Return a graph in which pairs of quantise and dequantise only cut off what their type cannot hold.

    Weights stay as they are stored. Pairs whose scale is no constant, or not a single number, stay too.
    """
    constants = {t.name: t for t in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}
    result = ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    for node in model.graph.node:
        bounds = _range(node, made_by, constants)
        if bounds is None:
            result.graph.node.append(node)
            continue
        names = []
        for end, value in zip(("low", "high"), bounds, strict=True):
            names.append(f"{node.output[0]}.{end}")
            result.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), names[-1]))
        source = made_by[node.input[0]].input[0]
        result.graph.node.append(helper.make_node("Clip", [source, *names], [node.output[0]]))
    read = {name for node in result.graph.node for name in node.input} | {o.name for o in model.graph.output}
    left = [n for n in result.graph.node if any(name in read for name in n.output)]
    del result.graph.node[:]
    result.graph.node.extend(left)
    return result


def _range(
    node: NodeProto, made_by: Mapping[str, NodeProto], constants: Mapping[str, TensorProto]
) -> tuple[float, float] | None:
    """Return the smallest and the largest value that a pair lets through; None for any other node."""
    if node.op_type != "DequantizeLinear" or len(node.input) < 3:
        return None
    quantise = made_by.get(node.input[0])
    if quantise is None or quantise.op_type != "QuantizeLinear":
        return None
    if any(name not in constants for name in node.input[1:3]):
        return None
    scale, zero = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
    if scale.size != 1:
        return None
    return _end(np.iinfo(zero.dtype).min, scale, zero), _end(np.iinfo(zero.dtype).max, scale, zero)


def _end(step: int, scale: npt.NDArray[np.generic], zero: npt.NDArray[np.generic]) -> float:
    return (step - float(zero.item())) * float(scale.item())
