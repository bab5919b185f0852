from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog.deep_compression.relative_index import gaps_of, positions_of


def test_a_filler_zero_stands_where_a_gap_is_too_long() -> None:
    # Han et al., figure 2: positions 1, 4 and 15 with gaps of three bits.
    gaps, is_filler = gaps_of(np.array([1, 4, 15]), 3)
    assert gaps.tolist() == [1, 2, 7, 2]
    assert is_filler.tolist() == [False, False, True, False]
    assert positions_of(gaps).tolist() == [1, 4, 12, 15]


@given(st.sets(st.integers(0, 2000)), st.integers(0, 8))
def test_positions_come_back(chosen: set[int], gap_bits: int) -> None:
    positions = np.array(sorted(chosen), np.int64)
    gaps, is_filler = gaps_of(positions, gap_bits)
    assert (gaps < 1 << gap_bits).all()
    assert positions_of(gaps)[~is_filler].tolist() == positions.tolist()
