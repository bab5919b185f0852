"""Static int8 quantisation of a trunk as one part.

Between parts values are float, since the next part may be anybody's: in int8 each boundary costs a
conversion, and float maps in memory on both sides of it. Where a small trunk runs alone, one part takes
less time and memory; no other trunk can share its first layers, and it cannot be split with a server.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onnx import ModelProto, compose, helper

from catalog.transforms.int8 import calibration_batches, quantised
from catalog.transforms.recipe import Bench, Candidate, Family
from catalog.transforms.starting import starting_graphs
from catalog.transforms.zero_shortcuts import with_shortcuts_as_convolutions


@dataclass(frozen=True, slots=True)
class QuantiseWhole:
    """Quantise a stored trunk into one part.

    Args:
        of: name of the trunk to start from.
    """

    of: str

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the one quantised part; see Recipe."""
        from catalog.canonical import canonical_bytes

        whole = with_shortcuts_as_convolutions(joined(starting_graphs(bench.starting(self.of))))
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "whole.onnx"
            written.write_bytes(whole.SerializeToString())
            return (canonical_bytes(quantised(written, calibration_batches(bench), Path(folder))),)


def int8_whole(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the trunk in int8 as one part; see Technique."""
    lineage = (*base.lineage, "int8 static per-channel in one part")
    name, recipe = f"{base.name}-int8whole", QuantiseWhole(base.name)
    return [Candidate(name, family.input_type.name, base.size_px, recipe, lineage, (base.name,))]


def joined(models: Sequence[ModelProto]) -> ModelProto:
    """Return one graph that computes what several do one after another."""
    whole, *later = (compose.add_prefix(model, f"part{k}/") for k, model in enumerate(models))
    opset = max(o.version for model in models for o in model.opset_import if o.domain == "")
    for model in later:
        boundary = [(whole.graph.output[0].name, model.graph.input[0].name)]
        whole = compose.merge_models(whole, model, boundary)
    del whole.opset_import[:]
    whole.opset_import.append(helper.make_opsetid("", opset))
    return whole
