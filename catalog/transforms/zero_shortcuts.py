"""Shortcuts without weights, written as convolutions: every other position, and zeros in new channels.

Runtimes have no quantised kernel for padding channels, so that such a shortcut (He et al., Deep Residual
Learning, CVPR 2016, section 4.2, option A) leaves int8 and the layout that convolutions work in, and the
maps of all blocks behind it are turned to and fro. A 1 x 1 convolution of zeros and ones gives the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from catalog.graph_costs import shapes_by_value
from catalog.transforms.thinner_layers import attributes_of, ints

_CHANNELS, _AXES = 1, 4


def with_shortcuts_as_convolutions(model: ModelProto) -> ModelProto:
    """Return a graph that computes the same; one without such shortcuts as it is.

    Raises:
        DataError: shapes inside the graph are not fixed, apart from the batch axis.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    shapes = shapes_by_value(model)
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        before = nodes[-1] if nodes else None
        added = _added_channels(node, constants, shapes)
        if added is None or before is None or not _takes_some_positions(before, node, list(graph.node)):
            nodes.append(node)
            continue
        weight = _placing(shapes[node.input[0]][_CHANNELS], *added, name=f"{node.output[0]}.placing")
        strides = ints(attributes_of(before), "strides", [1, 1])
        nodes[-1] = helper.make_node(
            "Conv", [before.input[0], weight.name], list(node.output), kernel_shape=[1, 1], strides=strides
        )
        graph.initializer.append(weight)
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    left = [t for t in graph.initializer if t.name in read]
    del graph.initializer[:]
    graph.initializer.extend(left)
    return result


def _takes_some_positions(node: NodeProto, reader: NodeProto, nodes: list[NodeProto]) -> bool:
    """Tell whether a node passes on single positions, and nothing but one other node reads them."""
    attributes = attributes_of(node)
    one = ints(attributes, "kernel_shape", []) == [1, 1] and not any(ints(attributes, "pads", [0]))
    readers = [n for n in nodes if node.output[0] in n.input]
    return node.op_type == "AveragePool" and one and readers == [reader]


def _added_channels(
    node: NodeProto, constants: dict[str, npt.NDArray[np.generic]], shapes: dict[str, tuple[int, ...]]
) -> tuple[int, int] | None:
    """Return how many channels of zeros a node puts before and behind those it reads; None for others."""
    if node.op_type != "Pad" or attributes_of(node).get("mode", _CONSTANT).s != _CONSTANT.s:
        return None
    pads, value, axes = (constants.get(name) for name in (*node.input[1:], "", "")[:3])
    if pads is None or (value is not None and value.any()) or len(shapes[node.input[0]]) != _AXES:
        return None
    full = np.zeros((2, _AXES), np.int64)
    full[:, slice(None) if axes is None else axes.astype(np.int64)] = pads.reshape(2, -1)
    before, behind = full[:, _CHANNELS].tolist()
    return (before, behind) if full.sum() == before + behind and min(before, behind) >= 0 else None


_CONSTANT = helper.make_attribute("mode", "constant")


def _placing(channels: int, before: int, behind: int, name: str) -> TensorProto:
    weight = np.zeros((before + channels + behind, channels, 1, 1), np.float32)
    weight[before + np.arange(channels), np.arange(channels)] = 1.0
    return numpy_helper.from_array(weight, name)
