"""Configurations as values: one option for each app of a window, and what they take together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scheduling.kinds import Kind
from engine.scheduling.problem import Option, Place, Problem, configuration_cost, worst_latency_s

Float64 = npt.NDArray[np.float64]

RESOURCES = 3  # energy in J, money in USD, processor time in s


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """One option for some of a kind's apps, and what they take together.

    Args:
        options: by app.
        value: expected weighted right answers on one window.
        resources: (3,) expected energy (J), money (USD) and processor time (s) of one window.
        pieces: what must be resident at the device.
        worst_energy_j: to reserve.
        worst_usd: to reserve.
        worst_run_s: 95th percentile of the processor time.
        patience_s: how long a window may have waited for all its answers still to be in time.
        away_megabits: most that one option moves; what slows it down when the link does.
        beside: what is kept in memory beside it, where it visits: pieces that are not kept are
            loaded for the window, and its resources include that. None where it does not visit.
    """

    options: dict[str, Option]
    value: float
    resources: Float64
    pieces: frozenset[str]
    worst_energy_j: float
    worst_usd: float
    worst_run_s: float
    patience_s: float
    away_megabits: float
    beside: frozenset[str] | None = None

    def worth(self, prices: Float64) -> float:
        """Return its value less what it takes at (3,) prices."""
        return self.value - float(self.resources @ prices)


def configuration(problem: Problem, kind: Kind, options: Iterable[Option]) -> Configuration:
    """Make a configuration with its costs."""
    chosen = {o.app: o for o in options}
    cost = configuration_cost(problem, chosen.values(), kind.context)
    value = sum(problem.apps[a].weight * o.accuracy_in(kind.context) for a, o in chosen.items())
    patience_s, megabits = math.inf, 0.0
    for app, option in chosen.items():
        away_s = worst_latency_s(problem, option) - sum(
            problem.pieces[p].run_worst_s for p in dict.fromkeys(option.device_pieces)
        )
        patience_s = min(patience_s, problem.apps[app].latency_limit_s - cost.run_worst_s - away_s)
        moved = sum(s.up_bytes + s.down_bytes for s in option.stages if s.place is Place.CLOUD)
        megabits = max(megabits, 8e-6 * moved)
    return Configuration(
        chosen,
        value,
        np.array([cost.energy_j, cost.cost_usd, cost.run_s]),
        frozenset(p for o in chosen.values() for p in o.device_pieces),
        cost.worst_energy_j,
        cost.worst_cost_usd,
        cost.run_worst_s,
        patience_s,
        megabits,
    )
