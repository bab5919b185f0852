"""Tucker-2: a convolution becomes 1 x 1, a thin core, 1 x 1; then the trunk is trained a little more.

A convolution W (O, I, kh, kw) is projected onto the leading left singular vectors of its unfoldings along
outputs and inputs (De Lathauwer et al., A Multilinear Singular Value Decomposition, SIAM J. Matrix Anal.,
2000): Q inputs and P outputs are left to the core, and a 1 x 1 convolution before and after leads there
and back (Kim et al., Compression of Deep Convolutional Neural Networks for Fast and Low Power Mobile
Applications, ICLR 2016, section 3.1). Ranks come from a share of the operations or of the squares, not
from that paper's variational estimate. Linear layers are cut in two as by lowrank; 1 x 1 convolutions and
those in groups stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, helper

from catalog.transforms.lowrank import factorised_and_tuned, with_layers_factorised
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.thinner_layers import (
    Float32,
    Replacement,
    Thinning,
    attributes_of,
    groups,
    ints,
    rank_of_energy,
    weight_tensor,
)

KEPT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Tucker:
    """Factorise every layer of a stored trunk that gets cheaper by it.

    Args:
        of: name of the trunk to start from.
        kept: share of a layer's operations that the thinner ones may take together, in (0, 1).
        energy: share of the squares of its weights that is enough along each side, in (0, 1].
        rate: highest learning rate of the training after it; None for this technique's own.
    """

    of: str
    kept: float = KEPT_SHARE
    energy: float = 1.0
    rate: float | None = None

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the factorised and tuned parts; see Recipe."""
        thinning = Thinning(self.kept, self.energy)
        return factorised_and_tuned(self.of, bench, lambda m: tucker_factorised(m, thinning), self.rate)


def tucker(family: Family, base: Candidate) -> list[Candidate]:
    """Plan a trunk with factorised layers; see Technique."""
    lineage = (*base.lineage, f"tucker kept={KEPT_SHARE:g}")
    name = f"{base.name}-tucker"
    return [Candidate(name, family.input_type.name, base.size_px, Tucker(base.name), lineage, (base.name,))]


def tucker_factorised(model: ModelProto, thinning: Thinning) -> ModelProto:
    """Return a graph in which each convolution that gets cheaper is three, each linear layer two."""
    return with_layers_factorised(model, thinning, _factorised_convolution)


def _factorised_convolution(node: NodeProto, weight: Float32, thinning: Thinning) -> Replacement | None:
    attributes = attributes_of(node)
    if weight.ndim != 4 or weight.shape[2:] == (1, 1) or groups(attributes) != 1:
        return None
    down, across = ints(attributes, "strides", [1, 1])
    ranks = _ranks(weight, thinning.kept, down * across)
    if ranks is None:
        return None
    first, core, last = tucker_factors(weight, *ranks, thinning.energy)
    between = [f"{node.output[0]}.{k}" for k in ("reduced", "core")]
    names = [f"{node.output[0]}.{k}" for k in ("first", "middle", "last")]
    middle = NodeProto()  # with the strides, padding and dilations of the whole
    middle.CopyFrom(node)
    del middle.input[:], middle.output[:]
    middle.input.extend([between[0], names[1]])
    middle.output.append(between[1])
    nodes = [
        helper.make_node("Conv", [node.input[0], names[0]], [between[0]], kernel_shape=[1, 1]),
        middle,
        helper.make_node(
            "Conv", [between[1], names[2], *node.input[2:]], list(node.output), kernel_shape=[1, 1]
        ),
    ]
    return nodes, [weight_tensor(w, name) for w, name in zip((first, core, last), names, strict=True)]


def _ranks(weight: Float32, kept: float, positions_read: int) -> tuple[int, int] | None:
    """Return (P, Q), the same share of outputs and inputs, that take at most a share of the operations.

    For each position of the output the three layers take positions_read * I * Q + P * Q * kh * kw + O * P.
    """
    outputs, inputs, high, wide = weight.shape
    square = outputs * inputs * high * wide
    linear = positions_read * inputs**2 + outputs**2
    share = (np.sqrt(linear**2 + 4.0 * kept * square**2) - linear) / (2.0 * square)
    p, q = int(share * outputs), int(share * inputs)
    return (p, q) if p >= 1 and q >= 1 else None


def tucker_factors(weight: Float32, p: int, q: int, energy: float = 1.0) -> tuple[Float32, Float32, Float32]:
    """Return first (Q, I, 1, 1), core (P, Q, kh, kw) and last (O, P, 1, 1) of a convolution (O, I, kh, kw).

    Args:
        weight: to be replaced.
        p: outputs of the core, unless fewer hold enough.
        q: inputs of the core, likewise.
        energy: share of the squares of the weight that is enough along each side, in (0, 1].
    """
    values = weight.astype(np.float64)
    of_outputs = _leading(values.reshape(len(values), -1), p, energy)  # (O, P)
    of_inputs = _leading(values.transpose(1, 0, 2, 3).reshape(values.shape[1], -1), q, energy)  # (I, Q)
    core = np.einsum("oihw,op,iq->pqhw", values, of_outputs, of_inputs, optimize=True)
    first = of_inputs.T[:, :, np.newaxis, np.newaxis]
    last = of_outputs[:, :, np.newaxis, np.newaxis]
    return first.astype(np.float32), core.astype(np.float32), last.astype(np.float32)


def _leading(unfolded: npt.NDArray[np.float64], rank: int, energy: float) -> npt.NDArray[np.float64]:
    """Return left singular vectors as columns, with the largest entry of each positive."""
    u, s, _ = np.linalg.svd(unfolded, full_matrices=False)
    u = u[:, : min(rank, rank_of_energy(s, energy))]
    return np.asarray(u * np.sign(u[np.abs(u).argmax(axis=0), np.arange(u.shape[1])]))
