from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.deep_compression import huffman


@given(st.lists(st.integers(0, 40), max_size=300))
def test_symbols_come_back(symbols: list[int]) -> None:
    values = np.array(symbols, np.int64)
    lengths = huffman.code_lengths(np.bincount(values))
    coded = huffman.encoded(values, lengths)
    assert huffman.decoded(coded, lengths, len(values)).tolist() == symbols
    assert len(coded) == -(-huffman.coded_bits(np.bincount(values)) // 8)


def test_lengths_are_those_of_the_textbook_example() -> None:
    # Cormen et al., Introduction to Algorithms, section 16.3: f e c b d a.
    assert sorted(huffman.code_lengths(np.array([45, 13, 12, 16, 9, 5])).tolist()) == [1, 3, 3, 3, 4, 4]


def test_codes_stay_within_the_limit_and_use_every_pattern() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = huffman.code_lengths(np.array(fibonacci))
    assert lengths.max() == huffman.MAX_BITS
    assert sum(2.0 ** -int(n) for n in lengths) == 1.0


def test_the_only_symbol_of_an_alphabet_takes_no_bits() -> None:
    lengths = huffman.code_lengths(np.array([7]))
    assert huffman.encoded(np.zeros(7, np.int64), lengths) == b""
    assert huffman.decoded(b"", lengths, 7).tolist() == [0] * 7


@pytest.mark.parametrize(
    ("data", "lengths", "count"),
    [
        (b"\x00", [1, 1, 1], 3),  # three codes of one bit
        (b"", [1, 1], 1),  # ends before the symbol
        (b"\x00\x00", [1, 1], 3),  # a byte too many
        (b"\xff", [1, 2], 1),  # a code that no symbol has
        (b"", [0, 0], 1),  # no code at all
    ],
)
def test_damaged_codes_are_refused(data: bytes, lengths: list[int], count: int) -> None:
    with pytest.raises(ValueError, match="code"):
        huffman.decoded(data, np.array(lengths, np.int64), count)
