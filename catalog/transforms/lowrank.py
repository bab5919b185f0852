"""Low-rank factorisation: a layer becomes two thinner ones, then the trunk is trained a little more.

A convolution W (O, I, kh, kw) becomes kh x 1 with R filters followed by 1 x kw: the singular value
decomposition of W as a matrix [(I, kh), (kw, O)], cut after R values, is the best such pair in squared
error (Jaderberg et al., Speeding up Convolutional Neural Networks with Low Rank Expansions, BMVC 2014,
scheme 2; Tai et al., Convolutional Neural Networks with Low-rank Regularization, ICLR 2016,
theorem 1). A linear layer is cut in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from catalog.errors import RunFailed
from catalog.transforms.recipe import Bench, Candidate, Family

Float32 = npt.NDArray[np.float32]

KEPT_SHARE = 0.5
_TUNING_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class Factorise:
    """Factorise every layer of a stored trunk that gets cheaper by it.

    Args:
        of: name of the trunk to start from.
        kept: share of a layer's operations that the two thinner ones may take together, in (0, 1).
    """

    of: str
    kept: float = KEPT_SHARE

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the factorised and tuned parts; see Recipe."""
        from catalog.transforms.teaching import starting_head
        from catalog.transforms.tuning import tuned

        start = bench.starting(self.of)
        whole = [_read_model(path) for path in start.parts]
        models = [factorised(model, self.kept) for model in whole]
        if models == whole:
            raise RunFailed(f"no layer of {self.of} gets cheaper by factorising it")
        return tuned(models, starting_head(start), bench, _TUNING_RATE, start)


def lowrank(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the full-size trunk with factorised layers; see Technique."""
    lineage = (*base.lineage, f"lowrank kept={KEPT_SHARE:g}")
    name = f"{base.name}-lowrank"
    return [
        Candidate(name, family.input_type.name, base.size_px, Factorise(base.name), lineage, (base.name,))
    ]


def _read_model(path: Path) -> ModelProto:
    model = ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


def factorised(model: ModelProto, kept: float) -> ModelProto:
    """Return a graph in which each convolution and linear layer that gets cheaper is two layers."""
    result = ModelProto()
    result.CopyFrom(model)
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        replaced = _factorised_node(node, weights, kept)
        if replaced is None:
            nodes.append(node)
            continue
        pair, added = replaced
        nodes.extend(pair)
        result.graph.initializer.extend(added)
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    left = [t for t in result.graph.initializer if t.name in used]
    del result.graph.initializer[:]
    result.graph.initializer.extend(left)
    return result


def _factorised_node(
    node: NodeProto, weights: dict[str, npt.NDArray[np.generic]], kept: float
) -> tuple[list[NodeProto], list[TensorProto]] | None:
    weight = weights.get(node.input[1]) if len(node.input) > 1 else None
    if weight is None or weight.dtype != np.float32:
        return None
    values = np.asarray(weight, dtype=np.float32)
    if node.op_type == "Conv":
        return _factorised_convolution(node, values, kept)
    if node.op_type in ("Gemm", "MatMul") and values.ndim == 2:
        return _factorised_product(node, values, kept)
    return None


def _factorised_convolution(
    node: NodeProto, weight: Float32, kept: float
) -> tuple[list[NodeProto], list[TensorProto]] | None:
    attributes = {a.name: a for a in node.attribute}
    plain = _pads_spelled_out(attributes) and _ints(attributes, "dilations", [1, 1]) == [1, 1]
    if weight.ndim != 4 or not plain or ("group" in attributes and attributes["group"].i != 1):
        return None
    outputs, inputs, high, wide = weight.shape
    rank = int(kept * outputs * inputs * high * wide / (inputs * high + outputs * wide))
    if min(high, wide) < 2 or not 1 <= rank < min(inputs * high, outputs * wide):
        return None
    matrix = weight.transpose(1, 2, 3, 0).reshape(inputs * high, wide * outputs)
    left, right = best_pair(matrix, rank)
    column = left.T.reshape(rank, inputs, high, 1)
    row = right.reshape(rank, wide, outputs).transpose(2, 0, 1).reshape(outputs, rank, 1, wide)
    strides = _ints(attributes, "strides", [1, 1])
    top, start, bottom, end = _ints(attributes, "pads", [0, 0, 0, 0])
    down, across = (f"{node.output[0]}.{axis}" for axis in ("down", "across"))
    pair = [
        helper.make_node(
            "Conv", [node.input[0], down], [f"{node.output[0]}.between"],
            kernel_shape=[high, 1], strides=[strides[0], 1], pads=[top, 0, bottom, 0],
        ),
        helper.make_node(
            "Conv", [f"{node.output[0]}.between", across, *node.input[2:]], list(node.output),
            kernel_shape=[1, wide], strides=[1, strides[1]], pads=[0, start, 0, end],
        ),
    ]  # fmt: skip
    return pair, [_stored(column, down), _stored(row, across)]


def _factorised_product(
    node: NodeProto, weight: Float32, kept: float
) -> tuple[list[NodeProto], list[TensorProto]] | None:
    attributes = {a.name: a for a in node.attribute}
    if "transA" in attributes and attributes["transA"].i:
        return None
    transposed = "transB" in attributes and attributes["transB"].i == 1
    matrix = weight.T if transposed else weight  # (inputs, outputs)
    inputs, outputs = matrix.shape
    rank = int(kept * inputs * outputs / (inputs + outputs))
    if not 1 <= rank < min(inputs, outputs):
        return None
    left, right = best_pair(matrix, rank)
    names = [f"{node.output[0]}.{side}" for side in ("left", "right")]
    second = NodeProto()
    second.CopyFrom(node)
    second.input[0], second.input[1] = f"{node.output[0]}.between", names[1]
    pair = [helper.make_node("MatMul", [node.input[0], names[0]], [f"{node.output[0]}.between"]), second]
    return pair, [_stored(left, names[0]), _stored(right.T if transposed else right, names[1])]


def best_pair(matrix: Float32, rank: int) -> tuple[Float32, Float32]:
    """Return A (m, R) and B (R, n) with the smallest squared error of A @ B to matrix (m, n).

    The singular values are shared out evenly, so that both layers train at the same pace. Signs are
    fixed by the largest entry of each column, because the decomposition leaves them open.
    """
    u, s, vt = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    signs = np.sign(u[np.abs(u).argmax(axis=0), np.arange(u.shape[1])])
    root = np.sqrt(s[:rank])
    left = u[:, :rank] * (signs[:rank] * root)
    right = (signs[:rank] * root)[:, np.newaxis] * vt[:rank]
    return left.astype(np.float32), right.astype(np.float32)


def _pads_spelled_out(attributes: dict[str, AttributeProto]) -> bool:
    """Whether padding, if any, is spelled out in pads."""
    return "auto_pad" not in attributes or attributes["auto_pad"].s == b"NOTSET"


def _ints(attributes: dict[str, AttributeProto], name: str, default: list[int]) -> list[int]:
    return list(attributes[name].ints) if name in attributes else default


def _stored(values: Float32, name: str) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)
