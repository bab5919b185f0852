"""What networks take after each stage of Deep Compression, and what their layers are like.

Sizes count everything. After pruning: 32 bits a weight that is left, the bits of its gap, fillers, biases.
After sharing: whole bits of an index and a gap, fillers, codebooks. After Huffman coding: the files as
they are. What a file holds besides (skeleton, header, head sizes) is added to the first two as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, numpy_helper

from catalog.deep_compression import huffman
from catalog.deep_compression.coded_array import GAP_BITS, SparseIndices, coded_array, sparse_indices
from catalog.deep_compression.relative_index import gaps_of
from catalog.heads import HeadWeights

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LayerFigures:
    """One layer after all stages; bits are means over what is left of it, fillers counted.

    Args:
        weights: before pruning.
        left_pct: share of them that is left.
        values: different ones.
        index_bits: of an index, fixed.
        index_bits_coded: of an index, Huffman-coded.
        gap_bits_coded: of a gap, Huffman-coded.
    """

    layer: str
    weights: int
    left_pct: float
    values: int
    index_bits: float
    index_bits_coded: float
    gap_bits_coded: float


def trained_arrays(model: ModelProto, head: HeadWeights) -> Iterator[tuple[str, Float32]]:
    """Yield the name and the values of all weights and biases."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim:
            yield tensor.name, values
    yield "head.weight", head.weight
    yield "head.bias", head.bias


def raw_bytes(model: ModelProto, head: HeadWeights) -> int:
    """Return four bytes for each weight and bias, and nothing else."""
    return sum(values.nbytes for _, values in trained_arrays(model, head))


def besides_bytes(model: ModelProto, head: HeadWeights, file_bytes: int) -> int:
    """Return what the two compressed files hold besides arrays."""
    codes = [coded_array(values.tobytes(), 4) for _, values in trained_arrays(model, head)]
    return file_bytes - sum(len(code) for code in codes if code is not None)


def pruned_bytes(model: ModelProto, head: HeadWeights) -> int:
    """Return what sparse weights of 32 bits take, each layer with the gaps that suit it; dense biases."""
    bits = 0
    for _, values in trained_arrays(model, head):
        dense = 32 * values.size
        bits += dense if values.ndim == 1 else min(dense, *(_pruned_bits(values, b) for b in GAP_BITS))
    return -(-bits // 8)


def shared_bytes(model: ModelProto, head: HeadWeights) -> int:
    """Return what codebooks and indices of whole bits take, each layer with the gaps that suit it."""
    bits = 0
    for _, values in trained_arrays(model, head):
        options = [(sparse_indices(values.tobytes(), 4, b), b) for b in GAP_BITS]
        bits += min(_shared_bits(array, b) for array, b in options if array is not None)
    return -(-bits // 8)


def layer_figures(model: ModelProto, head: HeadWeights) -> list[LayerFigures]:
    """Return figures of each layer that is pruned, in order."""
    arrays = [(name, values) for name, values in trained_arrays(model, head) if values.ndim > 1]
    return [_layer_figures(name.removesuffix(".weight"), values) for name, values in arrays]


def _pruned_bits(values: Float32, gap_bits: int) -> int:
    gaps, _ = gaps_of(np.flatnonzero(values), gap_bits)
    return len(gaps) * (32 + gap_bits)


def _shared_bits(array: SparseIndices, gap_bits: int) -> int:
    return len(array.indices) * (_index_bits(array) + gap_bits) + 32 * len(array.codebook)


def _index_bits(array: SparseIndices) -> int:
    return math.ceil(math.log2(max(2, len(array.codebook))))


def _layer_figures(name: str, values: Float32) -> LayerFigures:
    options = [a for b in GAP_BITS if (a := sparse_indices(values.tobytes(), 4, b)) is not None]
    array = min(options, key=SparseIndices.coded_bits)
    return LayerFigures(
        name,
        values.size,
        100.0 * np.count_nonzero(values) / values.size,
        len(np.unique(values[values != 0.0])),
        float(_index_bits(array)),
        _mean_bits(array.indices),
        _mean_bits(array.gaps),
    )


def _mean_bits(symbols: npt.NDArray[np.int64]) -> float:
    return huffman.coded_bits(np.bincount(symbols)) / max(1, len(symbols))


def medians(figures: Sequence[Sequence[LayerFigures]]) -> list[LayerFigures]:
    """Return, layer by layer, the medians over several networks."""
    return [
        LayerFigures(
            same[0].layer,
            same[0].weights,
            float(np.median([f.left_pct for f in same])),
            int(np.median([f.values for f in same])),
            *(
                float(np.median([getattr(f, kind) for f in same]))
                for kind in ("index_bits", "index_bits_coded", "gap_bits_coded")
            ),
        )
        for same in zip(*figures, strict=True)
    ]
