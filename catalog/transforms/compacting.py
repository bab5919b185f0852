"""Graphs that are physically smaller: removed channels are cut out of every tensor and setting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from catalog.transforms.channel_units import Channels, Count, Mask, Setting, Units


def compacted(models: Sequence[ModelProto], channels: Channels, kept: Mask) -> list[ModelProto]:
    """Return graphs without the channels of the units that are not kept.

    Args:
        models: in order.
        channels: theirs.
        kept: (U,); locked units are.
    """
    assert bool(kept[channels.locked].all())
    results = []
    reached: Units | None = None
    for part, model in enumerate(models):
        result = ModelProto()
        result.CopyFrom(model)
        _cut_tensors(result.graph, part, channels, kept)
        for count in channels.counts:
            if count.part == part:
                _recount(result.graph, count, kept)
        _state_channels(result.graph.input[0], reached, kept)
        reached = channels.boundaries[part]
        _state_channels(result.graph.output[0], reached, kept)
        _drop_unread(result.graph)
        del result.graph.value_info[:]
        results.append(result)
    return results


def _cut_tensors(graph: GraphProto, part: int, channels: Channels, kept: Mask) -> None:
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for cut in channels.cuts:
        if cut.part != part:
            continue
        values = np.compress(kept[cut.units], numpy_helper.to_array(stored[cut.tensor]), cut.axis)
        stored[cut.tensor].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), cut.tensor))


def _recount(graph: GraphProto, count: Count, kept: Mask) -> None:
    node = graph.node[count.node]
    left = [int(kept[units].sum()) for units in count.units]
    if count.setting is Setting.GROUPS:
        (attribute,) = (a for a in node.attribute if a.name == "group")
        attribute.i = left[0]
        return
    values = np.array(numpy_helper.to_array(_stored(graph, node.input[1])))
    if count.setting is Setting.ZERO_CHANNELS:
        values[[1, len(values) // 2 + 1]] = left
    elif values[1] > 0:
        values[1] = left[0]
    _give_own(graph, node, values)


def _stored(graph: GraphProto, name: str) -> TensorProto:
    return next(tensor for tensor in graph.initializer if tensor.name == name)


def _give_own(graph: GraphProto, node: NodeProto, values: npt.NDArray[np.generic]) -> None:
    """Let a node read a tensor of its own: others may share the one that it read."""
    node.input[1] = f"{node.output[0]}.{node.input[1]}"
    graph.initializer.append(numpy_helper.from_array(values, node.input[1]))


def _state_channels(value: ValueInfoProto, units: Units | None, kept: Mask) -> None:
    if units is not None:
        value.type.tensor_type.shape.dim[1].dim_value = int(kept[units].sum())


def _drop_unread(graph: GraphProto) -> None:
    read = {name for node in graph.node for name in node.input}
    left = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(left)
