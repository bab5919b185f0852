"""Answers one window: choose a configuration, reserve, load, run, settle, and say what came out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog.devices import DeviceProfile
from catalog.errors import BackendError
from catalog.preprocessing import window_pixels
from catalog.store import Catalog
from engine.frames import Window
from engine.ledger import Category, EnergyOrigin, Ledger, Refusal
from engine.results import Result
from engine.router import Execution, Route, build_route, run_route
from engine.runtime.loading import PieceEvicted, PieceLoaded, PieceMemory
from engine.runtime.residency import TooLarge
from engine.scheduling.costs_correction import CostsCorrection
from engine.scheduling.policy import Choice, Policy, State
from engine.scheduling.problem import Option, Place, Problem, configuration_cost

_log = logging.getLogger(__name__)

LATE = "late"


@dataclass(frozen=True, slots=True)
class Demand:
    """What a source has brought so far.

    Args:
        windows_hz: windows a second by input type.
        frames_hz: frames a second.
        frame_energy_j: to decode a frame and find its windows.
    """

    windows_hz: Mapping[str, float]
    frames_hz: float
    frame_energy_j: float


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A configuration made ready: how it runs and what it may cost."""

    route: Route
    worst_energy_j: float


class Answerer:
    """Serves the requests of one device; the one owner of its policy, ledger and memory.

    Args:
        catalog: where routes and preprocessing come from.
        problem: the apps, options and costs that the policy knows.
        policy: picks configurations.
        ledger: reserves and settles.
        memory: pieces that can be run.
        profile: turns processor time into joules.
    """

    def __init__(
        self,
        catalog: Catalog,
        problem: Problem,
        policy: Policy,
        ledger: Ledger,
        memory: PieceMemory,
        profile: DeviceProfile,
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._ledger = ledger
        self._memory = memory
        self._profile = profile
        self._correction = CostsCorrection(profile)
        self._knows_demand = False
        self._prepared: dict[tuple[str, ...], _Prepared] = {}
        self._problem = problem
        self.evictions = 0
        self.loads = 0

    @property
    def problem(self) -> Problem:
        """What the policy knows, with the costs measured so far."""
        return self._problem

    def set_problem(self, problem: Problem) -> None:
        """Take other apps or corrected costs."""
        if problem.apps != self._problem.apps:
            self._knows_demand = False
        self._problem = problem
        self._prepared.clear()
        self._policy.set_problem(problem)

    def correct(self, demand: Demand) -> None:
        """Replace expected costs by measured ones where they differ, and learn the demand once.

        Once is enough for the fixed policies, which would not be fixed otherwise; those that adapt
        measure it themselves.
        """
        problem = self._correction.correct(self._problem)
        if not self._knows_demand:
            problem = replace(
                problem or self._problem,
                windows_hz=demand.windows_hz,
                frames_hz=demand.frames_hz,
                frame_energy_j=demand.frame_energy_j,
            )
            self._knows_demand = True
        if problem is not None:
            self.set_problem(problem)

    def plan(self, now: float) -> Mapping[str, float]:
        """Let the policy plan; start loading what it wants; return the rates that it lowers."""
        plan = self._policy.plan(self._state(now, 0.0), now)
        if plan.note:
            _log.info("plan at %.1f s: %s", now, plan.note)
        if plan.resident:
            self._memory.request(plan.resident)
        return plan.rates_hz

    def answer(self, window: Window, due: Sequence[str], now: float, began_s: float) -> list[Result]:
        """Serve the apps that are due on a window.

        Args:
            window: what they ask about.
            due: app names.
            now: time on the source's clock.
            began_s: reading of the monotonic clock from which latency counts.

        Returns:
            One result an app, in the order of `due`.
        """
        backlog_s = time.monotonic() - began_s
        choice = self._policy.choose(window.input_type, due, self._state(now, backlog_s), now)
        reasons = dict(choice.unserved)
        results = self._run(window, choice, reasons, now, began_s) if choice.options else {}
        if choice.wanted:
            self._memory.request(choice.wanted)
        self._book_loads(now)
        return [
            results.get(app) or self._unserved(window, app, reasons.get(app, "not chosen")) for app in due
        ]

    def _state(self, now: float, backlog_s: float) -> State:
        ledger = self._ledger
        return State(
            ledger.energy_left_j(now),
            ledger.cost_left_usd(now),
            ledger.period_left_s(now),
            self._memory.resident,
            self._memory.loading,
            False,
            backlog_s,
        )

    def _run(
        self, window: Window, choice: Choice, reasons: dict[str, str], now: float, began_s: float
    ) -> dict[str, Result]:
        prepared = self._prepare(choice.options)
        missing = [p for p in prepared.route.pieces if p not in self._memory.resident]
        worst_j = prepared.worst_energy_j + sum(self._problem.pieces[p].load_energy_j for p in missing)
        reservation = self._ledger.reserve(worst_j, 0.0, now)
        if isinstance(reservation, Refusal):
            reasons.update(dict.fromkeys(choice.options, reservation.reason))
            return {}
        energy_j = 0.0
        try:
            loaded = self._memory.obtain(prepared.route.pieces)
            execution = run_route(prepared.route, loaded, self._pixels_of(window))
            energy_j = self._profile.processor_energy_j(execution.busy_s)
        except (TooLarge, BackendError) as e:
            _log.warning("window %s: %s", window.id, e)
            reasons.update(dict.fromkeys(choice.options, str(e)))
            return {}
        finally:
            self._ledger.settle(reservation, energy_j, now)
        loading_j = self._book_loads(now) / len(execution.answers)
        self._correction.observe(self._problem, execution.piece_s)
        return self._results(window, execution, loading_j, began_s)

    def _prepare(self, options: Mapping[str, Option]) -> _Prepared:
        key = (*options, *(o.variant for o in options.values()))
        prepared = self._prepared.get(key)
        if prepared is None:
            route = build_route(self._catalog, options)
            cost = configuration_cost(self._problem.pieces, options.values())
            prepared = self._prepared[key] = _Prepared(route, cost.worst_energy_j)
        return prepared

    def _pixels_of(self, window: Window) -> Callable[[int], Any]:
        input_type = self._catalog.input_types[window.input_type]
        return lambda size_px: window_pixels(window.frame.pixels, window.box, input_type, size_px)

    def _results(
        self,
        window: Window,
        execution: Execution,
        loading_j: float,
        began_s: float,
    ) -> dict[str, Result]:
        latency_s = time.monotonic() - began_s
        results = {}
        for a in execution.answers:
            app = self._problem.apps[a.app]
            late = latency_s > app.latency_limit_s
            ((class_name, confidence),) = a.windows
            results[a.app] = Result(
                window.frame.t_s,
                window.frame.source,
                window.id,
                window.box,
                a.app,
                class_name,
                confidence,
                a.variant,
                Place.DEVICE,
                latency_s,
                self._profile.processor_energy_j(a.busy_s) + loading_j,
                EnergyOrigin.MODELLED,
                0.0,
                not late,
                LATE if late else "",
                self._truth(window, a.app),
            )
        return results

    def _unserved(self, window: Window, app: str, reason: str) -> Result:
        return Result(
            window.frame.t_s,
            window.frame.source,
            window.id,
            window.box,
            app,
            None,
            None,
            None,
            None,
            None,
            0.0,
            EnergyOrigin.MODELLED,
            0.0,
            False,
            reason,
            self._truth(window, app),
        )

    def _truth(self, window: Window, app: str) -> str | None:
        if window.truth is None:
            return None
        return window.truth.labels.get(self._problem.apps[app].task)

    def _book_loads(self, now: float) -> float:
        """Charge what was loaded since the last call; return the energy of loads that were waited for."""
        waited_j = 0.0
        for event in self._memory.events():
            if isinstance(event, PieceEvicted):
                self.evictions += 1
            elif isinstance(event, PieceLoaded):
                self.loads += 1
                energy_j = self._profile.processor_energy_j(event.busy_s)
                self._ledger.charge(Category.LOADING, energy_j, now)
                if not event.background:
                    waited_j += energy_j
        return waited_j
