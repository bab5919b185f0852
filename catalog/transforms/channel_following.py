"""Following channels through stored graphs: operator by operator, over the boundaries between parts.

What an operator does to channels is either stated below or not understood. Channels that reach an
operator which is not understood are locked: they stay, whatever else is removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, helper, numpy_helper

from catalog.graph_costs import macs_by_node, shapes_by_value
from catalog.transforms.channel_units import Channels, Count, Cut, Layer, Role, Setting, Units


def follow_channels(models: Sequence[ModelProto]) -> Channels:
    """Return what belongs together in graphs that run one after another.

    Channels are the second axis of every tensor. The output of the last graph is followed too: whoever
    removes some of it must cut what reads it.

    Raises:
        DataError: shapes inside a graph are not fixed, apart from the batch axis.
    """
    ties = _Ties()
    boundaries: list[Units | None] = []
    reached: Units | None = None
    for part, model in enumerate(models):
        reached = _Graph(part, model, ties, reached).output()
        boundaries.append(reached)
    return ties.resolved(boundaries, sum(sum(macs_by_node(model)) for model in models))


class _Ties:
    """Single channels, numbered as they are met, and which of them belong together (union-find)."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._locked: set[int] = set()
        self._cuts: dict[tuple[int, str, int], Cut] = {}
        self.counts: list[Count] = []
        self.layers: list[Layer] = []

    def fresh(self, count: int) -> Units:
        start = len(self._parent)
        self._parent.extend(range(start, start + count))
        return np.arange(start, start + count, dtype=np.int64)

    def tie(self, a: Units, b: Units) -> None:
        for x, y in zip(a.tolist(), b.tolist(), strict=True):
            self._parent[self._root(x)] = self._root(y)

    def lock(self, units: Units | None) -> None:
        self._locked.update([] if units is None else units.tolist())

    def cut(self, cut: Cut) -> None:
        """A tensor that is met again along the same axis ties both uses of it."""
        known = self._cuts.setdefault((cut.part, cut.tensor, cut.axis), cut)
        self.tie(known.units, cut.units)

    def lock_tensor(self, part: int, tensor: str) -> None:
        for (at, name, _), cut in self._cuts.items():
            if (at, name) == (part, tensor):
                self.lock(cut.units)

    def _root(self, unit: int) -> int:
        while self._parent[unit] != unit:
            self._parent[unit] = self._parent[self._parent[unit]]
            unit = self._parent[unit]
        return unit

    def resolved(self, boundaries: Sequence[Units | None], macs: int) -> Channels:
        roots = np.array([self._root(k) for k in range(len(self._parent))], np.int64)
        kept, unit_of = np.unique(roots, return_inverse=True)
        unit_of = unit_of.astype(np.int64).ravel()
        locked = np.zeros(len(kept), np.bool_)
        locked[unit_of[sorted(self._locked)]] = True
        layers = tuple(x.renumbered(unit_of) for x in self.layers)
        everything = np.ones(len(kept), np.bool_)
        return Channels(
            locked,
            tuple(replace(c, units=unit_of[c.units]) for c in self._cuts.values()),
            tuple(replace(c, units=tuple(unit_of[u] for u in c.units)) for c in self.counts),
            layers,
            macs - sum(layer.macs(everything) for layer in layers),
            tuple(None if units is None else unit_of[units] for units in boundaries),
        )


