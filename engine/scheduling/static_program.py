"""The best fixed configuration as a mixed-integer program, solved with HiGHS.

Binary x[a, o]: app a uses option o, at most one each. Binary z[p]: piece p is held. Continuous
y[p] >= 0: runs of piece p a second. A piece is paid once for all apps that share it:

    z[p] >= x[a, o] and y[p] >= f[a] * probability * x[a, o]   for every p that o runs

Maximise the sum of worth[o] * x[a, o], subject to

    memory      sum of bytes[p] z[p] <= memory
    energy      sum of load[p] z[p] + period * sum of run[p] y[p] <= energy left for running parts
    money       period * sum of f[a] price[o] x[a, o] <= money
    processor   sum of seconds[p] y[p] <= 1
    latency     for every app that is served: worst seconds of all z of its input type <= its limit
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.scheduling.not_solved import NotSolved
from engine.scheduling.problem import App, Option, Place, Problem

if TYPE_CHECKING:
    from scipy.optimize import LinearConstraint

Worth = Callable[[Option], float]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Demand:
    """What the configuration must carry.

    Args:
        requests_hz: expected requests a second by app.
        energy_j: for loading and running parts over the period; inf without a limit.
        cost_usd: likewise for money.
        period_s: length of the period; only used with a limit.
    """

    requests_hz: Mapping[str, float]
    energy_j: float = math.inf
    cost_usd: float = math.inf
    period_s: float = 1.0


def best_configuration(problem: Problem, demand: Demand, worth: Worth) -> dict[str, Option]:
    """Return the option of each app in the best fixed configuration; an app may have none.

    Args:
        worth: what choosing an option adds to the objective; with 0 or less it is not taken.
    """
    from scipy.optimize import Bounds, milp

    program = _Program(problem, demand)
    if not program.choices:
        return {}
    solved = milp(
        -program.objective(worth),
        constraints=program.constraints(),
        integrality=program.integrality(),
        bounds=Bounds(0.0, program.upper()),
    )
    if solved.x is None:  # nothing chosen is always feasible, so this is HiGHS giving up
        raise NotSolved(f"the static program was not solved: {solved.message}")
    return {o.app: o for o, x in zip(program.choices, solved.x, strict=False) if x > 0.5}


class _Program:
    """Columns in the order x of every option, z of every piece, y of every piece."""

    def __init__(self, problem: Problem, demand: Demand) -> None:
        self.choices = [o for a in problem.apps for o in problem.options.get(a, ())]
        self._pieces = sorted({p for o in self.choices for p in o.device_pieces})
        self._z = {p: len(self.choices) + i for i, p in enumerate(self._pieces)}
        self._y = {p: len(self.choices) + len(self._pieces) + i for i, p in enumerate(self._pieces)}
        self._columns = len(self.choices) + 2 * len(self._pieces)
        self._problem = problem
        self._demand = demand

    def objective(self, worth: Worth) -> Float64:
        """Return the objective's coefficients."""
        return self._row({i: worth(option) for i, option in enumerate(self.choices)})

    def integrality(self) -> Int64:
        """Return 1 for the binary columns."""
        kinds = np.zeros(self._columns, np.int64)
        kinds[: len(self.choices) + len(self._pieces)] = 1
        return kinds

    def upper(self) -> Float64:
        """Return upper bounds of the columns."""
        return np.where(self.integrality() > 0, 1.0, np.inf)

    def constraints(self) -> list[LinearConstraint]:
        """Return all rows as A x <= b, each scaled to a right side of about 1."""
        from scipy.optimize import LinearConstraint

        rows = [*self._one_option_each(), *self._shared_pieces(), *self._limits(), *self._latency()]
        matrix = np.array([r for r, _ in rows])
        return [LinearConstraint(matrix, -np.inf, np.array([b for _, b in rows]))]

    def _one_option_each(self) -> list[tuple[Float64, float]]:
        return [
            (self._row({i: 1.0 for i, o in enumerate(self.choices) if o.app == app}), 1.0)
            for app in self._problem.apps
        ]

    def _shared_pieces(self) -> list[tuple[Float64, float]]:
        rows = []
        for i, option in enumerate(self.choices):
            hz = self._demand.requests_hz[option.app]
            standby = () if option.standby is None else (option.standby,)
            for stage in (*option.stages, *standby):
                for piece in stage.pieces if stage.place is Place.DEVICE else ():
                    rows.append((self._row({i: 1.0, self._z[piece]: -1.0}), 0.0))
                    rows.append((self._row({i: hz * stage.probability, self._y[piece]: -1.0}), 0.0))
        return rows

    def _limits(self) -> list[tuple[Float64, float]]:
        cost = self._problem.pieces
        period_s = self._demand.period_s
        memory = {self._z[p]: float(cost[p].memory_bytes) for p in self._pieces}
        loads = {self._z[p]: cost[p].load_energy_j for p in self._pieces}
        runs = {self._y[p]: period_s * cost[p].run_energy_j for p in self._pieces}
        prices = {
            i: period_s * self._demand.requests_hz[o.app] * sum(s.probability * s.cost_usd for s in o.stages)
            for i, o in enumerate(self.choices)
        }
        seconds = {self._y[p]: cost[p].run_s for p in self._pieces}
        limits = (
            (memory, self._problem.budget.memory_bytes),
            (loads | runs, self._demand.energy_j),
            (prices, self._demand.cost_usd),
            (seconds, 1.0),
        )
        return [_scaled(self._row(terms), limit) for terms, limit in limits if math.isfinite(limit)]

    def _latency(self) -> list[tuple[Float64, float]]:
        apps = self._problem.apps.values()
        return [self._latency_of(a) for a in apps if math.isfinite(a.latency_limit_s)]

    def _latency_of(self, app: App) -> tuple[Float64, float]:
        """All pieces of its input type within the limit, if it is served at all."""
        shared = {
            p
            for o in self.choices
            if self._problem.apps[o.app].input_type == app.input_type
            for p in o.device_pieces
        }
        terms = {self._z[p]: self._problem.pieces[p].run_worst_s for p in shared}
        slack_s = max(0.0, sum(terms.values()) - app.latency_limit_s)
        terms |= {i: slack_s for i, o in enumerate(self.choices) if o.app == app.name}
        return _scaled(self._row(terms), app.latency_limit_s + slack_s)

    def _row(self, terms: Mapping[int, float]) -> Float64:
        row = np.zeros(self._columns)
        row[list(terms)] = list(terms.values())
        return row


def _scaled(row: Float64, limit: float) -> tuple[Float64, float]:
    scale = limit if limit > 0.0 else 1.0
    return row / scale, limit / scale
