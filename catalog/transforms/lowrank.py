"""Low-rank factorisation: a layer becomes two thinner ones, then the trunk is trained a little more.

A convolution W (O, I, kh, kw) becomes kh x 1 with R filters followed by 1 x kw: the singular value
decomposition of W as a matrix [(I, kh), (kw, O)], cut after R values, is the best such pair in squared
error (Jaderberg et al., Speeding up Convolutional Neural Networks with Low Rank Expansions, BMVC 2014,
scheme 2; Tai et al., Convolutional Neural Networks with Low-rank Regularization, ICLR 2016,
theorem 1). A linear layer is cut in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, helper

from catalog.errors import RunFailed
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.starting import starting_graphs, starting_head
from catalog.transforms.thinner_layers import (
    Float32,
    Replacement,
    Thinning,
    attributes_of,
    groups,
    ints,
    rank_of_energy,
    weight_tensor,
    with_layers_replaced,
)

KEPT_SHARE = 0.5
_TUNING_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class Factorise:
    """Factorise every layer of a stored trunk that gets cheaper by it.

    Args:
        of: name of the trunk to start from.
        kept: share of a layer's operations that the two thinner ones may take together, in (0, 1).
        energy: share of the squares of its weights that is enough, in (0, 1]; see Thinning.
        rate: highest learning rate of the training after it; None for this technique's own.
    """

    of: str
    kept: float = KEPT_SHARE
    energy: float = 1.0
    rate: float | None = None

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the factorised and tuned parts; see Recipe."""
        thinning = Thinning(self.kept, self.energy)
        return factorised_and_tuned(self.of, bench, lambda m: factorised(m, thinning), self.rate)


def factorised_and_tuned(
    of: str, bench: Bench, change: Callable[[ModelProto], ModelProto], rate: float | None
) -> tuple[bytes, ...]:
    """Return the parts of a stored trunk, changed and trained a little more.

    Raises:
        RunFailed: the change leaves every part as it was.
        McdnnError: see Recipe.
    """
    from catalog.transforms.tuning import tuned

    start = bench.starting(of)
    whole = starting_graphs(start)
    models = [change(model) for model in whole]
    if models == whole:
        raise RunFailed(f"no layer of {of} gets cheaper by factorising it")
    return tuned(models, starting_head(start), bench, rate or _TUNING_RATE, start)


def lowrank(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the full-size trunk with factorised layers; see Technique."""
    lineage = (*base.lineage, f"lowrank kept={KEPT_SHARE:g}")
    name = f"{base.name}-lowrank"
    return [
        Candidate(name, family.input_type.name, base.size_px, Factorise(base.name), lineage, (base.name,))
    ]


def factorised(model: ModelProto, thinning: Thinning) -> ModelProto:
    """Return a graph in which each convolution and linear layer that gets cheaper is two layers."""
    return with_layers_factorised(model, thinning, _factorised_convolution)


def with_layers_factorised(
    model: ModelProto,
    thinning: Thinning,
    convolution: Callable[[NodeProto, Float32, Thinning], Replacement | None],
) -> ModelProto:
    """Return a graph whose convolutions are replaced in a way, and linear layers by two thinner ones."""

    def rule(node: NodeProto, weight: Float32) -> Replacement | None:
        if node.op_type == "Conv":
            return convolution(node, weight, thinning)
        return _factorised_product(node, weight, thinning)

    return with_layers_replaced(model, rule)


def _factorised_convolution(node: NodeProto, weight: Float32, thinning: Thinning) -> Replacement | None:
    attributes = attributes_of(node)
    plain = _pads_spelled_out(attributes) and ints(attributes, "dilations", [1, 1]) == [1, 1]
    if weight.ndim != 4 or not plain or groups(attributes) != 1:
        return None
    outputs, inputs, high, wide = weight.shape
    rank = int(thinning.kept * outputs * inputs * high * wide / (inputs * high + outputs * wide))
    if min(high, wide) < 2 or not 1 <= rank < min(inputs * high, outputs * wide):
        return None
    matrix = weight.transpose(1, 2, 3, 0).reshape(inputs * high, wide * outputs)
    left, right = best_pair(matrix, rank, thinning.energy)
    rank = left.shape[1]
    column = left.T.reshape(rank, inputs, high, 1)
    row = right.reshape(rank, wide, outputs).transpose(2, 0, 1).reshape(outputs, rank, 1, wide)
    strides = ints(attributes, "strides", [1, 1])
    top, start, bottom, end = ints(attributes, "pads", [0, 0, 0, 0])
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
    return pair, [weight_tensor(column, down), weight_tensor(row, across)]


def _factorised_product(node: NodeProto, weight: Float32, thinning: Thinning) -> Replacement | None:
    """Return a linear layer as two; None for what is none, or gets no cheaper."""
    attributes = attributes_of(node)
    if node.op_type not in ("Gemm", "MatMul") or weight.ndim != 2:
        return None
    if "transA" in attributes and attributes["transA"].i:
        return None
    transposed = "transB" in attributes and attributes["transB"].i == 1
    matrix = weight.T if transposed else weight  # (inputs, outputs)
    inputs, outputs = matrix.shape
    rank = int(thinning.kept * inputs * outputs / (inputs + outputs))
    if not 1 <= rank < min(inputs, outputs):
        return None
    left, right = best_pair(matrix, rank, thinning.energy)
    names = [f"{node.output[0]}.{side}" for side in ("left", "right")]
    second = NodeProto()
    second.CopyFrom(node)
    second.input[0], second.input[1] = f"{node.output[0]}.between", names[1]
    pair = [helper.make_node("MatMul", [node.input[0], names[0]], [f"{node.output[0]}.between"]), second]
    return pair, [weight_tensor(left, names[0]), weight_tensor(right.T if transposed else right, names[1])]


def best_pair(matrix: Float32, rank: int, energy: float = 1.0) -> tuple[Float32, Float32]:
    """Return A (m, R) and B (R, n) with the smallest squared error of A @ B to matrix (m, n).

    The singular values are shared out evenly, so that both layers train at the same pace. Signs are
    fixed by the largest entry of each column, because the decomposition leaves them open.

    Args:
        matrix: to be replaced.
        rank: R, unless less is enough.
        energy: share of the squares of the matrix that is enough, in (0, 1].
    """
    u, s, vt = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    rank = min(rank, rank_of_energy(s, energy))
    signs = np.sign(u[np.abs(u).argmax(axis=0), np.arange(u.shape[1])])
    root = np.sqrt(s[:rank])
    left = u[:, :rank] * (signs[:rank] * root)
    right = (signs[:rank] * root)[:, np.newaxis] * vt[:rank]
    return left.astype(np.float32), right.astype(np.float32)


def _pads_spelled_out(attributes: dict[str, AttributeProto]) -> bool:
    """Whether padding, if any, is spelled out in pads."""
    return "auto_pad" not in attributes or attributes["auto_pad"].s == b"NOTSET"
