"""The clairvoyant program: what could be answered by who knows the whole day.

For every group of equal windows g, app a and way w to answer it: x[g, a, w], how many of them a has
answered so. y[g, i]: on how many of them an item i that several apps may share runs.

    maximise    sum of value[w] x[g, a, w]
    subject to  sum over w of x[g, a, w] <= windows[g]                        for every g and a
                sum over w with i of probability * x[g, a, w] <= y[g, i]      for every a
                energy and money of each period within its budget
                processor and link within what a busy slot has
                loads and memory                                              (residency_rows)
                the radio's tail                                              (radio_tail_rows)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.period import ChargePeriod
from engine.scheduling.problem import PieceCost
from sim.busy_slots import BusySlots, busy_slots
from sim.linear_program import LinearProgram
from sim.moments import SortsOfMoments
from sim.radio_tail_rows import add_tail, burst_tail_s
from sim.residency_rows import LoadedAgain, LoadedOnce, Moments, Terms
from sim.scenario import DeviceDay
from sim.shared_items import Layout, lay_out
from sim.stretches import Group, Stretch, cut_in_order, cut_into_groups
from sim.ways import ENERGY, EXCHANGED, MONEY, PROCESSOR, UPLINK, KindOfWindow, WaysToAnswer
from sim.whole_trace import latest_limit_s, read_whole

Index = npt.NDArray[np.intp]
Float64 = npt.NDArray[np.float64]

_MOST_COLUMNS = 30_000
_MOST_SLOTS, _MOST_STRETCHES = 60, 1536
_SHARES = tuple(0.5**i for i in range(8))


class ClairvoyantProgram:
    """One day as a linear program.

    Args:
        day: what is bounded.

    Raises:
        BadInput: the trace is wrong where it is read.
    """

    def __init__(self, day: DeviceDay) -> None:
        self._day = day
        self.problem = day.problem
        self.program = LinearProgram()
        self.trace = read_whole(day)
        self.burst_s = burst_tail_s(day.problem, day.radio)
        self._kinds, self._kind_at = self._find_kinds(self._tail_w())
        if any(k.costs[i][ENERGY] < 0.0 for k in self._kinds for i in k.costs):
            self.burst_s = 0.0  # so slow a link that its sending outweighs the tail: tails are left out
            self._kinds, self._kind_at = self._find_kinds(0.0)
        self._layouts = [lay_out(k, EXCHANGED) for k in self._kinds]
        self._periods, self._period_at = self._find_periods()
        self._loaded = self._pieces_that_load()
        self.is_memory_short = (
            sum(c.memory_bytes for c in self._loaded.values()) > day.problem.budget.memory_bytes
        )
        self._sorts = SortsOfMoments(self.problem, [k.asked for k in self._kinds])
        self.processor, self.uplink, self._stretches = self._cut()
        self._spent: dict[tuple[int, int], Terms] = {}  # by resource and period or slot
        self._exchanges: dict[int, Terms] = {}
        self.energy_rows: list[int] = []
        self.money_rows: list[int] = []
        self.processor_rows: list[int] = []
        self.memory_rows: list[int] = []
        self._build()

    def _tail_w(self) -> float:
        return self._day.radio.tail_w if self._day.radio is not None and self.burst_s > 0.0 else 0.0

    def _find_kinds(self, tail_w: float) -> tuple[list[KindOfWindow], Index]:
        """Return what can be done about every combination of what is asked and what the link is like."""
        trace = self.trace
        ways = WaysToAnswer(self._day, tail_w)
        codes = trace.asked_at * max(1, len(trace.links)) + trace.link_at
        known, at = np.unique(codes, return_inverse=True)
        kinds = [
            ways.of(trace.asked[int(c) // len(trace.links)], trace.links[int(c) % len(trace.links)])
            for c in known
        ]
        return kinds, at.astype(np.intp)

    def _find_periods(self) -> tuple[int, Index]:
        length_s = self.problem.budget.period_s
        if not math.isfinite(length_s):
            return 1, np.zeros(len(self.trace.t_s), np.intp)
        known, at = np.unique(np.floor(self.trace.t_s / length_s), return_inverse=True)
        return max(1, len(known)), at.astype(np.intp)

    def _cut(self) -> tuple[BusySlots, BusySlots, list[Stretch]]:
        """Cut the trace as finely as the size of the program allows."""
        for share in _SHARES:
            found = self._cut_to(share)
            if sum(self._columns_of(s) for s in found[2]) <= _MOST_COLUMNS:
                return found
        return self._cut_to(_SHARES[-1])

    def _columns_of(self, stretch: Stretch) -> int:
        """Return about how many columns a stretch takes; a piece has some for each input type."""
        kinds, layouts = self._kinds, self._layouts
        answers = sum(len(kinds[g.kind].ways) + len(layouts[g.kind].shared) for g in stretch.groups)
        if not self.is_memory_short:
            return answers
        types = {int(self._sorts.type_of[g.kind]) for g in stretch.groups}
        return answers + len(self._loaded) * (2 + len(types))

    def _cut_to(self, share: float) -> tuple[BusySlots, BusySlots, list[Stretch]]:
        """Cut the trace to a share of the finest."""
        processor, uplink = self._find_slots(max(1, int(share * _MOST_SLOTS)))
        slots_at = (processor.slot_at, uplink.slot_at)
        if not self.is_memory_short:
            return processor, uplink, cut_into_groups(self._kind_at, self._period_at, slots_at)
        type_at, most = self._sorts.type_of[self._kind_at], int(share * _MOST_STRETCHES)
        return processor, uplink, cut_in_order(self._kind_at, type_at, self._period_at, slots_at, most)

    def _find_slots(self, most: int) -> tuple[BusySlots, BusySlots]:
        """Return when the processor, and when the link, may have too much to do."""
        limits_s = [latest_limit_s(self.problem.apps, k.asked.due) for k in self._kinds]
        limit_s = max((t for t in limits_s if t < math.inf), default=math.inf)
        slots = []
        for resource in (PROCESSOR, UPLINK):
            most_s = [
                _most(k, y, resource) if t < math.inf else 0.0
                for k, y, t in zip(self._kinds, self._layouts, limits_s, strict=True)
            ]
            at = np.array(most_s, np.float64)[self._kind_at] if most_s else np.zeros(0)
            slots.append(busy_slots(self.trace.t_s, at, limit_s, most))
        return slots[0], slots[1]

    def _pieces_that_load(self) -> dict[str, PieceCost]:
        """Return what takes energy to load, where energy is limited."""
        if not math.isfinite(self.problem.budget.energy_j):
            return {}
        needed = sorted({p for k in self._kinds for w in k.ways for p in w.pieces})
        costs = {p: self.problem.pieces[p] for p in needed}
        return {p: c for p, c in costs.items() if c.load_energy_j > 0.0}

    def _build(self) -> None:
        loads = self._build_in_order() if self.is_memory_short else self._build_once()
        for period in range(self._periods):
            energy = self._spent.get((ENERGY, period), []) + loads.loads(period)
            if self.burst_s > 0.0:
                energy += self._tails(period)
            if math.isfinite(self.problem.budget.energy_j):
                self.energy_rows.append(self.program.add_row(energy, self._energy_j()))
            if math.isfinite(self.problem.budget.cost_usd):
                money = self._spent.get((MONEY, period), [])
                self.money_rows.append(self.program.add_row(money, self.problem.budget.cost_usd))
        self.processor_rows = self._limit(self.processor, PROCESSOR)
        self._limit(self.uplink, UPLINK)

    def _energy_j(self) -> float:
        """Return what a period has for answers: extraction goes on to its end."""
        period_s = self.problem.budget.period_s
        length_s = period_s if math.isfinite(period_s) else ChargePeriod().expected_s(0.0)
        standing_j = self.problem.frames_hz * self.problem.frame_energy_j * length_s
        return max(0.0, self.problem.budget.energy_j - standing_j)

    def _limit(self, slots: BusySlots, resource: int) -> list[int]:
        """Limit what is done in each slot, and in slots that follow one another."""
        rows = []
        spent = [self._spent.get((resource, s), []) for s in range(len(slots.capacity_s))]
        for terms, capacity_s in zip(spent, slots.capacity_s, strict=True):
            rows.append(self.program.add_row(terms, capacity_s))
        for first, last, capacity_s in slots.together:
            terms = [t for s in range(first, last + 1) for t in spent[s]]
            rows.append(self.program.add_row(terms, capacity_s))
        return rows

    def _tails(self, period: int) -> Terms:
        can = np.array([any(EXCHANGED in w.items for w in k.ways) for k in self._kinds], dtype=bool)
        at = can[self._kind_at] & (self._period_at == period)
        exchanges = self._exchanges.get(period, [])
        return add_tail(self.program, exchanges, self.trace.t_s[at], self._tail_w(), self.burst_s)

    def _build_once(self) -> LoadedOnce:
        """Everything fits into memory: order does not matter."""
        loads = LoadedOnce(self.program, self._loaded, self._periods)
        for stretch in self._stretches:
            for group in stretch.groups:
                columns = self._add_group(stretch.period, group)
                for needs in self._layouts[group.kind].needs.values():
                    terms = {p: [[(columns[w], 1.0) for w in ways]] for p, ways in needs.items()}
                    loads.add_group(stretch.period, group.count, terms)
        return loads

    def _build_in_order(self) -> LoadedAgain:
        """Memory is short: stretch after stretch, and what a period uses is loaded at least once."""
        loads = LoadedAgain(self.program, self._loaded, self.problem.budget.memory_bytes)
        once = LoadedOnce(self.program, self._loaded, self._periods)
        totals: dict[tuple[int, int], list[tuple[int, list[int]]]] = {}
        for stretch in self._stretches:
            groups = [(g, self._add_group(stretch.period, g)) for g in stretch.groups]
            for group, columns in groups:
                totals.setdefault((stretch.period, group.kind), []).append((group.count, columns))
            changes = self._sorts.changes(stretch, self._kind_at)
            loads.add_stretch(stretch.period, self._moments(groups), changes)
        for (period, kind), parts in totals.items():
            windows = sum(count for count, _ in parts)
            for needs in self._layouts[kind].needs.values():
                terms = {p: [[(c[w], 1.0) for _, c in parts for w in ways]] for p, ways in needs.items()}
                once.add_group(period, windows, terms)
        loads.load_at_least(once)
        self.memory_rows = loads.memory_rows
        return loads

    def _moments(self, groups: Sequence[tuple[Group, list[int]]]) -> dict[int, Moments]:
        """Return the moments of a stretch, by their sort.

        Args:
            groups: with the column of each way.
        """
        needs: dict[int, dict[str, dict[str, Terms]]] = {}
        counts: dict[int, int] = {}
        for group, columns in groups:
            for sort, apps in self._sorts.of(group.kind).items():
                counts[sort] = counts.get(sort, 0) + group.count
                by_piece = needs.setdefault(sort, {})
                for app in apps:
                    for piece, ways in self._layouts[group.kind].needs.get(app, {}).items():
                        terms = by_piece.setdefault(piece, {}).setdefault(app, [])
                        terms += [(columns[w], 1.0) for w in ways]
        return {
            sort: Moments(count, {p: list(users.values()) for p, users in needs[sort].items()})
            for sort, count in counts.items()
        }

    def _add_group(self, period: int, group: Group) -> list[int]:
        """Add a group's columns, what they take, and return them by way."""
        program, layout, ways = self.program, self._layouts[group.kind], self._kinds[group.kind].ways
        windows = float(group.count)
        where = (period, period, *group.slots)
        columns = [program.add_column(w.value, windows) for w in ways]
        for own in layout.apps:
            program.add_row([(columns[w], 1.0) for w in own], windows)
        for column, cost in zip(columns, layout.private, strict=True):
            self._spend(where, column, cost)
        for number, item in enumerate(layout.shared):
            column = program.add_column(0.0, windows)
            self._spend(where, column, item.cost)
            for uses in item.uses:
                program.add_row([*((columns[w], p) for w, p in uses), (column, -1.0)], 0.0)
            if number == layout.exchanged_item:
                self._exchanges.setdefault(period, []).append((column, 1.0))
        alone = [(columns[w], p) for w, p in layout.exchanges]
        self._exchanges.setdefault(period, []).extend(alone)
        return columns

    def _spend(self, where: Sequence[int], column: int, cost: Float64) -> None:
        """Note what one unit of a column takes.

        Args:
            where: period or slot of each resource, -1 where it is not limited.
        """
        for resource, (at, amount) in enumerate(zip(where, cost, strict=True)):
            if amount != 0.0 and at >= 0:
                self._spent.setdefault((resource, at), []).append((column, float(amount)))


def _most(kind: KindOfWindow, layout: Layout, resource: int) -> float:
    """Return the most that a window may take of a resource, were nothing shared."""
    takes = [sum(p * kind.costs[i][resource] for i, p in w.items.items()) for w in kind.ways]
    return sum(max((takes[w] for w in own), default=0.0) for own in layout.apps)
