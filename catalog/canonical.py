"""The canonical form of a stored part: the same structure and weights give the same bytes.

A part's id is the hash of its file, so everything that an exporter adds and that does not change
what the graph computes (names, documentation, producer, metadata) is taken out or renamed in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from catalog.errors import CatalogError, DataError

if TYPE_CHECKING:
    import onnx


def canonical_bytes(model: onnx.ModelProto) -> bytes:
    """Return the canonical serialisation of a graph with one input and one output.

    Raises:
        DataError: weights that are not finite.
    """
    from onnx import ModelProto

    copy = ModelProto()
    copy.CopyFrom(model)
    for field in ("producer_name", "producer_version", "domain", "doc_string", "model_version"):
        copy.ClearField(field)
    del copy.metadata_props[:]
    graph = copy.graph
    graph.name = "part"
    graph.ClearField("doc_string")
    del graph.value_info[:]
    del graph.metadata_props[:]
    names = _ordered_names(graph)
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        value.ClearField("doc_string")
        del value.metadata_props[:]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
        tensor.ClearField("doc_string")
        del tensor.metadata_props[:]
    ordered = sorted(graph.initializer, key=lambda t: int(t.name[1:]))
    del graph.initializer[:]
    graph.initializer.extend(ordered)
    for i, node in enumerate(graph.node):
        node.name = f"n{i}"
        node.ClearField("doc_string")
        del node.metadata_props[:]
        for j, name in enumerate(node.input):
            node.input[j] = names[name] if name else ""
        for j, name in enumerate(node.output):
            node.output[j] = names[name] if name else ""
        attributes = sorted(node.attribute, key=lambda a: a.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    try:
        _check_finite(copy, "part")
    except CatalogError as e:
        raise DataError(str(e)) from e
    return copy.SerializeToString(deterministic=True)


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


def _check_finite(model: onnx.ModelProto, where: str) -> None:
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise CatalogError(f"{where}: weights {tensor.name} are not finite")
