"""The configurations of one kind of window, and the best of them at given prices.

Choosing what the apps of a window run is a facility-location problem: a facility is what an option
shares with others (parts at the device, a trunk in the cloud, one exchange with it), paid once
however many apps use it; a client is an app, which gets the best of the open facilities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.scheduling.configurations import RESOURCES, Configuration, configuration
from engine.scheduling.facility_location import LEAST_GAIN, best_facilities
from engine.scheduling.kinds import Kind
from engine.scheduling.option_items import Item, items_of
from engine.scheduling.problem import Option, PieceCost, Problem, memory_bytes, worst_latency_s

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_MOST_KEPT = 8
_LONGEST_VISIT = 0.5  # loads of a window that makes do with what is not kept: share of the tightest limit


@dataclass(frozen=True, slots=True, eq=False)
class Usable:
    """Which options of a kind of window may be used.

    Args:
        options: one a option.
        extra: (options, 3) further resources that each takes; None for nothing.
        beside: what is kept in memory, where options that need something else may visit; else None.
    """

    options: Bool
    extra: Float64 | None = None
    beside: frozenset[str] | None = None


@dataclass(slots=True)
class OptionColumn:
    """An option as a column of a program.

    Args:
        app: index among the due apps.
        value: expected weighted right answers on one window.
        private: (3,) resources that no other app can share.
        shares: index and probability of what it shares.
        needs: pieces that must be resident.
        column: where the program put it.
    """

    app: int
    value: float
    private: Float64
    shares: tuple[tuple[int, float], ...]
    needs: frozenset[str]
    column: int = -1


class ConfigurationSpace:
    """All configurations of one kind of window.

    Left out are options that cannot be used: late even alone and resident, too large for the
    memory, in need of a cloud that cannot be reached, or right with chance 0.

    Args:
        problem: apps, options, costs.
        kind: of the windows.
    """

    def __init__(self, problem: Problem, kind: Kind) -> None:
        self._problem = problem
        self._kind = kind
        self._options = [o for a in kind.due for o in _usable(problem, kind, a)]
        apps = {a: i for i, a in enumerate(kind.due)}
        self._app = np.array([apps[o.app] for o in self._options], dtype=np.intp)
        self._value = np.array(
            [problem.apps[o.app].weight * o.accuracy_in(kind.context) for o in self._options]
        )
        ends = np.searchsorted(self._app, np.arange(len(kind.due) + 1)).tolist()
        self._spans = list(pairwise(ends))  # each app's options, one after another
        self._made: dict[tuple[tuple[int, ...], frozenset[str] | None], Configuration] = {}
        self._usable: dict[frozenset[str], Usable] = {}
        self._build()

    @property
    def device_pieces(self) -> frozenset[str]:
        """Everything that any configuration may need in the device's memory."""
        return frozenset().union(*(o.device_pieces for o in self._options))

    @property
    def items(self) -> Float64:
        """(items, 3) resources of what several apps may share."""
        return self._items

    @property
    def columns(self) -> list[OptionColumn]:
        """Every option, for a program over options instead of configurations."""
        return [
            OptionColumn(
                int(self._app[i]),
                float(self._value[i]),
                self._private[i],
                tuple((int(j), float(self._shares[i, j])) for j in np.flatnonzero(self._shares[i])),
                self._needs[i],
            )
            for i in range(len(self._options))
        ]

    @property
    def nothing(self) -> Configuration:
        """The configuration that serves no app."""
        return self._make(())

    def with_kept(self, pieces: frozenset[str] | None) -> Usable | None:
        """Return which options can be used, and at what further cost, with only these pieces kept.

        An option with other pieces visits: they are loaded for the window, and where they do not fit
        beside what is kept, some of that has to be loaded again afterwards, in proportion to the
        bytes that had to go.
        """
        if pieces is None:
            return None
        known = self._usable.get(pieces)
        if known is None:
            if len(self._usable) >= _MOST_KEPT:
                self._usable.clear()
            known = self._usable[pieces] = self._price_visits(pieces)
        return known

    def resident_only(self, pieces: frozenset[str]) -> Usable:
        """Return which options can be used without loading anything."""
        return Usable(np.array([pieces.issuperset(n) for n in self._needs], dtype=bool))

    def in_time(self, waited_s: float, beside: frozenset[str] | None = None) -> Usable:
        """Return which options are in time, each by itself, for a window that has waited.

        Args:
            beside: all that may be used; None for everything.
        """
        in_time = np.array(
            [
                worst_latency_s(self._problem, o) <= self._problem.apps[o.app].latency_limit_s - waited_s
                for o in self._options
            ],
            dtype=bool,
        )
        return Usable(in_time if beside is None else in_time & self.resident_only(beside).options)

    def best(self, prices: Float64, usable: Usable | None = None) -> Configuration:
        """Return the best configuration at prices; nothing at all where nothing is worth its price.

        Args:
            prices: (3,) right answers per J, per USD and per second of the processor.
            usable: options that may be used; None for all.
        """
        if not self._options:
            return self.nothing
        gain = self._value - self._private @ prices
        if usable is not None:
            if usable.extra is not None:
                gain = gain - usable.extra @ prices
            gain = np.where(usable.options, gain, -np.inf)
        if len(self._kind.due) == 1:
            net = gain - self._shares @ (self._items @ prices)
            top = int(np.argmax(net))
            return self._make((top,) if net[top] > LEAST_GAIN else (), usable)
        return self._make(self._best_together(gain, self._items @ prices), usable)

    def least_costly(self, app: str, prices: Float64, usable: Usable | None = None) -> Option | None:
        """Return the option of one app that is worth most less what it takes alone, even below nothing."""
        if app not in self._kind.due:
            return None
        net = self._value - (self._private + self._shares @ self._items) @ prices
        if usable is not None:
            net = np.where(usable.options, net, -np.inf)
        first, last = self._spans[self._kind.due.index(app)]
        if first == last:
            return None
        top = first + int(net[first:last].argmax())
        return self._options[top] if net[top] > -np.inf else None

    def _best_together(self, gain: Float64, item_price: Float64) -> tuple[int, ...]:
        """Return the best option of each app, as indices, for several apps."""
        clients, facilities = len(self._kind.due), len(self._facility_shares)
        table = np.full((clients, facilities), -np.inf)
        np.maximum.at(table, (self._app, self._facility), gain)
        table = np.maximum(table, 0.0)  # an app may go unserved
        useful = np.flatnonzero(table.max(axis=0) > 0.0)
        if not len(useful):
            return ()
        table = table[:, useful]
        shares = self._facility_shares[useful]  # (facilities, items)
        return self._assigned(gain, useful[best_facilities(table, shares, item_price)])

    def _assigned(self, gain: Float64, opened: npt.NDArray[np.intp]) -> tuple[int, ...]:
        """Return each app's best option among the opened facilities."""
        is_open = np.zeros(len(self._facility_shares), dtype=bool)
        is_open[opened] = True
        usable = np.where(is_open[self._facility], gain, -np.inf)
        chosen = []
        for first, last in self._spans:
            if first < last:
                top = first + int(usable[first:last].argmax())
                if usable[top] > LEAST_GAIN:
                    chosen.append(top)
        return tuple(chosen)

    def _make(self, chosen: tuple[int, ...], usable: Usable | None = None) -> Configuration:
        kept = None if usable is None else usable.beside
        beside = None if kept is None or all(self._needs[i] <= kept for i in chosen) else kept
        made = self._made.get((chosen, beside))
        if made is None:
            made = configuration(self._problem, self._kind, [self._options[i] for i in chosen])
            if beside is not None and usable is not None:
                extra = 0.0 if usable.extra is None else usable.extra[list(chosen)].sum(axis=0)
                made = replace(made, resources=made.resources + extra, beside=beside)
            self._made[chosen, beside] = made
        return made

    def _price_visits(self, kept: frozenset[str]) -> Usable:
        """Price what options would have to load.

        Left out are those that would be late by it, and those whose loads would hold up the processor
        for so long that other windows might be. What loads for nothing is left out where it does not
        fit beside what is kept: no price would hold back from planning more than fits.
        """
        pieces = self._problem.pieces
        longest_s = _LONGEST_VISIT * min(a.latency_limit_s for a in self._problem.apps.values())
        kept_bytes = memory_bytes(pieces, kept)
        kept_loads = sum((_load(pieces[p]) for p in sorted(kept)), np.zeros(RESOURCES))
        usable = np.ones(len(self._options), dtype=bool)
        extra = np.zeros((len(self._options), RESOURCES))
        for i, (option, needs) in enumerate(zip(self._options, self._needs, strict=True)):
            missing = needs - kept
            if not missing:
                continue
            loads = sum((_load(pieces[p]) for p in sorted(missing)), np.zeros(RESOURCES))
            over = kept_bytes + memory_bytes(pieces, missing) - self._problem.budget.memory_bytes
            if over > 0.0 and kept_bytes > 0:
                extra[i] = loads + min(1.0, over / kept_bytes) * kept_loads
            else:
                extra[i] = loads
            limit_s = self._problem.apps[option.app].latency_limit_s
            in_time = loads[2] + worst_latency_s(self._problem, option) <= limit_s
            is_priced = over <= 0.0 or bool(extra[i].any())
            usable[i] = in_time and extra[i, 2] <= longest_s and is_priced
        return Usable(usable, extra if extra.any() else None, kept)

    def _build(self) -> None:
        """Find what options share: items that more than one app may pay for are shared, others private."""
        uses = [items_of(self._problem, o, self._kind.context) for o in self._options]
        users: dict[Item, set[str]] = {}
        costs: dict[Item, tuple[float, float, float]] = {}
        for option, used in zip(self._options, uses, strict=True):
            for item, (_, cost) in used.items():
                users.setdefault(item, set()).add(option.app)
                costs[item] = tuple(np.maximum(cost, costs.get(item, (0.0, 0.0, 0.0))))
        several = len(self._kind.due) > 1
        shared = {
            item: i for i, item in enumerate(u for u, apps in users.items() if several and len(apps) > 1)
        }
        self._items = np.array([costs[i] for i in shared] or np.zeros((0, RESOURCES)))
        self._private = np.zeros((len(self._options), RESOURCES))
        self._shares = np.zeros((len(self._options), len(shared)))
        for o, used in enumerate(uses):
            for item, (probability, cost) in used.items():
                if item in shared:
                    self._shares[o, shared[item]] = probability
                else:
                    self._private[o] += probability * np.array(cost)
        self._needs = [frozenset(o.device_pieces) for o in self._options]
        facilities: dict[tuple[float, ...], int] = {}
        self._facility = np.array(
            [facilities.setdefault(tuple(row), len(facilities)) for row in self._shares], dtype=np.intp
        )
        self._facility_shares = np.array(list(facilities)).reshape(len(facilities), len(shared))


def _load(cost: PieceCost) -> Float64:
    return np.array([cost.load_energy_j, 0.0, cost.load_s])


def _usable(problem: Problem, kind: Kind, app: str) -> list[Option]:
    known = problem.apps.get(app)
    if known is None:
        return []
    limit_bytes = problem.budget.memory_bytes
    return [
        o
        for o in problem.options.get(app, ())
        if (kind.connected or not o.needs_cloud)
        and o.accuracy_in(kind.context) > 0.0
        and memory_bytes(problem.pieces, o.device_pieces) <= limit_bytes
        and worst_latency_s(problem, o) <= known.latency_limit_s
    ]
