"""The fluid program: which mix of configurations each kind of window gets, within the budgets.

With s[k, c] the share of kind k's windows that get configuration c, N[k] windows expected,

    maximise    sum of N[k] value[c] s[k, c]
    subject to  sum over c of s[k, c] <= 1                       for every kind
                sum of N[k] resource[c, r] s[k, c] <= limit[r]   for energy, money, processor time

What is to come is not known: an outlook has windows that come soon and several futures, each with a
probability. The mix for soon is one, that for later is each future's own (a two-stage stochastic
program): so a resource is worth now what it is worth on average later, and neither a good nor a bad
future alone decides.

There are far more configurations than matter, so columns are generated: the program is solved over
those known so far, its dual prices ask every kind for its best configuration, and what would
improve the mix is added (Dantzig and Wolfe, 1960). The prices also bound the best mix from above,
as long as the best configuration at given prices is found exactly (configuration_space).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.scheduling.configuration_space import ConfigurationSpace, Usable
from engine.scheduling.configurations import RESOURCES, Configuration
from engine.scheduling.kinds import Kind
from engine.scheduling.not_solved import NotSolved

Float64 = npt.NDArray[np.float64]

_ROUNDS = 30
_TOLERANCE = 1e-4  # of the value, where generating columns ends
_LEAST_SHARE = 1e-9
_MOST_COLUMNS = 40  # kept a kind
_SOON_TAKES = 4.0  # times its share of the time, whatever else takes energy later


@dataclass(frozen=True, slots=True)
class Future:
    """What may come later.

    Args:
        probability: of this future; those of an outlook add up to 1.
        windows: expected then, by kind.
        beside_j: energy that goes elsewhere then, beyond what the limit leaves out already.
    """

    probability: float
    windows: Mapping[Kind, float]
    beside_j: float = 0.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come.

    Args:
        soon: windows by kind, before more is known.
        futures: what may follow; none where soon is all.
        soon_s: how long soon lasts; inf where nobody asks.
        soon_share: of the time that is left.
    """

    soon: Mapping[Kind, float]
    futures: tuple[Future, ...] = ()
    soon_s: float = float("inf")
    soon_share: float = 1.0

    def expected(self) -> dict[Kind, float]:
        """Return all windows expected, by kind."""
        windows = dict(self.soon)
        for future in self.futures:
            for kind, count in future.windows.items():
                windows[kind] = windows.get(kind, 0.0) + future.probability * count
        return windows


@dataclass(frozen=True, slots=True)
class FluidPlan:
    """A solved program.

    Args:
        mixes: for what comes soon, by kind: configurations with their shares of its windows; what is
            missing to 1 goes unserved.
        prices: (3,) right answers per J, per USD and per second of the processor, now.
        value: expected weighted right answers, soon and later.
        bound: no plan for the same outlook can have more.
        pieces: everything that a mix needs to be kept in memory, now or in some future, with the
            expected share of windows that need it.
    """

    mixes: Mapping[Kind, tuple[tuple[Configuration, float], ...]]
    prices: Float64
    value: float
    bound: float
    pieces: Mapping[str, float]


class _Block(NamedTuple):
    """One part of an outlook: soon, or one future.

    Args:
        weight: 1 for soon, else the future's probability.
        windows: by kind, more than 0 each.
    """

    weight: float
    windows: Mapping[Kind, float]


