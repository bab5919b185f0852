"""Residual blocks of a stored graph: where they are, and the graph without some of them.

A block adds what its layers make of its input to the input itself (He et al., Deep Residual Learning,
CVPR 2016, equation 1), so a graph in which it is left out still fits together. Blocks that change the
shape have another shortcut and are none here.
"""

from __future__ import annotations

from collections.abc import Collection

from onnx import ModelProto, NodeProto

from catalog.graph_costs import shapes_by_value


def residual_blocks(model: ModelProto) -> dict[str, str]:
    """Return the blocks that can be left out: the name of each one's output, with that of its input.

    Raises:
        DataError: shapes inside the graph are not fixed, apart from the batch axis.
    """
    shapes = shapes_by_value(model)
    weights = {t.name for t in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}
    whole = (model.graph.input[0].name, model.graph.output[0].name)
    found = {}
    for node in model.graph.node:
        if node.op_type != "Add" or any(name in weights for name in node.input):
            continue
        (output,) = node.output
        for start, branch in (tuple(node.input), tuple(reversed(node.input))):
            is_whole = (start, output) == whole  # nothing of the graph would be left
            if shapes[start] == shapes[output] and not is_whole and _leads_to(start, branch, made_by):
                found[output] = start
    return found


def without_blocks(model: ModelProto, outputs: Collection[str]) -> ModelProto:
    """Return a graph without some of its residual blocks, named by their outputs, and what only they used."""
    starts = residual_blocks(model)
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph

    def instead(name: str) -> str:
        while name in outputs:
            name = starts[name]
        return name

    for node in graph.node:
        for k, name in enumerate(node.input):
            node.input[k] = instead(name)
    last, remains = graph.output[0].name, instead(graph.output[0].name)
    if remains != last:
        for node in graph.node:
            node.input[:] = [last if name == remains else name for name in node.input]
            node.output[:] = [
                last if name == remains else f"{name}.left-out" if name == last else name
                for name in node.output
            ]
    _drop_unused(result)
    return result


def _leads_to(start: str, end: str, made_by: dict[str, NodeProto]) -> bool:
    """Tell whether a tensor is made from another one."""
    waiting, seen = [end], {end}
    while waiting:
        node = made_by.get(waiting.pop())
        for name in [] if node is None else node.input:
            if name == start:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return False


def _drop_unused(model: ModelProto) -> None:
    """Remove nodes and weights whose results nothing reads, and notes on what is gone."""
    graph = model.graph
    wanted = {graph.output[0].name}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    weights = [t for t in graph.initializer if t.name in wanted]
    notes = [v for v in graph.value_info if v.name in wanted]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(weights)
    graph.value_info.extend(notes)
