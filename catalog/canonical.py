"""The canonical form of a stored part: the same structure and weights give the same bytes.

A part's id is the hash of its file, so everything that an exporter adds and that does not change
what the graph computes (names, documentation, producer, metadata, the way a constant is written) is
taken out or written in one way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catalog.errors import CatalogError, DataError

if TYPE_CHECKING:
    import onnx


def canonical_bytes(model: onnx.ModelProto) -> bytes:
    """Return the canonical serialisation of a straight graph: no control flow, one input, one output.

    Raises:
        DataError: weights that are not finite, or a graph that is not straight.
    """
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(model)
    _check_straight(copy.graph)
    _strip(copy)
    names = _ordered_names(copy.graph)
    _rename_values(copy.graph, names)
    _rewrite_weights(copy.graph, names)
    _rewrite_nodes(copy.graph, names)
    try:
        _check_finite(copy, "part")
    except CatalogError as e:
        raise DataError(str(e)) from e
    return copy.SerializeToString(deterministic=True)


def check_finite(data: bytes, where: str) -> None:
    """Check that a stored part parses and that its weights are finite.

    Raises:
        CatalogError: it does not, or they are not.
    """
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as e:
        raise CatalogError(f"{where}: not a stored part: {e}") from e
    _check_finite(model, where)


def _check_straight(graph: onnx.GraphProto) -> None:
    if len(graph.input) != 1 or len(graph.output) != 1:
        found = f"{len(graph.input)} inputs and {len(graph.output)} outputs"
        raise DataError(f"part: {found}: expected one of each")
    for node in graph.node:
        if any(a.HasField("g") or a.graphs for a in node.attribute):
            raise DataError(f"part: node {node.op_type} holds a graph: control flow cannot be stored")


def _strip(model: onnx.ModelProto) -> None:
    for field in ("producer_name", "producer_version", "domain", "doc_string", "model_version"):
        model.ClearField(field)
    del model.metadata_props[:]
    opsets = sorted(model.opset_import, key=lambda o: o.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    graph = model.graph
    graph.name = "part"
    graph.ClearField("doc_string")
    del graph.value_info[:]
    del graph.metadata_props[:]


def _ordered_names(graph: onnx.GraphProto) -> dict[str, str]:
    """Number every value by where it is first met: the input, then node by node, the output last."""
    names: dict[str, str] = {}
    for value in graph.input:
        names.setdefault(value.name, f"v{len(names)}")
    for node in graph.node:
        for name in (*node.input, *node.output):
            if name:
                names.setdefault(name, f"v{len(names)}")
    for tensor in graph.initializer:
        names.setdefault(tensor.name, f"v{len(names)}")
    return names


def _rename_values(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        value.ClearField("doc_string")
        del value.metadata_props[:]
        for i, dim in enumerate(value.type.tensor_type.shape.dim):
            dim.ClearField("denotation")
            if not dim.HasField("dim_value"):
                dim.dim_param = f"d{i}"


def _rewrite_weights(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    ordered = sorted(graph.initializer, key=lambda t: int(names[t.name][1:]))
    weights = [_plain_tensor(t, names[t.name]) for t in ordered]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _rewrite_nodes(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for i, node in enumerate(graph.node):
        node.name = f"n{i}"
        node.ClearField("doc_string")
        del node.metadata_props[:]
        for values in (node.input, node.output):
            values[:] = [names[name] if name else "" for name in values]
        attributes = [_plain_attribute(a) for a in sorted(node.attribute, key=lambda a: a.name)]
        del node.attribute[:]
        node.attribute.extend(attributes)


def _plain_attribute(attribute: onnx.AttributeProto) -> onnx.AttributeProto:
    attribute.ClearField("doc_string")
    if attribute.HasField("t"):
        attribute.t.CopyFrom(_plain_tensor(attribute.t, ""))
    return attribute


def _plain_tensor(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    """Return a tensor written as raw bytes, whichever way the exporter wrote it."""
    from onnx import numpy_helper

    return numpy_helper.from_array(numpy_helper.to_array(tensor), name)


def _check_finite(model: onnx.ModelProto, where: str) -> None:
    for name, values in _constants(model.graph):
        # numpy knows bfloat16 and the 8 bit floats as raw data alone.
        if values.dtype.kind in "fV" and not np.isfinite(values.astype(np.float32)).all():
            raise CatalogError(f"{where}: weights {name} are not finite")


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    from onnx import numpy_helper

    for tensor in graph.initializer:
        yield tensor.name, numpy_helper.to_array(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield f"{node.op_type}.{attribute.name}", numpy_helper.to_array(attribute.t)