@dataclass(frozen=True, slots=True)
class _Solved:
    """The program over the columns known so far.

    Args:
        shares: by block and kind, one a column.
        duals: (futures or 1, 3) prices of the limits.
        value: of the objective.
    """

    shares: list[dict[Kind, Float64]]
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
        outlook: Outlook,
        limits: Float64,
        pieces: frozenset[str] | None = None,
        base_prices: Float64 | None = None,
        prove: bool = True,
    ) -> FluidPlan:
        """Return the best mix.

        Args:
            outlook: windows expected.
            limits: (3,) energy in J, money in USD, processor time in s; inf for none.
            pieces: all that is kept in memory, others are loaded for a window at a time; None for
                everything.
            base_prices: (3,) what resources are worth outside of this program.
            prove: look for better configurations in every future; else only for what comes soon,
                the futures making do with what earlier solves found, and the plan has no bound.
        """
        base = np.zeros(RESOURCES) if base_prices is None else base_prices
        blocks = _blocks(outlook)
        kinds = list(dict.fromkeys(k for b in blocks for k in b.windows))
        allowed = {k: self._spaces[k].with_kept(pieces) for k in kinds}
        for kind in kinds:
            columns = self._columns.setdefault(kind, _Columns())
            if prove or not columns.known:
                for prices in (base, self._prices + base):
                    columns.add(self._spaces[kind].best(prices, allowed[kind]))
        bound = np.inf
        limits = _in_every_future(limits, outlook)
        usable = self._usable(kinds, pieces)
        solved = _solve(blocks, usable, limits, base)
        for _ in range(_ROUNDS):
            looked_at = blocks if prove else blocks[:1]
            least, improved = self._improve(looked_at, solved, limits, base, allowed)
            bound = min(bound, least) if prove else bound
            if not improved or bound - solved.value <= _TOLERANCE * max(solved.value, _LEAST_SHARE):
                break
            usable = self._usable(kinds, pieces)
            solved = _solve(blocks, usable, limits, base)
        self._prices = solved.duals.sum(axis=0)
        plan = _plan(blocks, usable, solved, base + self._prices, max(bound, solved.value))
        self._forget(usable, solved)
        return plan

    def _improve(
        self,
        blocks: Sequence[_Block],
        solved: _Solved,
        limits: Float64,
        base: Float64,
        allowed: Mapping[Kind, Usable | None],
    ) -> tuple[float, bool]:
        """Add what is best at the prices; return a bound from above and whether anything was new."""
        finite = np.isfinite(limits)
        least = float(solved.duals[finite] @ limits[finite])
        improved = False
        for number, block in enumerate(blocks):
            soon = number == 0
            duals = solved.duals.sum(axis=0) if soon else solved.duals[number - 1] / block.weight
            for kind, count in block.windows.items():
                best = self._spaces[kind].best(base + duals, allowed[kind])
                least += block.weight * count * max(0.0, best.worth(base + duals))
                improved |= self._columns[kind].add(best)
        return least, improved

    def _usable(
        self, kinds: Sequence[Kind], pieces: frozenset[str] | None
    ) -> dict[Kind, list[Configuration]]:
        return {
            k: [
                c
                for c in self._columns[k].known
                if c.beside == pieces or (c.beside is None and pieces is not None and c.pieces <= pieces)
            ]
            for k in kinds
        }

    def _forget(self, usable: Mapping[Kind, list[Configuration]], solved: _Solved) -> None:
        """Keep memory flat: of a kind with many columns only those in use stay."""
        for kind, known in usable.items():
            if len(self._columns[kind].known) > _MOST_COLUMNS:
                used = np.sum([s[kind] for s in solved.shares if kind in s], axis=0)
                self._columns[kind].keep([c for c, s in zip(known, used, strict=True) if s > _LEAST_SHARE])


def _blocks(outlook: Outlook) -> list[_Block]:
    soon = _Block(1.0, {k: n for k, n in outlook.soon.items() if n > 0.0})
    later = [
        _Block(f.probability, {k: n for k, n in f.windows.items() if n > 0.0})
        for f in outlook.futures
        if f.probability > 0.0
    ]
    return [soon, *later]


