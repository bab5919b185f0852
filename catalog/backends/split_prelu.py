"""PReLU for onnxruntime, in steps that it runs in vectors: its own operator goes value by value.

max(x, 0) + slope * min(x, 0) gives the same to the last bit. Stored parts keep PRelu, which openvino runs
inside the convolution before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, helper, numpy_helper

_MARK = b"PRelu"
_ZERO = "split_prelu.zero"


def loadable(path: Path) -> str | bytes:
    """Return what onnxruntime is to load for a part: its file, or its graph without PRelu.

    What cannot be read is left for onnxruntime to complain about.
    """
    try:
        data = path.read_bytes()
        if _MARK not in data:
            return str(path)
        return split(ModelProto.FromString(data)).SerializeToString()
    except (OSError, DecodeError):
        return str(path)


def split(model: ModelProto) -> ModelProto:
    """Return a graph with four plain operators for each PRelu."""
    copy = ModelProto()
    copy.CopyFrom(model)
    nodes = [step for node in model.graph.node for step in _steps(node)]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    copy.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), _ZERO))
    return copy


def _steps(node: NodeProto) -> Iterator[NodeProto]:
    if node.op_type != "PRelu":
        yield node
        return
    x, slope = node.input
    (y,) = node.output
    above, below, leaking = (f"{y}.{part}" for part in ("above", "below", "leaking"))
    yield helper.make_node("Relu", [x], [above])
    yield helper.make_node("Clip", [x, "", _ZERO], [below])
    yield helper.make_node("Mul", [below, slope], [leaking])
    yield helper.make_node("Add", [above, leaking], [y])
