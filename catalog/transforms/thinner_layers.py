"""Replacing the layers of a stored graph by several thinner ones, and how thin they may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, numpy_helper

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thinning:
    """How much of a layer is kept: whichever of the two asks for less.

    Args:
        kept: share of its operations that the thinner layers may take together, in (0, 1).
        energy: share of the sum of squares of its weights that needs to be kept, in (0, 1]; 1 for all.
    """

    kept: float
    energy: float = 1.0


Replacement = tuple[Sequence[NodeProto], Sequence[TensorProto]]
Rule = Callable[[NodeProto, Float32], Replacement | None]


def with_layers_replaced(model: ModelProto, rule: Rule) -> ModelProto:
    """Return a graph in which a rule has replaced layers, without the weights that nothing reads any more.

    Args:
        model: the graph as it was.
        rule: called with each node and its float32 weight; gives nodes and weights, None to leave it.
    """
    result = ModelProto()
    result.CopyFrom(model)
    weights = {t.name: t for t in model.graph.initializer}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        stored = weights.get(node.input[1]) if len(node.input) > 1 else None
        replaced = None
        if stored is not None and stored.data_type == TensorProto.FLOAT:
            replaced = rule(node, np.asarray(numpy_helper.to_array(stored), dtype=np.float32))
        nodes.extend([node] if replaced is None else replaced[0])
        result.graph.initializer.extend([] if replaced is None else replaced[1])
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    left = [t for t in result.graph.initializer if t.name in used]
    del result.graph.initializer[:]
    result.graph.initializer.extend(left)
    return result


def rank_of_energy(singular: npt.NDArray[np.floating], energy: float) -> int:
    """Return how many of the largest singular values, given in falling order, hold a share of the squares."""
    if energy >= 1.0:
        return len(singular)
    squares = np.cumsum(singular.astype(np.float64) ** 2)
    return int(np.searchsorted(squares, energy * squares[-1])) + 1


def attributes_of(node: NodeProto) -> dict[str, AttributeProto]:
    """Return the attributes of a node by name."""
    return {a.name: a for a in node.attribute}


def ints(attributes: dict[str, AttributeProto], name: str, default: list[int]) -> list[int]:
    """Return an attribute that is a list of whole numbers."""
    return list(attributes[name].ints) if name in attributes else default


def groups(attributes: dict[str, AttributeProto]) -> int:
    """Return how many groups a convolution has."""
    return attributes["group"].i if "group" in attributes else 1


def weight_tensor(values: Float32, name: str) -> TensorProto:
    """Return a weight as it is stored in a graph."""
    return numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name)
