"""Where weights stand, as the number of zeros before each, with fillers: Han et al., ICLR 2016, section 2."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


def gaps_of(positions: Int64, gap_bits: int) -> tuple[Int64, npt.NDArray[np.bool_]]:
    """Return the gap before each entry, below 2 ** gap_bits, and which entries are fillers.

    Where more zeros than that stand before a weight, one of them is stored as if it were a weight.

    Args:
        positions: of the weights in the flat array, ascending, (N,).
        gap_bits: 0 stores every zero.
    """
    reach = 1 << gap_bits
    zeros = np.diff(positions, prepend=-1) - 1
    fillers = zeros // reach
    ends = np.cumsum(fillers + 1) - 1
    gaps = np.full(len(positions) + int(fillers.sum()), reach - 1, np.int64)
    gaps[ends] = zeros % reach
    is_filler = np.ones(len(gaps), np.bool_)
    is_filler[ends] = False
    return gaps, is_filler


def positions_of(gaps: Int64) -> Int64:
    """Return the positions of weights and fillers, (N,)."""
    return np.cumsum(gaps + 1) - 1