class _Graph:
    """One graph, walked in stored order; a value without an entry is none of ours."""

    def __init__(self, part: int, model: ModelProto, ties: _Ties, reached: Units | None) -> None:
        self._part = part
        self._ties = ties
        self._graph = model.graph
        self._shapes: Mapping[str, tuple[int, ...]] = shapes_by_value(model)
        self._constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self._units: dict[str, Units] = {} if reached is None else {model.graph.input[0].name: reached}
        self._cut_reads: Counter[str] = Counter()

    def output(self) -> Units | None:
        """Return the units of the graph's output."""
        for index, node in enumerate(self._graph.node):
            rule = _RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
            units = None if rule is None else rule(self, index, node)
            if units is None:
                for name in node.input:
                    self._ties.lock(self._units.get(name))
            else:
                self._units[node.output[0]] = units
        reads = Counter(name for node in self._graph.node for name in node.input)
        for name, count in self._cut_reads.items():
            if reads[name] > count:
                self._ties.lock_tensor(self._part, name)
        return self._units.get(self._graph.output[0].name)

    def _cut(self, tensor: str, axis: int, units: Units, role: Role) -> None:
        self._ties.cut(Cut(self._part, tensor, axis, units, role))

    def _weight(self, node: NodeProto) -> npt.NDArray[np.generic] | None:
        found = self._constants.get(node.input[1])
        return found if found is not None and found.dtype == np.float32 else None

    def _read_once(self, *names: str) -> None:
        self._cut_reads.update(name for name in names if name)

    def same(self, _: int, node: NodeProto) -> Units | None:
        """Each channel by itself, or each position by itself."""
        return self._units.get(node.input[0])

    def convolution(self, index: int, node: NodeProto) -> Units | None:
        weight, read = self._weight(node), self._units.get(node.input[0])
        if weight is None:
            return None
        groups = int(_attribute(node, "group", 1))
        positions, kernel = int(np.prod(self._shapes[node.output[0]][2:])), int(np.prod(weight.shape[2:]))
        if groups == 1:
            units = self._ties.fresh(weight.shape[0])
            if read is not None:
                self._cut(node.input[1], 1, read, Role.READS)
            self._ties.layers.append(Layer(positions, kernel, units, read, weight.shape[1]))
        elif read is not None and groups == len(read):
            units = np.repeat(read, weight.shape[0] // groups)
            self._ties.counts.append(Count(self._part, index, Setting.GROUPS, (read,)))
            self._ties.layers.append(Layer(positions, kernel, units, None, 1))
        else:
            return None
        self._written(node, 0, units)
        return units

    def linear(self, _: int, node: NodeProto) -> Units | None:
        weight, read = self._weight(node), self._units.get(node.input[0])
        plain = _attribute(node, "transA", 0) == 0 and len(self._shapes[node.input[0]]) == 2
        if weight is None or weight.ndim != 2 or not plain:
            return None
        output_axis = 0 if node.op_type == "Gemm" and _attribute(node, "transB", 0) else 1
        units = self._ties.fresh(weight.shape[output_axis])
        if read is not None:
            self._cut(node.input[1], 1 - output_axis, read, Role.READS)
        self._ties.layers.append(Layer(1, 1, units, read, weight.shape[1 - output_axis]))
        self._written(node, output_axis, units)
        return units

    def _written(self, node: NodeProto, axis: int, units: Units) -> None:
        self._cut(node.input[1], axis, units, Role.WRITES)
        self._read_once(node.input[1])
        bias = node.input[2] if len(node.input) > 2 else ""
        if not bias:
            return
        values = self._constants.get(bias)
        if values is None or values.shape[-1:] != (len(units),):
            self._ties.lock(units)
            return
        self._cut(bias, values.ndim - 1, units, Role.OFFSETS)
        self._read_once(bias)

    def normalisation(self, _: int, node: NodeProto) -> Units | None:
        units = self._units.get(node.input[0])
        if units is None or any(name not in self._constants for name in node.input[1:]):
            return None
        roles = (Role.SCALES, Role.OFFSETS, Role.OFFSETS, Role.SCALES)
        for name, role in zip(node.input[1:], roles, strict=True):
            self._cut(name, 0, units, role)
            self._read_once(name)
        return units

    def elementwise(self, _: int, node: NodeProto) -> Units | None:
        a, b = node.input
        if b in self._constants or a in self._constants:
            return self._with_constant(node, *((a, b) if b in self._constants else (b, a)))
        x, y = self._units.get(a), self._units.get(b)
        alike = len(self._shapes[a]) == len(self._shapes[b]) and x is not None and y is not None
        if not alike or x is None or y is None or len(x) != len(y):
            return None
        self._ties.tie(x, y)
        return x

    def _with_constant(self, node: NodeProto, value: str, constant: str) -> Units | None:
        units, shape = self._units.get(value), self._constants[constant].shape
        if units is None or self._shapes[node.output[0]][1:] != self._shapes[value][1:]:
            return None
        axis = len(shape) - (len(self._shapes[value]) - 1)
        if axis >= 0 and shape[axis] > 1:
            role = Role.OFFSETS if node.op_type in ("Add", "Sub") else Role.SCALES
            self._cut(constant, axis, units, role)
            self._read_once(constant)
        return units

    def concatenation(self, _: int, node: NodeProto) -> Units | None:
        units = [self._units[name] for name in node.input if name in self._units]
        channels = _attribute(node, "axis", 1) % len(self._shapes[node.output[0]]) == 1
        return np.concatenate(units) if channels and len(units) == len(node.input) else None

    def padding(self, index: int, node: NodeProto) -> Units | None:
        units = self._units.get(node.input[0])
        pads = self._constants.get(node.input[1])
        filled = node.input[2] if len(node.input) > 2 else ""
        zero = not filled or (filled in self._constants and not np.any(self._constants[filled]))
        rank = len(self._shapes[node.input[0]])
        if units is None or pads is None or len(pads) != 2 * rank or any(node.input[3:]):
            return None
        before, after = int(pads[1]), int(pads[rank + 1])
        if before == after == 0:
            return units
        if min(before, after) < 0 or not zero or _attribute(node, "mode", b"constant") != b"constant":
            return None
        zeros = (self._ties.fresh(before), self._ties.fresh(after))
        self._ties.counts.append(Count(self._part, index, Setting.ZERO_CHANNELS, zeros))
        return np.concatenate([zeros[0], units, zeros[1]])

    def over_positions(self, _: int, node: NodeProto) -> Units | None:
        """Axes that are taken away, put in or summed up stand after the channels."""
        rank = max(len(self._shapes[node.input[0]]), len(self._shapes[node.output[0]]))
        axes = self._constants.get(node.input[1]) if len(node.input) > 1 else None
        after = axes is not None and all(axis % rank > 1 for axis in np.ravel(axes).tolist())
        return self._units.get(node.input[0]) if after else None

    def reshaping(self, index: int, node: NodeProto) -> Units | None:
        """Positions that become channels, or axes of one position that come or go."""
        units = self._units.get(node.input[0])
        (_, *before), (windows, *after) = self._shapes[node.input[0]], self._shapes[node.output[0]]
        positions = int(np.prod(before[1:]))
        if units is None or not after or windows != 1:
            return None
        if after[0] == before[0] * positions:
            units = np.repeat(units, positions)
        elif after[0] != before[0]:
            return None
        if node.op_type == "Reshape":
            if node.input[1] not in self._constants:
                return None
            self._ties.counts.append(Count(self._part, index, Setting.TARGET_SHAPE, (units,)))
        return units


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return helper.get_attribute_value(attribute)
    return default


_SAME = (
    "AveragePool Cast Clip Dropout Elu Erf Gelu GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish "
    "Identity LeakyRelu MaxPool Mish Relu Sigmoid Softplus Sqrt Tanh"
)
_RULES: dict[str, Callable[[_Graph, int, NodeProto], Units | None]] = {
    **dict.fromkeys(_SAME.split(), _Graph.same),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "PRelu"), _Graph.elementwise),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "Squeeze", "Unsqueeze"), _Graph.over_positions),
    **dict.fromkeys(("Gemm", "MatMul"), _Graph.linear),
    **dict.fromkeys(("Flatten", "Reshape"), _Graph.reshaping),
    "BatchNormalization": _Graph.normalisation,
    "Concat": _Graph.concatenation,
    "Conv": _Graph.convolution,
    "Pad": _Graph.padding,
}
