"""Which pieces to keep in memory: a mixed-integer program, solved with HiGHS.

For every kind of window k with N[k] windows expected, app a and option o: x[k, a, o] in [0, 1], the
share of its windows that a answers with o. y[k, i] in [0, 1]: the share on which item i (a piece at
the device, a trunk in the cloud, an exchange with it) runs. z[p] in {0, 1}: piece p is kept.

    maximise    sum of N[k] value[o] x[k, a, o]
    subject to  sum over o of x[k, a, o] <= 1
                sum over o of a with i of probability * x[k, a, o] <= y[k, i]
                sum over o of a with p of x[k, a, o] <= z[p]
                sum of bytes[p] z[p] <= memory
                energy, money and processor time within their limits, loads of what is kept and not
                resident yet included in the energy

That several apps' shares of one item overlap as much as they can is taken for granted, so the
program bounds every plan from above; what it keeps is then planned exactly (fluid_program).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.scheduling.configuration_space import ConfigurationSpace, OptionColumn
from engine.scheduling.configurations import RESOURCES
from engine.scheduling.kinds import Kind
from engine.scheduling.not_solved import NotSolved
from engine.scheduling.problem import Problem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float64 = npt.NDArray[np.float64]

_NODES = 2000  # of the search tree: a limit on work that does not depend on the machine


@dataclass(frozen=True, slots=True)
class Kept:
    """What to keep.

    Args:
        pieces: within the memory together.
        bound: no plan within memory and limits can have more weighted right answers.
    """

    pieces: frozenset[str]
    bound: float


def best_residents(
    problem: Problem,
    spaces: Mapping[Kind, ConfigurationSpace],
    windows: Mapping[Kind, float],
    limits: Float64,
    resident: frozenset[str],
    tolerance: float = 1e-4,
    held: frozenset[str] = frozenset(),
) -> Kept:
    """Return the best pieces to keep for the windows to come.

    Args:
        spaces: configurations by kind.
        windows: expected, by kind.
        limits: (3,) energy in J, money in USD, processor time in s; inf for none.
        resident: what is in memory now and costs nothing to keep.
        tolerance: how far from the best it may stay, as a share.
        held: pieces that are kept whatever they bring; they fit into the memory. The bound is then
            one for plans that keep them.

    Raises:
        NotSolved: HiGHS found nothing at all, though nothing kept is always feasible.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows = _Rows(problem, spaces, {k: n for k, n in windows.items() if n > 0.0}, limits, resident)
    if not rows.pieces or not rows.gains:
        return Kept(frozenset(), 0.0)
    matrix, upper = rows.matrix()
    unit = max(1e-12, max(abs(g) for g in rows.gains))
    integrality = np.zeros(len(rows.gains), np.int64)
    integrality[list(rows.binary)] = 1
    least = np.zeros(len(rows.gains))
    least[[column for piece, column in rows.pieces.items() if piece in held]] = 1.0
    solved = milp(
        -np.array(rows.gains) / unit,
        constraints=[LinearConstraint(matrix, -np.inf, upper)],
        integrality=integrality,
        bounds=Bounds(least, 1.0),
        options={"mip_rel_gap": tolerance, "node_limit": _NODES},
    )
    if solved.x is None:
        raise NotSolved(f"what to keep in memory was not solved: {solved.message}")
    kept = frozenset(p for p, column in rows.pieces.items() if solved.x[column] > 0.5)
    return Kept(kept, -unit * float(solved.mip_dual_bound))


class _Rows:
    """The program's columns and rows, gathered one by one.

    Args:
        see best_residents.
    """

    def __init__(
        self,
        problem: Problem,
        spaces: Mapping[Kind, ConfigurationSpace],
        windows: Mapping[Kind, float],
        limits: Float64,
        resident: frozenset[str],
    ) -> None:
        self.gains: list[float] = []
        self.pieces: dict[str, int] = {}
        self.binary: list[int] = []
        self._row: list[int] = []
        self._column: list[int] = []
        self._value: list[float] = []
        self._upper: list[float] = []
        budgets: list[dict[int, float]] = [{} for _ in range(RESOURCES)]
        memory: dict[int, float] = {}
        for kind in windows:
            for piece in sorted(spaces[kind].device_pieces):
                if piece not in self.pieces:
                    column = self.pieces[piece] = self._add_column(0.0)
                    cost = problem.pieces[piece]
                    memory[column] = float(cost.memory_bytes)
                    if cost.memory_bytes:
                        self.binary.append(column)
                    if piece not in resident and cost.load_energy_j > 0.0:
                        budgets[0][column] = cost.load_energy_j
        for kind, count in windows.items():
            self._add_kind(spaces[kind], count, budgets)
        for terms, limit in zip(budgets, limits, strict=True):
            if np.isfinite(limit):
                self._add_row(terms, float(limit))
        if np.isfinite(problem.budget.memory_bytes):
            self._add_row(memory, float(problem.budget.memory_bytes))

    def matrix(self) -> tuple[csr_array, Float64]:
        """Return all rows as a sparse matrix, and their upper limits."""
        from scipy import sparse

        shape = (len(self._upper), len(self.gains))
        return sparse.csr_array((self._value, (self._row, self._column)), shape=shape), np.array(self._upper)

    def _add_kind(self, space: ConfigurationSpace, count: float, budgets: Sequence[dict[int, float]]) -> None:
        shared = [self._add_column(0.0) for _ in space.items]
        for column, cost in zip(shared, space.items, strict=True):
            for terms, amount in zip(budgets, cost, strict=True):
                if amount:
                    terms[column] = count * float(amount)
        by_app: dict[int, list[int]] = {}
        options = space.columns
        for option in options:
            column = self._add_column(count * option.value)
            by_app.setdefault(option.app, []).append(column)
            for terms, amount in zip(budgets, option.private, strict=True):
                if amount:
                    terms[column] = count * float(amount)
            option.column = column
        for columns in by_app.values():
            self._add_row(dict.fromkeys(columns, 1.0), 1.0)
        self._link(options, shared)

    def _link(self, options: Sequence[OptionColumn], shared: Sequence[int]) -> None:
        """What an app uses runs, and what runs at the device is kept."""
        runs: dict[tuple[int, int], dict[int, float]] = {}
        kept: dict[tuple[int, str], dict[int, float]] = {}
        for option in options:
            for item, probability in option.shares:
                runs.setdefault((option.app, item), {})[option.column] = probability
            for piece in sorted(option.needs):
                kept.setdefault((option.app, piece), {})[option.column] = 1.0
        for (_, item), terms in runs.items():
            self._add_row(terms | {shared[item]: -1.0}, 0.0)
        for (_, piece), terms in kept.items():
            self._add_row(terms | {self.pieces[piece]: -1.0}, 0.0)

    def _add_column(self, gain: float) -> int:
        self.gains.append(gain)
        return len(self.gains) - 1

    def _add_row(self, terms: Mapping[int, float], limit: float) -> None:
        scale = limit if limit > 0.0 else 1.0
        row = len(self._upper)
        for column, value in terms.items():
            self._row.append(row)
            self._column.append(column)
            self._value.append(value / scale)
        self._upper.append(limit / scale)