def _plan(
    blocks: Sequence[_Block],
    usable: Mapping[Kind, list[Configuration]],
    solved: _Solved,
    prices: Float64,
    bound: float,
) -> FluidPlan:
    """Gather what a solved program says."""
    mixes = {
        k: tuple((c, float(s)) for c, s in zip(usable[k], shares, strict=True) if s > _LEAST_SHARE)
        for k, shares in solved.shares[0].items()
    }
    uses: dict[str, float] = {}
    total = sum(b.weight * n for b in blocks for n in b.windows.values()) or 1.0
    for block, by_kind in zip(blocks, solved.shares, strict=True):
        for kind, shares in by_kind.items():
            for found, share in zip(usable[kind], shares, strict=True):
                if share > _LEAST_SHARE:
                    used = found.pieces if found.beside is None else found.pieces & found.beside
                    for piece in sorted(used):
                        amount = block.weight * block.windows[kind] * float(share) / total
                        uses[piece] = uses.get(piece, 0.0) + amount
    return FluidPlan(mixes, prices, solved.value, bound, uses)


def _in_every_future(limits: Float64, outlook: Outlook) -> Float64:
    """Return the limits (3,) as those of each future (futures or 1, 3).

    Soon is decided for all futures at once, so even one in which nothing is left must not forbid it:
    what comes soon may take some times its share of the time.
    """
    in_each = np.tile(limits, (max(1, len(outlook.futures)), 1))
    for future, own in zip(outlook.futures, in_each, strict=False):
        if future.beside_j and np.isfinite(limits[0]):
            own[0] = max(limits[0] - future.beside_j, min(1.0, _SOON_TAKES * outlook.soon_share) * limits[0])
    return in_each


def _solve(
    blocks: Sequence[_Block],
    usable: Mapping[Kind, list[Configuration]],
    limits: Float64,
    base: Float64,
) -> _Solved:
    """Solve over known columns."""
    futures = max(1, len(blocks) - 1)
    limited = np.flatnonzero(np.isfinite(limits[0]))
    most = limits[:, limited].max(axis=0)
    scale = np.where(most > 0.0, most, 1.0)
    groups = [(b, k) for b, block in enumerate(blocks) for k in block.windows]
    counts = [len(usable[k]) for _, k in groups]
    columns = sum(counts)
    duals = np.zeros((futures, RESOURCES))
    if not columns:
        return _Solved([{k: np.zeros(0) for k in b.windows} for b in blocks], duals, 0.0)
    gains = np.empty(columns)
    rows = np.zeros((len(groups) + futures * len(limited), columns))
    firsts = np.cumsum([0, *counts])
    for g, (b, kind) in enumerate(groups):
        first, last = firsts[g], firsts[g + 1]
        if first == last:
            continue
        block = blocks[b]
        count = block.windows[kind]
        resources = np.array([c.resources for c in usable[kind]])  # (columns, 3)
        values = np.array([c.value for c in usable[kind]]) - resources @ base
        gains[first:last] = block.weight * count * values
        rows[g, first:last] = 1.0
        used = (resources[:, limited] * count / scale).T  # (limited, columns)
        for future in range(futures) if b == 0 else (b - 1,):
            row = len(groups) + future * len(limited)
            rows[row : row + len(limited), first:last] = used
    upper = np.concatenate([np.ones(len(groups)), (limits[:, limited] / scale).ravel()])
    shares, row_duals = _linear_program(gains, rows, upper)
    duals[:, limited] = row_duals[len(groups) :].reshape(futures, len(limited)) / scale
    by_block: list[dict[Kind, Float64]] = [{} for _ in blocks]
    for g, (b, kind) in enumerate(groups):
        by_block[b][kind] = shares[firsts[g] : firsts[g + 1]]
    return _Solved(by_block, duals, float(gains @ shares))


def _linear_program(gains: Float64, rows: Float64, upper: Float64) -> tuple[Float64, Float64]:
    """Maximise gains @ x with x >= 0 and rows @ x <= upper; return x and the rows' dual prices."""
    from scipy.optimize import linprog

    unit = max(float(np.abs(gains).max()), _LEAST_SHARE)
    solved = linprog(-gains / unit, A_ub=rows, b_ub=upper, method="highs")
    if solved.x is None:  # x = 0 is always feasible and x is bounded: HiGHS gave up
        raise NotSolved(f"the fluid program was not solved: {solved.message}")
    return np.asarray(solved.x), -unit * np.asarray(solved.ineqlin.marginals)
