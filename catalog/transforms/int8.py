"""Static int8 quantisation: weights per output channel, activations by ranges seen on training windows.

Nagel et al., A White Paper on Neural Network Quantization, 2021, section 3. The graphs stay float at
their boundaries, so that quantised parts and others fit together.

What a convolution gives to a PReLU is not rounded in between: openvino then runs both as one operator on
bytes, which it does not where a pair stands between them, and a rounding is saved.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import ModelProto

from catalog.backends.part_chain import PartChain
from catalog.transforms.byte_pixels import with_byte_pixels
from catalog.transforms.recipe import Bench, Candidate, Family

_BATCH = 32
_QUANTISED_OPERATORS = ["Conv", "Gemm", "MatMul", "Relu", "MaxPool", "Add", "Concat"]


@dataclass(frozen=True, slots=True)
class Quantise:
    """Quantise every part of a stored trunk.

    Args:
        of: name of the trunk to start from.
    """

    of: str

    def make(self, bench: Bench) -> tuple[bytes, ...]:
        """Return the quantised parts; see Recipe."""
        from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
        from catalog.canonical import canonical_bytes

        batches = calibration_batches(bench)
        made = []
        with tempfile.TemporaryDirectory() as folder:
            for k, path in enumerate(bench.starting(self.of).parts):
                data = canonical_bytes(quantised(path, batches, Path(folder)))
                written = Path(folder) / f"{k}.onnx"
                written.write_bytes(data)
                chain = PartChain(OnnxruntimeBackend(threads=1), [written])
                batches = [chain(b) for b in batches]
                made.append(data)
        return tuple(made)


def int8(family: Family, base: Candidate) -> list[Candidate]:
    """Plan the full-size trunk in int8; see Technique."""
    lineage = (*base.lineage, "int8 static per-channel")
    name = f"{base.name}-int8"
    return [Candidate(name, family.input_type.name, base.size_px, Quantise(base.name), lineage, (base.name,))]


def calibration_batches(bench: Bench) -> list[npt.NDArray[np.generic]]:
    """Return the training windows that set the ranges, batch by batch."""
    from catalog.training.batches import in_order

    rows = np.random.default_rng(bench.seed).permutation(len(bench.data))
    chosen = bench.data.windows[np.sort(rows[: bench.effort.calibration_windows])]
    return list(in_order(chosen, _BATCH))


class _Batches:
    """What onnxruntime's calibration reads, one feed after another."""

    def __init__(self, feed: str, batches: list[npt.NDArray[np.generic]]) -> None:
        self._feeds = iter([{feed: batch} for batch in batches])

    def get_next(self) -> dict[str, npt.NDArray[np.generic]] | None:
        return next(self._feeds, None)


def quantised(path: Path, batches: list[npt.NDArray[np.generic]], folder: Path) -> ModelProto:
    """Return a stored part as a graph of quantise and dequantise pairs.

    Weights take 7 bits: without VNNI, processors add two 8-bit products in 16 bits, which overflows.

    Args:
        path: the float part.
        batches: inputs that set the ranges of its activations.
        folder: for files in between.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = ModelProto()
    model.ParseFromString(path.read_bytes())
    written = folder / f"quantised-{path.name}"
    with _quiet():
        quantize_static(
            path,
            written,
            _Batches(model.graph.input[0].name, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED_OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    result = ModelProto()
    result.ParseFromString(written.read_bytes())
    return with_byte_pixels(unrounded_before_prelu(result))


def unrounded_before_prelu(model: ModelProto) -> ModelProto:
    """Return a graph without the pairs of quantise and dequantise that a PRelu alone reads."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    readers = Counter(name for node in model.graph.node for name in node.input)
    fused = ModelProto()
    fused.CopyFrom(model)
    dropped = set()
    for node in fused.graph.node:
        dequantised = made_by.get(node.input[0]) if node.op_type == "PRelu" else None
        if dequantised is None or dequantised.op_type != "DequantizeLinear":
            continue
        quantised = made_by[dequantised.input[0]]
        pair = [quantised.output[0], dequantised.output[0]]
        if all(readers[name] == 1 for name in pair):
            node.input[0] = quantised.input[0]
            dropped.update(pair)
    left = [node for node in fused.graph.node if node.output[0] not in dropped]
    del fused.graph.node[:]
    fused.graph.node.extend(left)
    return fused


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime advises a preparation step whose work the exporter has already done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
