"""A day in seconds: a request trace through the engine's own policy, ledger and residency.

One processor answers windows in the order in which they come; it waits for what it must load, and
loads in the background go on beside it. A window costs what the problem expects. As in the engine,
scheduling and accounting use the time at which a window was captured, and latency counts from it.

What it leaves out: it does not drop frames (only requests that were recorded are replayed, and each
is answered however late), plans do not lower rates, and nothing varies from window to window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import simpy

from engine.ledger import Category, Ledger, Refusal
from engine.period import FixedPeriod
from engine.runtime.residency import TooLarge
from engine.scheduling.passes import passes_in_memory
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import Policy, State
from engine.scheduling.problem import (
    Option,
    Problem,
    configuration_cost,
    distinct_pieces,
)
from engine.scheduling.unserved import LATE, TOO_LARGE
from sim.memory import SimulatedMemory
from sim.recording import Recording
from sim.report import DayResult, Tally
from sim.traces import Arrival, Connectivity

PLAN_EVERY_S = 5.0
_UNLIMITED_S = 36_000.0

Steps = Generator[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a simulation's log.

    Args:
        t_s: simulated time.
        what: "answered", "unserved", "loaded" or "evicted".
        subject: the app, or the piece.
        detail: the variant, or why not.
    """

    t_s: float
    what: str
    subject: str
    detail: str = ""


def simulate_day(
    problem: Problem,
    policy: Policy,
    arrivals: Iterable[Arrival],
    connectivity: Connectivity | None = None,
    on_happening: Callable[[Happening], None] = lambda _: None,
) -> DayResult:
    """Replay a trace and return what came of it.

    Args:
        problem: costs and budget; its energy is what is left when the base load is taken off.
        policy: fresh, made for this problem.
        arrivals: in order of time; taken one at a time.
        connectivity: never connected where None.
        on_happening: told everything that happens, in order.
    """
    day = _Day(problem, policy, connectivity or Connectivity({}), on_happening)
    day.run(arrivals)
    return day.result()


def simulate_recording(recording: Recording, policy: str) -> DayResult:
    """Replay a recording under a policy, by name.

    Raises:
        BadInput: no such policy, or a line of the recording is wrong.
    """
    problem = recording.problem
    fresh = make_policy(policy, problem)
    return simulate_day(problem, fresh, recording.arrivals(), recording.connectivity)


class _Day:
    """The state of one simulated day."""

    def __init__(
        self,
        problem: Problem,
        policy: Policy,
        connectivity: Connectivity,
        on_happening: Callable[[Happening], None],
    ) -> None:
        self._problem = problem
        self._policy = policy
        self._connectivity = connectivity
        self._on_happening = on_happening
        self._env = simpy.Environment()
        period_s = problem.budget.period_s
        self._ledger = Ledger(
            problem.budget, FixedPeriod(period_s if math.isfinite(period_s) else _UNLIMITED_S)
        )
        self._memory = SimulatedMemory(
            self._env, problem.pieces, problem.budget.memory_bytes, self._loaded, self._evicted
        )
        self._tally = Tally(problem.apps)
        self._extraction_w = problem.frames_hz * problem.frame_energy_j
        self._extracted_until_s = 0.0
        self._ledger.hold_back(self._extraction_w)
        self._now_s = 0.0
        self._next_plan_s = 0.0

    def run(self, arrivals: Iterable[Arrival]) -> None:
        """Answer everything."""
        self._env.process(self._camera(arrivals))
        self._env.run()

    def result(self) -> DayResult:
        """Return what came of it, with the ledger's view."""
        end_s = max(self._now_s, self._extracted_until_s)
        return self._tally.result(
            self._policy.name,
            end_s,
            self._ledger.lines(end_s),
            self._ledger.overdraft_j(end_s),
            self._problem.budget,
            self._memory.peak_bytes,
        )

    def _camera(self, arrivals: Iterable[Arrival]) -> Steps:
        for arrival in arrivals:
            if arrival.t_s > self._env.now:
                yield self._env.timeout(arrival.t_s - self._env.now)
            self._now_s = arrival.t_s
            self._extract(arrival.t_s)
            self._plan(arrival.t_s)
            yield from self._answer(arrival)

    def _extract(self, now: float) -> None:
        energy_j = self._extraction_w * (now - self._extracted_until_s)
        self._extracted_until_s = now
        self._ledger.charge(Category.EXTRACTION, energy_j, now)

    def _plan(self, now: float) -> None:
        if now >= self._next_plan_s:
            self._memory.request(self._policy.plan(self._state(now), now).resident)
            self._next_plan_s = now + PLAN_EVERY_S

    def _state(self, now: float) -> State:
        return State(
            self._ledger.energy_left_j(now),
            self._ledger.cost_left_usd(now),
            self._ledger.period_left_s(now),
            self._memory.resident,
            self._memory.loading,
            self._connectivity.at(now),
            self._env.now - now,
        )

    def _answer(self, arrival: Arrival) -> Steps:
        now = arrival.t_s
        choice = self._policy.choose(arrival.input_type, arrival.due, self._state(now), now)
        reasons = dict(choice.unserved)
        limit_bytes = self._problem.budget.memory_bytes
        for options in passes_in_memory(choice.options, self._problem.pieces, limit_bytes):
            yield from self._run(options, reasons, now)
        self._memory.request(choice.wanted)
        for app in arrival.due:
            if app not in choice.options or app in reasons:
                self._unserved(app, reasons.get(app, "not chosen"))

    def _run(self, options: Mapping[str, Option], reasons: dict[str, str], now: float) -> Steps:
        """Reserve, load, run and settle one pass; say in reasons what was not served."""
        pieces = distinct_pieces(options.values())
        cost = configuration_cost(self._problem, options.values())
        loads_j = sum(self._problem.pieces[p].load_energy_j for p in pieces if p not in self._memory.resident)
        reservation = self._ledger.reserve(cost.worst_energy_j + loads_j, cost.cost_usd, now)
        if isinstance(reservation, Refusal):
            reasons.update(dict.fromkeys(options, reservation.reason))
            return
        try:
            yield from self._memory.obtain(pieces)
        except TooLarge:
            self._ledger.settle(reservation, 0.0, now)
            reasons.update(dict.fromkeys(options, TOO_LARGE))
            return
        yield self._env.timeout(cost.run_s)
        self._ledger.settle(reservation, cost.energy_j, now, cost.cost_usd)
        for option in options.values():
            self._answered(option, self._env.now - now)

    def _answered(self, option: Option, latency_s: float) -> None:
        if latency_s > self._problem.apps[option.app].latency_limit_s:
            self._unserved(option.app, LATE)
            return
        self._tally.answered(option, latency_s)
        self._on_happening(Happening(self._env.now, "answered", option.app, option.variant))

    def _unserved(self, app: str, reason: str) -> None:
        self._tally.unserved(app, reason)
        self._on_happening(Happening(self._env.now, "unserved", app, reason))

    def _loaded(self, piece: str) -> None:
        self._tally.loads += 1
        self._ledger.charge(Category.LOADING, self._problem.pieces[piece].load_energy_j, self._now_s)
        self._on_happening(Happening(self._env.now, "loaded", piece))

    def _evicted(self, piece: str) -> None:
        self._tally.evictions += 1
        self._on_happening(Happening(self._env.now, "evicted", piece))
