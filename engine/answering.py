"""Answers one window: choose a configuration, reserve, load, run, settle, and say what came out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catalog.devices import DeviceProfile
from catalog.errors import McdnnError
from catalog.preprocessing import window_pixels
from catalog.store import Catalog
from engine.broken_pieces import BrokenPieces, without_pieces
from engine.clocks import REAL_CLOCKS, Clocks
from engine.demand import Demand
from engine.errors import PartFailed
from engine.frames import Window
from engine.ledger import Ledger, Refusal
from engine.load_booking import NOTHING_BOOKED, Booked, LoadBooking
from engine.notices import Notices
from engine.results import Result
from engine.router import Execution, Route, build_route, run_route
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import TooLarge
from engine.scheduling.costs_correction import CostsCorrection
from engine.scheduling.passes import passes_in_memory
from engine.scheduling.policy import Policy, State
from engine.scheduling.problem import Option, Problem, configuration_cost
from engine.scheduling.unserved import TOO_LARGE
from engine.window_results import answered, unserved

_log = logging.getLogger(__name__)

_NOT_CHOSEN = "not chosen"
_MOST_PREPARED = 256


@dataclass(frozen=True, slots=True)
class _Pass:
    """A part of a configuration that fits the memory, made ready: how it runs and what it may cost."""

    route: Route
    pieces: frozenset[str]
    worst_energy_j: float


@dataclass(slots=True)
class _Serving:
    """One window while it is being served.

    Args:
        now: time on the source's clock.
        began_s: reading of the wall clock from which latency counts.
        reasons: why apps are not served.
        results: of those that are.
    """

    window: Window
    now: float
    began_s: float
    reasons: dict[str, str]
    results: dict[str, Result] = field(default_factory=dict)

    def refuse(self, apps: Iterable[str], reason: str) -> None:
        """Note why apps are not served."""
        self.reasons.update(dict.fromkeys(apps, reason))


class Answerer:
    """Serves the requests of one device; the one owner of its policy, ledger and memory.

    A part that fails does not end the run: what needs it is set aside for a while, and the policy
    goes on with the rest. Used by one thread.

    Args:
        catalog: where routes and preprocessing come from.
        problem: the apps, options and costs that the policy knows.
        policy: picks configurations; made for this problem.
        ledger: reserves and settles.
        memory: pieces that can be run.
        profile: turns processor time into joules.
        clocks: what answers take is measured by them.
    """

    def __init__(
        self,
        catalog: Catalog,
        problem: Problem,
        policy: Policy,
        ledger: Ledger,
        memory: PieceMemory,
        profile: DeviceProfile,
        clocks: Clocks = REAL_CLOCKS,
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._ledger = ledger
        self._memory = memory
        self._profile = profile
        self._clocks = clocks
        self._loads = LoadBooking(memory, ledger, profile)
        self._correction = CostsCorrection(profile)
        self._notices = Notices(ledger)
        self._broken = BrokenPieces()
        self._aside: frozenset[str] = frozenset()
        self._why_aside: dict[str, str] = {}
        self._knows_demand = False
        self._prepared: dict[tuple[str, ...], tuple[_Pass, ...]] = {}
        self._problem = problem

    @property
    def problem(self) -> Problem:
        """All that may be chosen, with the costs measured so far."""
        return self._problem

    @property
    def loads(self) -> int:
        """Pieces that came into memory."""
        return self._loads.loads

    @property
    def evictions(self) -> int:
        """Pieces that left it to make room for others."""
        return self._loads.evictions

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets; what no app can use any more leaves the memory."""
        if problem.apps != self._problem.apps:
            self._knows_demand = False
        self._problem = problem
        self._prepared.clear()
        self._memory.drop(self._memory.resident - (problem.pieces.keys() - self._aside))
        usable = without_pieces(problem, self._aside)
        self._why_aside = self._broken.why_unserved(problem, usable)
        self._policy.set_problem(usable)

    def correct(self, demand: Demand | None) -> None:
        """Replace expected costs by measured ones where they differ, and learn the demand once.

        Once is enough for the fixed policies, which would not be fixed otherwise; those that adapt
        measure it themselves.

        Args:
            demand: None while it is not known.
        """
        problem = self._correction.correct(self._problem)
        if demand is not None and not self._knows_demand:
            problem = replace(
                problem or self._problem,
                windows_hz=demand.windows_hz,
                frames_hz=demand.frames_hz,
                frame_energy_j=demand.frame_energy_j,
            )
            self._knows_demand = True
        if problem is not None:
            self.set_problem(problem)

    def learn(self, demand: Demand | None) -> None:
        """Put the costs and the demand that were measured up to the end into the problem.

        Args:
            demand: None where it never became known.
        """
        self._knows_demand = False
        self.correct(demand)

    def budget_renewed(self, now: float) -> bool:
        """Tell whether a new period began since the last call; if so, the policy knows its budget."""
        if not self._notices.renewed(now):
            return False
        self.set_problem(replace(self._problem, budget=self._ledger.budget))
        return True

    def plan(self, now: float) -> Mapping[str, float]:
        """Let the policy plan; start loading what it wants; return the rates that it lowers."""
        self._take_note(self._loads.book(now), now)
        plan = self._policy.plan(self._state(now, 0.0), now)
        if plan.note:
            _log.info("plan at %.1f s: %s", now, plan.note)
        self._loads.ahead(plan.resident, self._problem.pieces, now)
        return plan.rates_hz

    def answer(self, window: Window, due: Sequence[str], now: float, began_s: float) -> list[Result]:
        """Serve the apps that are due on a window.

        Args:
            window: what they ask about.
            due: app names.
            now: time on the source's clock.
            began_s: reading of the wall clock from which latency counts.

        Returns:
            One result an app, in the order of `due`.
        """
        self._take_note(self._loads.book(now), now)
        state = self._state(now, self._clocks.wall_s() - began_s)
        choice = self._policy.choose(window.input_type, due, state, now)
        serving = _Serving(window, now, began_s, dict(choice.unserved))
        if self._why_aside:
            serving.reasons.update((app, self._why_aside[app]) for app in due if app in self._why_aside)
        if choice.options:
            for ready in self._prepare(choice.options):
                self._run(ready, serving)
        if choice.wanted:
            self._loads.ahead(choice.wanted, self._problem.pieces, now)
        if serving.reasons:
            self._notices.unserved(serving.reasons, now)
        results = serving.results
        return [results[app] if app in results else self._unserved(serving, app) for app in due]

    def finish(self, now: float) -> None:
        """Wait for loads under way, so that what they took is in the books."""
        self._loads.finish(now)

    def _state(self, now: float, backlog_s: float) -> State:
        left, memory = self._ledger.left(now), self._memory
        return State(
            left.energy_j,
            left.cost_usd,
            left.period_s,
            memory.resident,
            memory.loading,
            False,
            backlog_s,
        )

    def _prepare(self, options: Mapping[str, Option]) -> tuple[_Pass, ...]:
        key = (*options, *[o.variant for o in options.values()])
        prepared = self._prepared.get(key)
        if prepared is None:
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[key] = self._passes(options)
        return prepared

    def _passes(self, options: Mapping[str, Option]) -> tuple[_Pass, ...]:
        costs = self._problem.pieces
        passes = []
        for together in passes_in_memory(options, costs, self._problem.budget.memory_bytes):
            route = build_route(self._catalog, together)
            worst_j = configuration_cost(self._problem, together.values()).worst_energy_j
            passes.append(_Pass(route, frozenset(route.pieces), worst_j))
        return tuple(passes)

    def _run(self, ready: _Pass, serving: _Serving) -> None:
        """Run one pass; add its results, or why there are none."""
        execution = self._execute(ready, serving)
        booked = self._loads.book(serving.now)
        if execution is not None:
            self._correction.observe(self._problem, execution.piece_s)
            self._add_results(serving, execution, booked.waited_j)
        if execution is None or booked is not NOTHING_BOOKED:
            self._take_note(booked, serving.now)

    def _execute(self, ready: _Pass, serving: _Serving) -> Execution | None:
        """Reserve, load, run and settle one pass; None where it did not come to an answer."""
        apps, now = ready.route.apps, serving.now
        worst_j = ready.worst_energy_j + self._loads.energy_j(ready.pieces, self._problem.pieces)
        reservation = self._ledger.reserve(worst_j, 0.0, now)
        if isinstance(reservation, Refusal):
            serving.refuse(apps, reservation.reason)
            return None
        busy_s = 0.0
        try:
            loaded = self._memory.obtain(ready.route.pieces)
            execution = run_route(ready.route, loaded, self._pixels_of(serving.window), self._clocks.busy_s)
            busy_s = execution.busy_s
            return execution
        except PartFailed as e:
            busy_s = e.busy_s
            self._broken.note(e.piece, str(e), now)
            serving.refuse(apps, str(e))
        except TooLarge:
            serving.refuse(apps, TOO_LARGE)
        except McdnnError as e:  # which piece could not be loaded is among the memory's events
            serving.refuse(apps, str(e))
        finally:
            self._ledger.settle(reservation, self._profile.processor_energy_j(busy_s), now)
        return None

    def _pixels_of(self, window: Window) -> Callable[[int], Any]:
        input_type = self._catalog.input_types[window.input_type]
        return lambda size_px: window_pixels(window.frame.pixels, window.box, input_type, size_px)

    def _add_results(self, serving: _Serving, execution: Execution, waited_j: float) -> None:
        """Add a result an app; loads that were waited for are divided equally."""
        latency_s = self._clocks.wall_s() - serving.began_s
        loading_j = waited_j / len(execution.answers)
        apps, energy_j = self._problem.apps, self._profile.processor_energy_j
        answers = [(apps[a.app], a, energy_j(a.busy_s) + loading_j) for a in execution.answers]
        serving.results |= answered(serving.window, answers, latency_s)

    def _unserved(self, serving: _Serving, app: str) -> Result:
        return unserved(serving.window, self._problem.apps[app], serving.reasons.get(app, _NOT_CHOSEN))

    def _take_note(self, booked: Booked, now: float) -> None:
        """Follow what happened in memory: routes let go of what went, policies of what is broken."""
        if booked.evicted:
            gone = frozenset(booked.evicted)
            self._prepared = {
                key: passes
                for key, passes in self._prepared.items()
                if all(gone.isdisjoint(p.pieces) for p in passes)
            }
        for failure in booked.failures:
            self._broken.note(failure.piece, failure.why, now)
        aside = self._broken.set_aside(now)
        if aside != self._aside:
            self._aside = aside
            self.set_problem(self._problem)
