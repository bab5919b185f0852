"""Where a graph can be cut into parts, and where it should be.

A graph with one input and one output can be cut at a tensor that every path from input to output goes
through (an articulation point of the dataflow): then that tensor is all that passes from one part to the
next, so that parts can be shared, loaded and run at different places one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx
from onnx import ModelProto, NodeProto
from onnx.utils import Extractor

from catalog.errors import BadInput
from catalog.graph_costs import macs_by_node

MOST_PARTS = 6
# Costs of one more part (a call, a file) and of crossing bytes, in the unit of sum of squared shares.
# With these, parts of equal cost come out as three or four.
_PER_PART = 0.06
_PER_LARGEST_TENSOR = 0.05
# Runtimes fuse these into what comes before them, unless a cut keeps them apart.
_FUSED = frozenset(
    {"Relu", "Clip", "PRelu", "LeakyRelu", "Sigmoid", "HardSwish", "HardSigmoid", "Tanh", "Elu", "Gelu"}
    | {"BatchNormalization", "Flatten", "Reshape", "Squeeze", "Identity", "Dropout"}
)


@dataclass(frozen=True, slots=True)
class CutPoint:
    """A tensor that alone passes from what comes before to what comes after.

    Args:
        tensor: its name.
        cost_before: multiply-accumulates before it, as a share of the graph's.
        size_bytes: of one window.
    """

    tensor: str
    cost_before: float
    size_bytes: int


def cut_points(model: ModelProto) -> list[CutPoint]:
    """Return every tensor between input and output at which a graph can be cut, in order.

    A cut that would keep an activation from the convolution before it is left out.
    """
    graph = model.graph
    shapes = _shapes(model)
    readers: dict[str, list[NodeProto]] = {}
    last_read: dict[str, int] = {}
    for k, node in enumerate(graph.node):
        for name in node.input:
            readers.setdefault(name, []).append(node)
            last_read[name] = k
    costs = np.cumsum(macs_by_node(model))
    live = {graph.input[0].name}
    constants = {t.name for t in graph.initializer}
    found = []
    for k, node in enumerate(graph.node[:-1]):
        if all(name in constants for name in node.input if name):
            constants.update(node.output)
            continue
        live.update(name for name in node.output if name in last_read)
        live = {name for name in live if last_read[name] > k}
        if len(live) != 1:
            continue
        (tensor,) = live
        fused = len(readers[tensor]) == 1 and readers[tensor][0].op_type in _FUSED
        if tensor in node.output and not fused and tensor in shapes and _is_batch(shapes[tensor]):
            share = float(costs[k] / costs[-1]) if costs[-1] else 0.0
            found.append(CutPoint(tensor, share, 4 * int(np.prod(shapes[tensor][1:], dtype=np.int64))))
    return found


def chosen_cuts(points: Sequence[CutPoint], most_parts: int = MOST_PARTS) -> tuple[str, ...]:
    """Return the tensors at which to cut: parts of even cost, small tensors between them, few parts.

    Minimises sum over parts of share^2 + .06 for each cut + .05 * (its bytes / the largest tensor's), by
    dynamic programming over the cut points; ties go to fewer parts, then to earlier cuts.
    """
    usable = [p for p in points if 0.0 < p.cost_before < 1.0]
    if not usable:
        return ()
    largest = max(p.size_bytes for p in usable)
    prices = [_PER_PART + _PER_LARGEST_TENSOR * p.size_bytes / largest for p in usable]
    # best[k]: the cheapest way to cut with its last cut at k, for the number of cuts of this round.
    best: list[tuple[float, tuple[int, ...]]] = [
        (p.cost_before**2 + price, (k,)) for k, (p, price) in enumerate(zip(usable, prices, strict=True))
    ]
    winner: tuple[float, tuple[int, ...]] = (1.0, ())
    for _ in range(most_parts - 1):
        closed = [(cost + (1.0 - usable[k].cost_before) ** 2, cuts) for k, (cost, cuts) in enumerate(best)]
        winner = min(winner, min(closed), key=lambda c: (c[0], len(c[1])))
        best = [
            min(
                (
                    (best[j][0] + (p.cost_before - usable[j].cost_before) ** 2 + prices[k], (*best[j][1], k))
                    for j in range(k)
                ),
                default=(np.inf, (k,)),
            )
            for k, p in enumerate(usable)
        ]
    return tuple(usable[k].tensor for k in winner[1])


def named_cuts(model: ModelProto, tensors: dict[str, str]) -> tuple[str, ...]:
    """Check the user's own cuts.

    Args:
        model: the graph.
        tensors: name of a module -> the tensor that it gives.

    Raises:
        BadInput: more than that tensor crosses there, or the modules do not run in this order.
    """
    order = {name: k for k, node in enumerate(model.graph.node) for name in node.output}
    for module, tensor in tensors.items():
        if not _alone(model, tensor):
            raise BadInput(
                f"parts: more than what {module!r} gives is used after it, so the trunk cannot be cut there"
            )
    positions = [order[t] for t in tensors.values()]
    if positions != sorted(set(positions)):
        raise BadInput(f"parts: {list(tensors)}: expected the order in which they run, each with an output")
    return tuple(tensors.values())


def cut(model: ModelProto, tensors: Sequence[str]) -> list[ModelProto]:
    """Return the parts of a graph, cut at these tensors in order."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    ends = [model.graph.input[0].name, *tensors, model.graph.output[-1].name]
    extractor = Extractor(inferred)
    return [extractor.extract_model([a], [b]) for a, b in pairwise(ends)]


def _alone(model: ModelProto, tensor: str) -> bool:
    """Whether nothing else that depends on the input crosses where this tensor is made."""
    graph = model.graph
    before = {tensor}
    inside: set[int] = set()
    for k in range(len(graph.node) - 1, -1, -1):
        if any(name in before for name in graph.node[k].output):
            inside.add(k)
            before.update(graph.node[k].input)
    made = {name for k in inside for name in graph.node[k].output} | {graph.input[0].name}
    crossing = {n for k, node in enumerate(graph.node) if k not in inside for n in node.input if n in made}
    dependent = _dependent(model)
    return crossing & dependent <= {tensor}


def _dependent(model: ModelProto) -> set[str]:
    values = {model.graph.input[0].name}
    for node in model.graph.node:
        if any(name in values for name in node.input):
            values.update(node.output)
    return values


def _shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes that are known, with -1 for what is open."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims)
    return shapes


def _is_batch(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[0] == -1 and min(shape[1:]) > 0
