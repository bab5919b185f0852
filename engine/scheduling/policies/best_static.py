"""The policy `best-static`: the best fixed configuration, decided once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from engine.scheduling.policies.fixed import FixedConfiguration
from engine.scheduling.policies.places import only_device
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import App, Option, Problem, configuration_cost, distinct_pieces
from engine.scheduling.static_program import Demand, best_configuration
from engine.scheduling.unserved import NOT_PLANNED, without_options


class BestStatic:
    """One option for each app, the best together for what is expected, and never changed.

    With an energy or money budget and expected rates for all apps: the configuration with the
    largest weighted expected number of right answers that stays, shared parts paid once, within
    the period's energy (decoding, extraction and one load of every part included) and money,
    within memory and processor time, and within every served app's latency limit (static_program).

    Without a budget, or where a rate is unknown: the knee of each app's curve of accuracy against
    energy, that is the largest normalised accuracy less normalised energy, (a - a_min) / (a_max -
    a_min) - (e - e_min) / (e_max - e_min), within memory, latency and, as far as rates are known,
    processor time. This is "Best" of MCDNN (MobiSys 2016), section 6: one fixed variant each from
    the knee of the curve.

    An app's expected rate is what it wants, or the expected windows of its input type if that is
    less. The configuration is solved for again only when apps, options or budgets change: measured
    costs that differ from the expected ones do not move it, that is what makes it static.
    """

    def __init__(self, problem: Problem) -> None:
        self._solved_for: Problem | None = None
        self._fixed = FixedConfiguration(problem, {}, {})
        self._resident: tuple[str, ...] = ()
        self.set_problem(problem)

    @property
    def name(self) -> str:
        """`best-static`."""
        return "best-static"

    def set_problem(self, problem: Problem) -> None:
        """Solve again where apps, options or budgets differ; corrected costs alone change nothing."""
        options = self._fixed.options
        if self._solved_for is None or _asks(problem) != _asks(self._solved_for):
            options = best_static_options(problem)
            self._solved_for = problem
        unserved = {
            app.name: NOT_PLANNED if problem.options.get(app.name) else without_options(app)
            for app in problem.apps.values()
            if app.name not in options
        }
        self._fixed = FixedConfiguration(problem, options, unserved)
        self._resident = distinct_pieces(options.values())

    def plan(self, state: State, now: float) -> Plan:  # noqa: ARG002 - decided beforehand
        """Keep the parts of the configuration in memory."""
        return Plan(self._resident)

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:  # noqa: ARG002
        """Return the fixed options of the due apps."""
        return self._fixed.choose(due, state)


def best_static_options(problem: Problem) -> dict[str, Option]:
    """Return the best fixed option of each app; an app for which there is no room has none.

    Only the device is looked at: a fixed configuration must hold also while the cloud is away.
    """
    problem = only_device(problem)
    rates_hz = {a.name: _expected_hz(problem, a) for a in problem.apps.values()}
    budget = problem.budget
    limited = math.isfinite(budget.energy_j) or math.isfinite(budget.cost_usd)
    if limited and math.isfinite(budget.period_s) and all(math.isfinite(hz) for hz in rates_hz.values()):
        finding_j = budget.period_s * problem.frames_hz * problem.frame_energy_j
        energy_j = max(0.0, budget.energy_j - finding_j)
        demand = Demand(rates_hz, energy_j, budget.cost_usd, budget.period_s)
        right_hz = {a.name: a.weight * rates_hz[a.name] for a in problem.apps.values()}
        return best_configuration(problem, demand, lambda o: right_hz[o.app] * o.accuracy)
    known_hz = {app: hz if math.isfinite(hz) else 0.0 for app, hz in rates_hz.items()}
    worth = _knee_worth(problem)
    return best_configuration(problem, Demand(known_hz), lambda o: worth[o])


def _knee_worth(problem: Problem) -> dict[Option, float]:
    """Return weight * (2 + normalised accuracy - normalised energy): any answer is worth having."""
    worth: dict[Option, float] = {}
    for app in problem.apps.values():
        options = problem.options.get(app.name, ())
        accuracies = _normalised([o.accuracy for o in options])
        energies = _normalised([configuration_cost(problem, (o,)).energy_j for o in options])
        for option, accuracy, energy in zip(options, accuracies, energies, strict=True):
            worth[option] = app.weight * (2.0 + accuracy - energy)
    return worth


def _normalised(figures: Sequence[float]) -> list[float]:
    low, high = min(figures, default=0.0), max(figures, default=0.0)
    return [(x - low) / (high - low) if high > low else 0.0 for x in figures]


def _asks(problem: Problem) -> Problem:
    """Return what a static configuration is solved for: everything but measured costs."""
    return replace(problem, pieces={}, frame_energy_j=0.0)


def _expected_hz(problem: Problem, app: App) -> float:
    return min(app.wanted_hz, problem.windows_hz.get(app.input_type, math.inf))
