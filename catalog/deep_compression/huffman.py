"""Canonical Huffman codes of at most 15 bits, so that a code is stored as one length a symbol.

Lengths by package-merge: Larmore and Hirschberg, A Fast Algorithm for Optimal Length-Limited Huffman
Codes, JACM 1990. Codes of one length follow one another in the order of their symbols: Schwartz and
Kallick, Generating a Canonical Prefix Encoding, CACM 1964.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

MAX_BITS = 15
_Coin = tuple[int, tuple[int, ...]]


def code_lengths(counts: Int64) -> Int64:
    """Return the length of each symbol's code, (A,) int64; 0 for a symbol that does not occur.

    The only symbol of an alphabet of one takes no bits; where one of several occurs alone, it takes one.

    Args:
        counts: how often each symbol occurs, (A,).
    """
    lengths = np.zeros(len(counts), np.int64)
    coins: list[_Coin] = sorted((int(counts[s]), (int(s),)) for s in np.flatnonzero(counts))
    if len(counts) < 2 or len(coins) < 2:
        for _, symbols in coins:
            lengths[symbols[0]] = min(1, len(counts) - 1)
        return lengths
    packages: list[_Coin] = []
    for _ in range(MAX_BITS - 1):
        packages = _paired(sorted([*coins, *packages]))
    for _, symbols in sorted([*coins, *packages])[: 2 * len(coins) - 2]:
        np.add.at(lengths, list(symbols), 1)
    return lengths


def coded_bits(counts: Int64) -> int:
    """Return the bits that symbols of these counts take, without the table of lengths."""
    return int(counts @ code_lengths(counts))


def encoded(symbols: Int64, lengths: Int64) -> bytes:
    """Return the codes of symbols (N,), first bit highest; the last byte is filled up with zeros."""
    taken = lengths[symbols]  # (N,)
    starts = np.cumsum(taken) - taken
    within = np.arange(int(taken.sum())) - np.repeat(starts, taken)
    shifts = np.repeat(taken, taken) - 1 - within
    bits = (np.repeat(_codes(lengths)[symbols], taken) >> shifts) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def decoded(data: bytes, lengths: Int64, count: int) -> Int64:
    """Return count symbols; what `encoded` gave for the same lengths.

    Raises:
        ValueError: lengths that are no code, or data that ends before or after the last symbol.
    """
    if len(lengths) == 1 and not lengths.any() and not data:
        return np.zeros(count, np.int64)
    symbol_of, bits_of = _table(lengths)
    windows = _windows(data)
    steps = bits_of[windows].tobytes()  # indexing bytes is faster than indexing an array
    positions = np.empty(count, np.int64)
    position = 0
    for k in range(count):
        if position >= len(steps) or not steps[position]:
            raise ValueError("a code that does not exist")
        positions[k] = position
        position += steps[position]
    if -(-position // 8) != len(data):
        raise ValueError("codes that do not end with their data")
    return symbol_of[windows[positions]]


def _paired(coins: list[_Coin]) -> list[_Coin]:
    whole = len(coins) - len(coins) % 2
    return [(coins[k][0] + coins[k + 1][0], (*coins[k][1], *coins[k + 1][1])) for k in range(0, whole, 2)]


def _codes(lengths: Int64) -> Int64:
    """Return each symbol's code, right-aligned, (A,)."""
    codes = np.zeros(len(lengths), np.int64)
    order = _by_length(lengths)
    code = 0
    for previous, symbol in pairwise(order.tolist()):
        code = (code + 1) << int(lengths[symbol] - lengths[previous])
        codes[symbol] = code
    return codes


def _by_length(lengths: Int64) -> Int64:
    order = np.argsort(lengths, kind="stable")
    return order[lengths[order] > 0]


def _table(lengths: Int64) -> tuple[Int64, npt.NDArray[np.uint8]]:
    """Return symbol and code length by the next MAX_BITS bits; length 0 where no code starts so."""
    if lengths.max(initial=0) > MAX_BITS:
        raise ValueError("a code that is too long")
    order = _by_length(lengths)
    spans = 1 << (MAX_BITS - lengths[order])  # bit patterns that start with each code
    size = 1 << MAX_BITS
    if spans.sum() > size:
        raise ValueError("code lengths that are no code")
    symbol_of = np.zeros(size, np.int64)
    bits_of = np.zeros(size, np.uint8)
    symbol_of[: spans.sum()] = np.repeat(order, spans)
    bits_of[: spans.sum()] = np.repeat(lengths[order], spans)
    return symbol_of, bits_of


def _windows(data: bytes) -> npt.NDArray[np.uint16]:
    """Return the MAX_BITS bits that follow each bit of data, (8 * bytes,)."""
    padded = np.frombuffer(data + b"\0\0", np.uint8).astype(np.uint32)
    words = padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]  # (bytes,)
    windows = np.empty((len(data), 8), np.uint16)
    for offset in range(8):
        windows[:, offset] = (words >> (24 - MAX_BITS - offset)) & ((1 << MAX_BITS) - 1)
    return windows.reshape(-1)
