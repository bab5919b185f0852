"""What a stored graph costs by its structure: operations, weights and the memory that running it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from catalog.errors import DataError
from catalog.parts import Part

_INT8_OPERATORS = frozenset({"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul"})


@dataclass(frozen=True, slots=True)
class _Value:
    """Shape and element size of one tensor of a graph, for one window."""

    shape: tuple[int, ...]
    element_bytes: int

    @property
    def size_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.element_bytes


def describe_part(data: bytes, part_id: str) -> Part:
    """Return what a catalog knows of a part, computed from its file's bytes for a batch of one.

    Raises:
        DataError: shapes inside the graph are not fixed, apart from the batch axis.
    """
    model = ModelProto()
    model.ParseFromString(data)
    values = _inferred(model, part_id)
    graph = model.graph
    return Part(
        part_id,
        values[graph.input[0].name].shape[1:],
        values[graph.output[0].name].shape[1:],
        len(data),
        sum(_initializer_bytes(t) for t in graph.initializer),
        activation_bytes(model, values),
        sum(_macs(node, values) for node in graph.node),
        _precision(graph),
    )


def _precision(graph: onnx.GraphProto) -> str:
    """Return the arithmetic that a graph is stored for: what its weights or its operators are."""
    if any(node.op_type in _INT8_OPERATORS for node in graph.node):
        return "int8"
    return "bf16" if any(t.data_type == TensorProto.BFLOAT16 for t in graph.initializer) else "f32"


def macs_by_node(model: ModelProto) -> list[int]:
    """Return the multiply-accumulates of every node for one window, in stored order.

    Raises:
        DataError: shapes inside the graph are not fixed, apart from the batch axis.
    """
    values = _inferred(model, model.graph.name)
    return [_macs(node, values) for node in model.graph.node]


def shapes_by_value(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor for one window.

    Raises:
        DataError: shapes inside the graph are not fixed, apart from the batch axis.
    """
    return {name: value.shape for name, value in _inferred(model, model.graph.name).items()}


def activation_bytes(model: ModelProto, values: Mapping[str, _Value]) -> int:
    """Return the largest sum of live tensors over the nodes in stored order.

    A tensor is live from the node that writes it to the last that reads it: while node k runs,
    live(k) = sum of |t| over tensors t with written(t) <= k <= last_read(t), weights excluded; the
    result is max_k live(k). Quantised graphs are counted as a runtime executes them: what only feeds a
    QuantizeLinear, or comes from a DequantizeLinear, never exists as float32 but as one byte an element; nor
    does what a convolution gives to a PRelu that only feeds a QuantizeLinear: openvino runs these as one.
    """
    constants = {t.name for t in model.graph.initializer}
    written = {model.graph.input[0].name: 0}
    last_read: dict[str, int] = {}
    quantised = _fused_away(model)
    for k, node in enumerate(model.graph.node):
        if all(name in constants for name in node.input if name):
            constants.update(node.output)
            continue
        written.update({name: k for name in node.output if name})
        last_read.update({name: k for name in node.input if name in written})
    last_read[model.graph.output[0].name] = len(model.graph.node)
    sizes = {
        name: values[name].size_bytes // (values[name].element_bytes if name in quantised else 1)
        for name in written
    }
    return max(
        sum(sizes[name] for name, start in written.items() if start <= k <= last_read.get(name, start))
        for k in range(len(model.graph.node))
    )


def _fused_away(model: ModelProto) -> set[str]:
    readers: dict[str, set[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    outputs = {o.name for o in model.graph.output}
    from_int8 = {n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    to_int8 = {name for name, kinds in readers.items() if kinds == {"QuantizeLinear"}}
    to_prelu = {
        node.input[0]
        for node in model.graph.node
        if node.op_type == "PRelu" and node.output[0] in to_int8 and readers[node.input[0]] == {"PRelu"}
    }
    inputs = {i.name for i in model.graph.input}
    return (from_int8 | to_int8 | to_prelu) - outputs - inputs


def _macs(node: NodeProto, values: Mapping[str, _Value]) -> int:
    """Return multiply-accumulates of one node: every output element of a convolution or a matrix
    product takes as many as one filter or row has weights; other operators count none."""
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        return 0
    output = values[node.output[0]].shape
    weight = values[node.input[1]].shape
    if node.op_type == "Conv":
        depth = int(np.prod(weight[1:], dtype=np.int64))
    elif node.op_type == "Gemm":
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        depth = weight[1] if transposed else weight[0]
    else:
        depth = weight[-2] if len(weight) > 1 else weight[0]
    return int(np.prod(output, dtype=np.int64)) * depth


def _inferred(model: ModelProto, part_id: str) -> dict[str, _Value]:
    single = ModelProto()
    single.CopyFrom(model)
    for value in (*single.graph.input, *single.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(single, data_prop=True).graph
    values = {t.name: _Value(tuple(t.dims), _element_bytes(t.data_type)) for t in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        tensor = value.type.tensor_type
        if any(not d.HasField("dim_value") for d in tensor.shape.dim):
            raise DataError(
                f"part {part_id}: shape of {value.name} is not fixed: only the batch axis may vary"
            )
        shape = tuple(d.dim_value for d in tensor.shape.dim)
        values[value.name] = _Value(shape, _element_bytes(tensor.elem_type))
    missing = [n for node in inferred.node for n in node.output if n and n not in values]
    if missing:
        raise DataError(f"part {part_id}: shape of {missing[0]} cannot be inferred")
    return values


def _element_bytes(elem_type: int) -> int:
    return int(helper.tensor_dtype_to_np_dtype(elem_type).itemsize)


def _initializer_bytes(tensor: onnx.TensorProto) -> int:
    return int(numpy_helper.to_array(tensor).nbytes)
