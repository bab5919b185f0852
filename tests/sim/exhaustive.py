"""The best schedule of a few windows, found by trying all: options, turns, loads and evictions.

Time is left out: every answer is in time, and a load has ended when it is needed. Whatever a device
can do with the same windows is one of these schedules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

from engine.scheduling.problem import Option, Problem, configuration_cost, distinct_pieces, memory_bytes
from sim.scenario import DeviceDay
from sim.traces import Arrival


class Spent(NamedTuple):
    """What a schedule took so far in the period, and what it has reached."""

    energy_j: float
    cost_usd: float
    value: float


Reached = dict[frozenset[str], list[Spent]]
"""By what is in memory, everything that no other schedule with the same beats."""


def best_schedule(day: DeviceDay) -> float:
    """Return the most weighted right answers that any schedule reaches."""
    problem, period_s = day.problem, day.problem.budget.period_s
    reached: Reached = {frozenset(): [Spent(0.0, 0.0, 0.0)]}
    period = 0.0
    for arrival in day.arrivals():
        if arrival.t_s // period_s > period:
            period = arrival.t_s // period_s
            reached = {r: _pareto([Spent(0.0, 0.0, s.value) for s in spent]) for r, spent in reached.items()}
        reached = _step(problem, reached, arrival, day.network.is_connected(arrival.t_s))
    return max(s.value for spent in reached.values() for s in spent)


def _step(problem: Problem, reached: Reached, arrival: Arrival, connected: bool) -> Reached:
    found: dict[frozenset[str], list[Spent]] = {r: list(spent) for r, spent in reached.items()}
    for chosen in _choices(problem, arrival, connected):
        value = sum(problem.apps[o.app].weight * o.accuracy_in(arrival.context) for o in chosen)
        for turns in _turns(chosen):
            for resident, spent in _run(problem, reached, turns, arrival.context).items():
                found.setdefault(resident, []).extend(
                    s._replace(value=s.value + value) for s in spent if _within(problem, s)
                )
    return {r: _pareto(spent) for r, spent in found.items() if spent}


def _choices(problem: Problem, arrival: Arrival, connected: bool) -> Iterator[list[Option]]:
    by_app = [
        [None, *(o for o in problem.options[app] if connected or not o.needs_cloud)] for app in arrival.due
    ]
    for choice in product(*by_app):
        chosen = [o for o in choice if o is not None]
        if chosen:
            yield chosen


def _turns(chosen: Sequence[Option]) -> Iterator[list[list[Option]]]:
    """Yield all at once and, for two, one after the other in either order."""
    yield [list(chosen)]
    if len(chosen) == 2:
        yield [[chosen[0]], [chosen[1]]]
        yield [[chosen[1]], [chosen[0]]]


def _run(problem: Problem, reached: Reached, turns: list[list[Option]], context: str) -> Reached:
    for turn in turns:
        cost = configuration_cost(problem, turn, context)
        needs = frozenset(distinct_pieces(turn))
        after: Reached = {}
        for resident, spent in reached.items():
            load_j = sum(problem.pieces[p].load_energy_j for p in needs - resident)
            moved = [
                Spent(s.energy_j + load_j + cost.energy_j, s.cost_usd + cost.cost_usd, s.value) for s in spent
            ]
            for kept in _kept(problem, resident - needs, needs):
                after.setdefault(kept, []).extend(moved)
        reached = after
    return reached


def _kept(problem: Problem, others: frozenset[str], needs: frozenset[str]) -> Iterator[frozenset[str]]:
    for count in range(len(others) + 1):
        for some in combinations(sorted(others), count):
            together = needs.union(some)
            if memory_bytes(problem.pieces, together) <= problem.budget.memory_bytes:
                yield together


def _within(problem: Problem, spent: Spent) -> bool:
    budget = problem.budget
    return spent.energy_j <= budget.energy_j + 1e-12 and spent.cost_usd <= budget.cost_usd + 1e-12


def _pareto(spent: Sequence[Spent]) -> list[Spent]:
    kept: list[Spent] = []
    for s in sorted(spent, key=lambda s: (-s.value, s.energy_j, s.cost_usd)):
        if not any(k.energy_j <= s.energy_j and k.cost_usd <= s.cost_usd for k in kept):
            kept.append(s)
    return kept
