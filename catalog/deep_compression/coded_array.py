"""One array of few different values as a codebook, Huffman-coded indices and Huffman-coded gaps.

Layout, numbers as in `byte_reader`:
    entries, codebook size K, codebook K x item bytes,
    index code lengths (four bits a symbol), bytes, codes,
    gap alphabet size, gap code lengths, bytes, codes.
Values are compared and stored as bit patterns, whatever they mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.deep_compression import huffman
from catalog.deep_compression.byte_reader import ByteReader, number_bytes
from catalog.deep_compression.relative_index import gaps_of, positions_of

Int64 = npt.NDArray[np.int64]
Patterns = npt.NDArray[Any]

LARGEST_CODEBOOK = 256
GAP_BITS = range(9)
_PATTERNS: dict[int, np.dtype[Any]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}


@dataclass(frozen=True, slots=True, eq=False)
class SparseIndices:
    """An array as what is coded of it.

    Args:
        codebook: different bit patterns, unsigned, ascending, (K,).
        indices: into the codebook, of weights and fillers, (N,).
        gaps: zeros before each of them, (N,).
    """

    codebook: Patterns
    indices: Int64
    gaps: Int64

    def coded_bits(self) -> int:
        """Return the bits of both streams of codes and of their tables."""
        counts = [np.bincount(s) for s in (self.indices, self.gaps)]
        return sum(huffman.coded_bits(c) + 4 * len(c) for c in counts)


def sparse_indices(data: bytes, item_bytes: int, gap_bits: int) -> SparseIndices | None:
    """Take an array apart; None where it has more values than a codebook may hold."""
    patterns = np.frombuffer(data, _PATTERNS[item_bytes])
    positions = np.flatnonzero(patterns)
    gaps, is_filler = gaps_of(positions, gap_bits)
    stored = np.zeros(len(gaps), patterns.dtype)
    stored[~is_filler] = patterns[positions]
    codebook, indices = np.unique(stored, return_inverse=True)
    if len(codebook) > LARGEST_CODEBOOK:
        return None
    return SparseIndices(codebook, indices.astype(np.int64), gaps)


def coded_array(data: bytes, item_bytes: int) -> bytes | None:
    """Code an array with the gaps that take least; None where it has too many values, zero counted.

    Args:
        data: its bytes in memory, little end first.
        item_bytes: of each value: 1, 2, 4 or 8.
    """
    if len(np.unique(np.frombuffer(data, _PATTERNS[item_bytes]))) > LARGEST_CODEBOOK:
        return None
    options = [sparse_indices(data, item_bytes, gap_bits) for gap_bits in GAP_BITS]
    return _written(min((o for o in options if o is not None), key=_size_bits))


def decoded_array(coded: bytes, item_bytes: int, count: int) -> bytes:
    """Return the bytes of an array of count values.

    Raises:
        ValueError: the code is damaged.
    """
    reader = ByteReader(coded)
    entries, codebook_size = reader.number(), reader.number()
    if entries > count or codebook_size > LARGEST_CODEBOOK or (entries and not codebook_size):
        raise ValueError("more values than its array holds")
    kind = _PATTERNS[item_bytes]
    codebook = np.frombuffer(reader.taken(codebook_size * item_bytes), kind)
    indices = _read_stream(reader, codebook_size, entries)
    positions = positions_of(_read_stream(reader, _alphabet(reader), entries))
    reader.end()
    if entries and positions[-1] >= count:
        raise ValueError("values after the end of its array")
    patterns: Patterns = np.zeros(count, kind)
    patterns[positions] = codebook[indices]
    return patterns.tobytes()


def _size_bits(array: SparseIndices) -> int:
    return array.coded_bits() + 8 * array.codebook.nbytes


def _written(array: SparseIndices) -> bytes:
    gap_counts = np.bincount(array.gaps)
    return b"".join(
        [
            number_bytes(len(array.indices)),
            number_bytes(len(array.codebook)),
            array.codebook.tobytes(),
            _stream(array.indices, np.bincount(array.indices)),
            number_bytes(len(gap_counts)),
            _stream(array.gaps, gap_counts),
        ]
    )


def _stream(symbols: Int64, counts: Int64) -> bytes:
    lengths = huffman.code_lengths(counts)
    codes = huffman.encoded(symbols, lengths)
    return _packed_lengths(lengths) + number_bytes(len(codes)) + codes


def _read_stream(reader: ByteReader, alphabet: int, count: int) -> Int64:
    packed = np.frombuffer(reader.taken(-(-alphabet // 2)), np.uint8)
    lengths = np.stack([packed >> 4, packed & 15], axis=1).reshape(-1)[:alphabet].astype(np.int64)
    codes = reader.taken(reader.number())
    return huffman.decoded(codes, lengths, count)


def _packed_lengths(lengths: Int64) -> bytes:
    even = np.append(lengths, np.zeros(len(lengths) % 2, np.int64)).reshape(-1, 2)
    return (even[:, 0] << 4 | even[:, 1]).astype(np.uint8).tobytes()


def _alphabet(reader: ByteReader) -> int:
    size = reader.number()
    if size > 1 << GAP_BITS[-1]:
        raise ValueError("gaps that are too long")
    return size
