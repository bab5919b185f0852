"""bfloat16: weights rounded to 16 bits, run by a processor that multiplies them in hardware.

bfloat16 keeps the range of float32 and 8 bits of its fraction, so that no ranges need be calibrated:
Kalamkar et al., A Study of BFLOAT16 for Deep Learning Training, 2019, section 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onnx import ModelProto, TensorProto, helper, numpy_helper

from catalog.backends.processor import has_bf16
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.starting import starting_graphs

_WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})


@dataclass(frozen=True, slots=True)
class RoundToBf16:
    """Round the weights of every part of a stored trunk.

    Args:
        of: name of the trunk to start from.
    """

    of: str

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the rounded parts; see Recipe."""
        from catalog.canonical import canonical_bytes

        start = bench.starting(self.of)
        return tuple(canonical_bytes(rounded(model)) for model in starting_graphs(start))


def hindrance_here() -> str | None:
    """Return why nothing is planned on this machine; None where the processor has bfloat16."""
    return None if has_bf16() else "this processor does not multiply bfloat16 in hardware"


def bf16(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the full-size trunk in bf16 where this processor has it, else nothing; see Technique."""
    if hindrance_here() is not None:
        return []
    lineage = (*base.lineage, "bf16 weights and arithmetic")
    name = f"{base.name}-bf16"
    recipe = RoundToBf16(base.name)
    return [Candidate(name, family.input_type.name, base.size_px, recipe, lineage, (base.name,))]


def rounded(model: ModelProto) -> ModelProto:
    """Return a graph whose convolutions and matrix products store their weights as bfloat16.

    A cast to float32 follows each: runtimes fold it into the arithmetic that they are asked for.
    """
    import ml_dtypes

    copy = ModelProto()
    copy.CopyFrom(model)
    casts = []
    wanted = set(_weights(copy))
    for tensor in copy.graph.initializer:
        if tensor.name not in wanted or tensor.data_type != TensorProto.FLOAT:
            continue
        name = tensor.name
        values = numpy_helper.to_array(tensor).astype(ml_dtypes.bfloat16)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{name}-bf16"))
        casts.append(helper.make_node("Cast", [f"{name}-bf16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *copy.graph.node]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    return copy


def _weights(model: ModelProto) -> Iterator[str]:
    """Yield the names of what layers multiply by; biases are few and are added, and stay as they are."""
    for node in model.graph.node:
        if node.op_type in _WEIGHTED:
            yield node.input[1]
