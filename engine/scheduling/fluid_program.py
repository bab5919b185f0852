"""The fluid program: which mix of configurations each kind of window gets, within the budgets.

With s[k, c] the share of kind k's windows that get configuration c, N[k] windows expected,

    maximise    sum of N[k] value[c] s[k, c]
    subject to  sum over c of s[k, c] <= 1                       for every kind
                sum of N[k] resource[c, r] s[k, c] <= limit[r]   for energy, money, processor time

There are far more configurations than matter, so columns are generated: the program is solved over
those known so far, its dual prices ask every kind for its best configuration, and what would
improve the mix is added (Dantzig and Wolfe, 1960). The prices also bound the best mix from above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.scheduling.configuration_space import RESOURCES, Configuration, ConfigurationSpace
from engine.scheduling.kinds import Kind

Float64 = npt.NDArray[np.float64]

_ROUNDS = 30
_TOLERANCE = 1e-4  # of the value, where generating columns ends
_LEAST_SHARE = 1e-9
_MOST_COLUMNS = 40  # kept a kind


@dataclass(frozen=True, slots=True)
class FluidPlan:
    """A solved program.

    Args:
        mixes: by kind, configurations with their shares of its windows; what is missing to 1 goes
            unserved.
        prices: (3,) right answers per J, per USD and per second of the processor.
        value: expected weighted right answers.
        bound: no plan for the same windows can have more.
    """

    mixes: Mapping[Kind, tuple[tuple[Configuration, float], ...]]
    prices: Float64
    value: float
    bound: float

    @property
    def pieces(self) -> frozenset[str]:
        """Everything that the mixes need in memory."""
        return frozenset().union(*(c.pieces for mix in self.mixes.values() for c, _ in mix))


@dataclass(frozen=True, slots=True)
class _Solved:
    """The program over the columns known so far: mixes, (3,) prices of the limits, and the value."""

    mixes: Mapping[Kind, tuple[tuple[Configuration, float], ...]]
    duals: Float64
    value: float


@dataclass(slots=True)
class _Columns:
    """Configurations known of one kind, in the order in which they were found."""

    known: list[Configuration] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)

    def add(self, found: Configuration) -> bool:
        """Add a configuration; tell whether it is new."""
        if not found.options or id(found) in self.ids:
            return False
        self.known.append(found)
        self.ids.add(id(found))
        return True

    def keep(self, wanted: list[Configuration]) -> None:
        """Forget all but these."""
        self.known = wanted
        self.ids = {id(c) for c in wanted}


class FluidProgram:
    """Solves one problem again and again; what was found before is where the next solve starts.

    Args:
        spaces: configurations by kind.
    """

    def __init__(self, spaces: Mapping[Kind, ConfigurationSpace]) -> None:
        self._spaces = spaces
        self._columns: dict[Kind, _Columns] = {}
        self._prices = np.zeros(RESOURCES)

    def solve(
        self,
        windows: Mapping[Kind, float],
        limits: Float64,
        pieces: frozenset[str] | None = None,
        base_prices: Float64 | None = None,
    ) -> FluidPlan:
        """Return the best mix.

        Args:
            windows: expected, by kind.
            limits: (3,) energy in J, money in USD, processor time in s; inf for none.
            pieces: all that may be resident; None for everything.
            base_prices: (3,) what resources are worth outside of this program.
        """
        kinds = [k for k, n in windows.items() if n > 0.0]
        base = np.zeros(RESOURCES) if base_prices is None else base_prices
        allowed = {k: self._spaces[k].allowed(pieces) for k in kinds}
        for kind in kinds:
            columns = self._columns.setdefault(kind, _Columns())
            for prices in (base, self._prices + base):
                columns.add(self._spaces[kind].best(prices, allowed[kind]))
        bound = np.inf
        solved = self._over_known(kinds, windows, limits, base, pieces)
        for _ in range(_ROUNDS):
            prices = base + solved.duals
            least = float(solved.duals[np.isfinite(limits)] @ limits[np.isfinite(limits)])
            improved = False
            for kind in kinds:
                best = self._spaces[kind].best(prices, allowed[kind])
                least += windows[kind] * max(0.0, best.worth(prices))
                improved |= self._columns[kind].add(best)
            bound = min(bound, least)
            if not improved or bound - solved.value <= _TOLERANCE * max(solved.value, _LEAST_SHARE):
                break
            solved = self._over_known(kinds, windows, limits, base, pieces)
        self._prices = solved.duals
        self._forget(solved.mixes)
        return FluidPlan(solved.mixes, base + solved.duals, solved.value, max(bound, solved.value))

    def _over_known(
        self,
        kinds: Sequence[Kind],
        windows: Mapping[Kind, float],
        limits: Float64,
        base: Float64,
        pieces: frozenset[str] | None,
    ) -> _Solved:
        """Solve over the columns that are known."""
        usable = {k: self._usable(k, pieces) for k in kinds}
        shares, duals, value = _solve(usable, windows, limits, base)
        mixes = {
            k: tuple((c, float(s)) for c, s in zip(usable[k], shares[k], strict=True) if s > _LEAST_SHARE)
            for k in kinds
        }
        return _Solved(mixes, duals, value)

    def _usable(self, kind: Kind, pieces: frozenset[str] | None) -> list[Configuration]:
        known = self._columns[kind].known
        return known if pieces is None else [c for c in known if c.pieces <= pieces]

    def _forget(self, mixes: Mapping[Kind, tuple[tuple[Configuration, float], ...]]) -> None:
        """Keep memory flat: of a kind with many columns only the mix stays."""
        for kind, mix in mixes.items():
            if len(self._columns[kind].known) > _MOST_COLUMNS:
                self._columns[kind].keep([c for c, _ in mix])


def _solve(
    usable: Mapping[Kind, list[Configuration]],
    windows: Mapping[Kind, float],
    limits: Float64,
    base: Float64,
) -> tuple[dict[Kind, Float64], Float64, float]:
    """Solve over known columns; return shares by kind, (3,) prices of the limits, and the value."""
    counts = [len(c) for c in usable.values()]
    columns = [c for known in usable.values() for c in known]
    if not columns:
        return {k: np.zeros(0) for k in usable}, np.zeros(RESOURCES), 0.0
    weights = np.repeat([windows[k] for k in usable], counts)
    resources = np.array([c.resources for c in columns])  # (columns, 3)
    gains = weights * (np.array([c.value for c in columns]) - resources @ base)
    limited = np.flatnonzero(np.isfinite(limits))
    scale = np.where(limits[limited] > 0.0, limits[limited], 1.0)
    used = (resources[:, limited] * weights[:, None] / scale).T  # (limited, columns)
    firsts = np.cumsum([0, *counts])
    duals = np.zeros(RESOURCES)
    shares, row_duals = _linear_program(gains, used, limits[limited] / scale, firsts)
    duals[limited] = row_duals / scale
    return (
        {k: shares[firsts[i] : firsts[i + 1]] for i, k in enumerate(usable)},
        duals,
        float(gains @ shares),
    )


def _linear_program(
    gains: Float64, used: Float64, limits: Float64, firsts: npt.NDArray[np.intp]
) -> tuple[Float64, Float64]:
    """Maximise gains @ x with x >= 0, each group's sum at most 1, and used @ x <= limits.

    Returns:
        x, and the dual prices of the limits.
    """
    from scipy.optimize import linprog

    groups = len(firsts) - 1
    rows = np.zeros((groups + len(limits), len(gains)))
    for g in range(groups):
        rows[g, firsts[g] : firsts[g + 1]] = 1.0
    rows[groups:] = used
    unit = max(float(np.abs(gains).max()), _LEAST_SHARE)
    solved = linprog(-gains / unit, A_ub=rows, b_ub=np.concatenate([np.ones(groups), limits]), method="highs")
    if solved.x is None:  # x = 0 is always feasible and x is bounded: HiGHS gave up
        raise RuntimeError(f"the fluid program was not solved: {solved.message}")
    return np.asarray(solved.x), -unit * np.asarray(solved.ineqlin.marginals)[groups:]
