"""Loads and memory in the clairvoyant program.

A moment is what runs together with the same things in memory: a window, or where the apps that ask
about it may have to run one after another, an app's turn at it. For a piece p and the moments of
one sort in a stretch of the trace, h[p] in [0, 1] is the share of them at which p is in memory,
w[p] in [0, 1] says that it stays all through the stretch, and l[p] counts how often it is loaded
from the stretch's first moment to the next one's:

    what needs p                 <= moments * h[p]                for each app
    sum of bytes[p] h[p]         <= memory
    sum of h[p] over a clique    <= 1                             pieces no two of which fit together
    w[p] <= h[p],   w[p] <= w'[p] + l'[p],   h[p] <= w'[p] + l'[p] + l[p]      ' the stretch before
    l[p] >= n h[p] - (n - c) - m g[p]                             for another sort of moments

In the last row g[p] is the share of those other moments, of which there are m, and c the number of
times at which a moment of the one sort is the next after one of the other: where p is in memory at
the one and not at the other, it was loaded in between. Over a whole period, what equal windows ask
of a piece is at most their number times whether it was loaded at all (LoadedOnce).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.scheduling.problem import PieceCost
from sim.linear_program import LinearProgram

Terms = list[tuple[int, float]]
Needs = Mapping[str, Sequence[Terms]]
"""By piece: sums of columns, each of which counts moments that need the piece."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of one sort in a stretch.

    Args:
        count: how many.
        needs: what runs then.
    """

    count: int
    needs: Needs


class LoadedOnce:
    """Everything fits: what is needed in a period was loaded in it or in one before.

    Args:
        program: where rows go.
        costs: of the pieces that take energy to load.
        periods: how many.
    """

    def __init__(self, program: LinearProgram, costs: Mapping[str, PieceCost], periods: int) -> None:
        self._program = program
        self._costs = costs
        self._periods = periods
        self.columns: dict[str, list[int]] = {}  # by piece: whether it is loaded in each period

    def add_group(self, period: int, windows: int, needs: Needs) -> None:
        """Let what a group of windows needs be loaded before."""
        for piece, uses in needs.items():
            if piece not in self._costs:
                continue
            loads = self.columns.get(piece)
            if loads is None:
                loads = self.columns[piece] = [
                    self._program.add_column(0.0, 1.0) for _ in range(self._periods)
                ]
            before = [(column, -float(windows)) for column in loads[: period + 1]]
            for terms in uses:
                self._program.add_row([*terms, *before], 0.0)

    def loads(self, period: int) -> Terms:
        """Return what loading takes of a period's energy."""
        return [(c[period], self._costs[p].load_energy_j) for p, c in self.columns.items()]


class LoadedAgain:
    """Not everything fits: rows for stretch after stretch, in the order of the trace.

    Args:
        program: where rows go.
        costs: of the pieces that take energy to load.
        memory_bytes: for all of them.
    """

    def __init__(self, program: LinearProgram, costs: Mapping[str, PieceCost], memory_bytes: float) -> None:
        self._program = program
        self._costs = costs
        self._memory_bytes = memory_bytes
        self._cliques = _cliques({p: c.memory_bytes for p, c in costs.items()}, memory_bytes)
        self._before: dict[str, Terms] = {p: [] for p in costs}
        self._loads: dict[int, dict[str, list[int]]] = {}  # by period and piece
        self.memory_rows: list[int] = []

    def add_stretch(
        self, period: int, moments: Mapping[int, Moments], changes: Mapping[tuple[int, int], int]
    ) -> None:
        """Add the next stretch.

        Args:
            period: in which it is.
            moments: by sort.
            changes: for two sorts, how often a moment of the second is the next after one of the first.
        """
        program = self._program
        total = float(sum(m.count for m in moments.values()) + 1)
        stays = {p: program.add_column(0.0, 1.0) for p in self._costs}
        loads = {p: program.add_column(0.0, total) for p in self._costs}
        if period not in self._loads:  # what is loaded before a period's first moment is paid in it
            self._before = {p: [*before, (loads[p], -1.0)] for p, before in self._before.items()}
        in_period = self._loads.setdefault(period, {p: [] for p in self._costs})
        for piece, column in loads.items():
            in_period[piece].append(column)
        for piece, column in stays.items():
            program.add_row([(column, 1.0), *self._before[piece]], 0.0)
        compared = {sort for pair in changes for sort in pair}
        here = {
            sort: {
                p: program.add_column(0.0, 1.0) if p in m.needs or sort in compared else stays[p]
                for p in self._costs
            }
            for sort, m in moments.items()
        }
        for sort, shares in here.items():
            for piece, column in shares.items():
                if column != stays[piece]:
                    self._share(column, stays[piece], loads[piece], piece, moments[sort])
            self._limit(shares)
        for (first, second), times in changes.items():
            for piece in self._costs:
                if piece in moments[second].needs and piece not in moments[first].needs:
                    n, m = float(moments[second].count), float(moments[first].count)
                    terms = [(here[second][piece], n), (here[first][piece], -m), (loads[piece], -1.0)]
                    program.add_row(terms, n - times)
        self._before = {p: [(stays[p], -1.0), (loads[p], -1.0)] for p in self._costs}

    def loads(self, period: int) -> Terms:
        """Return what loading takes of a period's energy."""
        in_period = self._loads.get(period, {})
        return [(c, self._costs[p].load_energy_j) for p, columns in in_period.items() for c in columns]

    def load_at_least(self, once: LoadedOnce) -> None:
        """Let a piece be loaded in a period where that is what its use there asks for at least."""
        for piece, columns in once.columns.items():
            for period, column in enumerate(columns):
                loads = self._loads.get(period, {}).get(piece, [])
                self._program.add_row([(column, 1.0), *((c, -1.0) for c in loads)], 0.0)

    def _share(self, share: int, stays: int, loads: int, piece: str, moments: Moments) -> None:
        self._program.add_row([(stays, 1.0), (share, -1.0)], 0.0)
        self._program.add_row([(share, 1.0), *self._before[piece], (loads, -1.0)], 0.0)
        for terms in moments.needs.get(piece, ()):
            self._program.add_row([*terms, (share, -float(moments.count))], 0.0)

    def _limit(self, shares: Mapping[str, int]) -> None:
        terms = [(column, float(self._costs[p].memory_bytes)) for p, column in shares.items()]
        self.memory_rows.append(self._program.add_row(terms, self._memory_bytes))
        for clique in self._cliques:
            self._program.add_row([(shares[p], 1.0) for p in clique], 1.0)


def _cliques(sizes: Mapping[str, int], memory_bytes: float) -> list[tuple[str, ...]]:
    """Return sets of pieces no two of which fit into memory together."""
    large = [p for p, size in sizes.items() if 2 * size > memory_bytes]
    found = [tuple(large)]
    for piece, size in sizes.items():
        if 2 * size <= memory_bytes:
            found.append((piece, *(p for p in large if sizes[p] + size > memory_bytes)))
    return _largest(found)


def _largest(sets: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [tuple(s) for s in dict.fromkeys(sets) if len(s) > 1]
