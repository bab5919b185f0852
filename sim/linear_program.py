"""A linear program that is gathered row by row, solved with HiGHS, and bounded by its own prices.

A solver stops within tolerances. Its prices bound the best value whatever it stopped at: for any
prices y >= 0 of the rows a x <= b, with every column in [0, u],

    c x  <=  y b + sum over columns of u * max(0, c - y a)        (weak duality)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """What was found.

    Args:
        value: of the best point that the solver found.
        bound: no point has a larger value, by the prices.
        prices: what one more unit of each row's limit is worth.
        columns: the best point.
    """

    value: float
    bound: float
    prices: Float64
    columns: Float64


class LinearProgram:
    """Maximises gains over columns in [0, upper], under rows that must not exceed their limits."""

    def __init__(self) -> None:
        self._gains: list[float] = []
        self._uppers: list[float] = []
        self._limits: list[float] = []
        self._scales: list[float] = []
        self._row: list[int] = []
        self._column: list[int] = []
        self._coefficient: list[float] = []

    @property
    def columns(self) -> int:
        """How many there are."""
        return len(self._gains)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._limits)

    def add_column(self, gain: float, upper: float) -> int:
        """Add a quantity and return its number.

        Args:
            gain: what one unit is worth.
            upper: the most there can be, finite.
        """
        self._gains.append(gain)
        self._uppers.append(upper)
        return len(self._gains) - 1

    def add_row(self, terms: Iterable[tuple[int, float]], limit: float) -> int:
        """Add a limit to a sum of columns and return its number; a column may come more than once."""
        row = len(self._limits)
        largest = 0.0
        for column, coefficient in terms:
            self._row.append(row)
            self._column.append(column)
            self._coefficient.append(coefficient)
            largest = max(largest, abs(coefficient))
        self._limits.append(limit)
        self._scales.append(largest or 1.0)
        return row

    def solve(self) -> Solution:
        """Return the best point and what bounds it.

        Raises:
            RuntimeError: HiGHS found nothing, though columns at 0 must keep within all limits.
        """
        from scipy import sparse
        from scipy.optimize import linprog

        gains, uppers, limits = (np.array(v, np.float64) for v in (self._gains, self._uppers, self._limits))
        if not len(gains):
            return Solution(0.0, 0.0, np.zeros(len(limits)), gains)
        scales = np.array(self._scales, np.float64)
        matrix = sparse.csr_array(
            (self._coefficient, (self._row, self._column)), shape=(len(limits), len(gains))
        )
        scaled: Any = sparse.diags_array(1.0 / scales) @ matrix
        bounds: Any = np.column_stack([np.zeros(len(gains)), uppers])
        unit = max(float(np.abs(gains).max()), 1e-12)
        solved = linprog(
            -gains / unit,
            A_ub=scaled,
            b_ub=limits / scales,
            bounds=bounds,
            method="highs",
        )
        if solved.x is None:
            raise RuntimeError(f"the bound was not solved: {solved.message}")
        prices = np.maximum(0.0, -solved.ineqlin.marginals) * unit / scales
        reduced = gains - prices @ matrix
        bound = float(prices @ limits + uppers @ np.maximum(0.0, reduced))
        return Solution(float(gains @ solved.x), bound, prices, solved.x)
