"""One device of a simulation: a processor that answers windows one after another.

As in the engine, the policy decides when the processor turns to a window, and scheduling and
accounting use the time at which the window was captured. The device's part of a configuration runs
first; what goes to the cloud does not hold the processor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import simpy

from engine.ledger import Category
from engine.radio_tail import TailRadio
from engine.rates import RateGates
from engine.reservations import Refusal, Reservation
from engine.runtime.residency import TooLarge
from engine.scheduling.policy import Policy, State, plan_interval_s
from engine.scheduling.problem import PieceCost, Place
from engine.scheduling.unserved import LATE, RATE_LOWERED, TOO_LARGE
from sim.accounts import Accounts
from sim.cloud import SimulatedCloud
from sim.memory import SimulatedMemory
from sim.network import NetworkNow
from sim.observing import Observer
from sim.prepared import Answer, Pass, PreparedPasses
from sim.radio import ExpectedRadio
from sim.report import DayResult
from sim.scenario import DeviceDay
from sim.tally import Tally
from sim.traces import Arrival
from sim.uplink import Flight, Uplink

_ROUNDING_S = 1e-9
_AT_DEVICE, _RADIO = Place.DEVICE, Category.RADIO  # looking up a member of an enumeration takes long

Activity = Generator[Any, Any, None]


@dataclass(slots=True)
class _Waiting:
    """An app that waits for several exchanges.

    Args:
        exchanges: that are still on their way.
    """

    answer: Answer
    exchanges: int


# What an exchange that is on its way is for: when its window was captured, what is held for it, and the
# apps that wait for others, too.
_Ticket = tuple[float, Reservation | None, Sequence[_Waiting]]
_new_state: Callable[[tuple[Any, ...]], State] = partial(tuple.__new__, State)  # half the time of State()
_SIMULATED = State._fields.index("missed")
_AS_USUAL = tuple(State._field_defaults[f] for f in State._fields[_SIMULATED:])  # what only a live run tells


class SimulatedDevice:
    """Lives one day.

    Args:
        env: the simulated world.
        day: what is simulated.
        policy: fresh, made for the day's problem.
        cloud: shared with other devices.
        observer: told what happens.
        admission: see Accounts.
        loads_take_time: see Scenario.
    """

    def __init__(
        self,
        env: simpy.Environment,
        day: DeviceDay,
        policy: Policy,
        cloud: SimulatedCloud,
        observer: Observer,
        admission: bool,
        loads_take_time: bool,
    ) -> None:
        problem = day.problem
        self._env = env
        self._day = day
        self._problem = problem
        self._policy = policy
        self._observer = observer
        self._accounts = Accounts(problem, observer, admission)
        costs = problem.pieces if loads_take_time else _loaded_at_once(problem.pieces)
        limit_bytes = problem.budget.memory_bytes
        self._memory = SimulatedMemory(env, costs, limit_bytes, self._loaded, self._evicted)
        radio = ExpectedRadio(problem.link) if day.radio is None else TailRadio(day.radio)
        self._network = NetworkNow(day.network)
        self._uplink = Uplink(env, problem.link, self._network, radio, cloud, self._landed)
        self._passes = PreparedPasses(problem)
        self._tally = Tally(problem.apps)
        self._gates: dict[str, RateGates] = {}
        self._ahead: dict[str, Reservation | None] = {}
        self._extraction_w = problem.frames_hz * problem.frame_energy_j
        self._next_plan_s = 0.0
        self._next_look_s = 0.0
        self._now_s = 0.0

    def live(self) -> Activity:
        """Answer everything that arrives, in order."""
        env = self._env
        for arrival in self._day.arrivals():
            now = arrival.t_s
            wait_s = now - env.now
            if wait_s > 0.0:
                yield env.timeout(wait_s)
            if self._extraction_w > 0.0:
                self._extract(now)
            self._now_s = now
            if now >= self._next_look_s:
                self._keep_planned(arrival, now)
            due = self._due(arrival) if self._gates else arrival.due
            if due:
                yield from self._answer(arrival, due, now)

    def result(self) -> DayResult:
        """Return what came of the day."""
        return self._tally.result(
            self._day.name, self._policy.name, self._now_s, self._accounts, self._memory.peak_bytes
        )

    def _extract(self, now: float) -> None:
        """Charge decoding and the search for windows, which go on all the time."""
        energy_j = self._extraction_w * (now - self._now_s)
        self._accounts.settle(None, energy_j, now, category=Category.EXTRACTION)

    def _state(self, captured_s: float, context: str) -> State:
        now = self._env.now
        left = self._accounts.left(captured_s)
        self._observer.left(captured_s, left)
        network, memory = self._network, self._memory
        if now >= network.until_s:
            network.at(now)
        return _new_state(
            (
                *left,
                memory.resident,
                memory.loading,
                network.is_connected,
                now - captured_s if now > captured_s else 0.0,
                network.mbps,
                context,
                *_AS_USUAL,
            )
        )

    def _keep_planned(self, arrival: Arrival, now: float) -> None:
        """Plan where a new period or the time calls for it."""
        renewed = self._accounts.renewed(now)
        if renewed is not None:
            self._problem = replace(self._problem, budget=renewed)
            self._policy.set_problem(self._problem)
            self._next_plan_s = now
        if now >= self._next_plan_s:
            plan = self._policy.plan(self._state(now, arrival.context), now)
            self._tally.plans += 1
            self._load_ahead(plan.resident, now)
            if plan.rates_hz or self._gates:
                self._lower(plan.rates_hz)
            self._next_plan_s = now + plan_interval_s(self._problem.budget.period_s)
        self._next_look_s = min(self._next_plan_s, self._accounts.period_ends_s)

    def _lower(self, rates_hz: Mapping[str, float]) -> None:
        """Let apps ask at most at the rates of a plan; the others keep those of the trace."""
        self._gates = {app: gate for app, gate in self._gates.items() if app in rates_hz}
        for app in rates_hz:
            if app not in self._gates:
                self._gates[app] = RateGates([replace(self._problem.apps[app], wanted_hz=float("inf"))])
            self._gates[app].lower(rates_hz)

    def _due(self, arrival: Arrival) -> tuple[str, ...]:
        """Return the apps that may ask, and count those that may not."""
        due = []
        for app in arrival.due:
            gate = self._gates.get(app)
            if gate is None or gate.due(arrival.input_type, arrival.t_s):
                due.append(app)
            else:
                self._unserved(app, RATE_LOWERED, arrival.t_s)
        return tuple(due)

    def _answer(self, arrival: Arrival, due: Sequence[str], now: float) -> Activity:
        context = arrival.context
        choice = self._policy.choose(arrival.input_type, due, self._state(now, context), now)
        options = choice.options
        if options:
            for ready in self._passes.of(options, context):
                held = self._hold(ready, now)
                if isinstance(held, Refusal):
                    self._refuse(ready, held.reason, now)
                elif ready.pieces:
                    yield from self._run(ready, held, now)
                else:
                    self._send(ready, held, now)
        if choice.wanted:
            self._load_ahead(choice.wanted, now)
        if len(options) < len(due):
            for app in due:
                if app not in options:
                    self._unserved(app, choice.unserved.get(app, "not chosen"), now)

    def _run(self, ready: Pass, held: Sequence[Reservation | None], now: float) -> Activity:
        """Load, run and settle the device's part of a pass, and send what goes to the cloud."""
        if not self._memory.use(ready.pieces, ready.piece_set):
            try:
                yield from self._memory.obtain(ready.pieces)
            except TooLarge:
                self._release(held, now)
                self._refuse(ready, TOO_LARGE, now)
                return
        if ready.run_s > 0.0:
            yield self._env.timeout(ready.run_s)
        self._accounts.settle(held[0], ready.run_j, now)
        if ready.exchanges:
            self._send(ready, held[1:], now)
            return
        in_budget = not self._accounts.is_exhausted(now)
        for answer in ready.answers:
            self._answered(answer, _AT_DEVICE, now, in_budget)

    def _hold(self, ready: Pass, now: float) -> list[Reservation | None] | Refusal:
        """Reserve the worst case of the device's part, if any, loads included, and of each exchange."""
        held: list[Reservation | None] = []
        if ready.pieces:
            first = self._hold_device(ready, now)
            if isinstance(first, Refusal):
                return first
            held.append(first)
        for exchange in ready.exchanges:
            further = self._accounts.hold(exchange.worst_j, exchange.worst_usd, now)
            if isinstance(further, Refusal):
                self._release(held, now)
                return further
            held.append(further)
        return held

    def _hold_device(self, ready: Pass, now: float) -> Reservation | Refusal | None:
        worst_j, resident = ready.worst_j, self._memory.resident
        if not ready.piece_set <= resident:
            worst_j += math.fsum(self._problem.pieces[p].load_energy_j for p in ready.piece_set - resident)
        return self._accounts.hold(worst_j, 0.0, now)

    def _release(self, held: Sequence[Reservation | None], now: float) -> None:
        for reservation in held:
            self._accounts.settle(reservation, 0.0, now)

    def _refuse(self, ready: Pass, reason: str, now: float) -> None:
        for app in ready.apps:
            self._unserved(app, reason, now)

    def _send(self, ready: Pass, held: Sequence[Reservation | None], now: float) -> None:
        """Begin the exchanges that this window needs; answer the apps that need none."""
        course = ready.draw()
        in_budget = not self._accounts.is_exhausted(now)
        for answer in course.at_once:
            self._answered(answer, _AT_DEVICE, now, in_budget)
        waiting = [_Waiting(*shared) for shared in course.shared] if course.shared else ()
        for message, reservation in zip(course.messages, held, strict=True):
            if message is None:
                self._accounts.settle(reservation, 0.0, now)
            else:
                waits = [waiting[at] for at in message.shared] if message.shared else ()
                self._uplink.send(Flight(message, (now, reservation, waits)))

    def _landed(self, flight: Flight) -> None:
        """Settle an exchange that is over, and answer the apps that waited for nothing else."""
        ticket: _Ticket = flight.ticket
        now, held, shared = ticket
        self._accounts.settle(held, flight.radio_j, now, flight.cost_usd, _RADIO)
        in_budget = not self._accounts.is_exhausted(now)
        lost_because = flight.lost_because
        for answer in flight.message.alone:
            if lost_because:
                self._unserved(answer.option.app, lost_because, now)
            else:
                self._answered(answer, answer.place, now, in_budget)
        for waits in shared:
            waits.exchanges -= 1
            if waits.exchanges < 0:
                continue  # another exchange that it needed was lost
            if lost_because:
                waits.exchanges = 0
                self._unserved(waits.answer.option.app, lost_because, now)
            elif waits.exchanges == 0:
                self._answered(waits.answer, waits.answer.place, now, in_budget)

    def _answered(self, answer: Answer, place: Place, captured_s: float, in_budget: bool) -> None:
        latency_s = self._env.now - captured_s
        option = answer.option
        if latency_s > answer.limit_s + _ROUNDING_S:
            self._unserved(option.app, LATE, captured_s)
            return
        self._tally.served(option.app, option.variant, place, answer.right, latency_s, in_budget)
        self._observer.served(captured_s, option, place, answer.right, latency_s)

    def _unserved(self, app: str, reason: str, captured_s: float) -> None:
        self._tally.unserved(app, reason)
        self._observer.unserved(captured_s, app, reason)

    def _load_ahead(self, pieces: Sequence[str], now: float) -> None:
        """Begin to load in the background, in order, as far as energy and memory go."""
        memory = self._memory
        there = memory.resident | memory.loading if memory.loading else memory.resident
        if there.issuperset(pieces):
            return
        reserved: dict[str, Reservation | None] = {}
        for piece in pieces:
            if piece in there or piece in reserved:
                continue
            held = self._accounts.hold(self._problem.pieces[piece].load_energy_j, 0.0, now)
            if isinstance(held, Refusal):
                break
            reserved[piece] = held
        self._ahead.update(reserved)
        begun = memory.request(reserved, frozenset(pieces))
        for piece in reserved.keys() - set(begun):
            self._accounts.settle(self._ahead.pop(piece), 0.0, now, category=Category.LOADING)

    def _loaded(self, piece: str, background: bool) -> None:
        """Charge a load that has ended."""
        self._tally.loads += 1
        held = self._ahead.pop(piece, None) if background else None
        energy_j = self._problem.pieces[piece].load_energy_j
        self._accounts.settle(held, energy_j, self._now_s, category=Category.LOADING)
        self._observer.moved(self._env.now, piece, resident=True)

    def _evicted(self, piece: str) -> None:
        self._tally.evictions += 1
        self._observer.moved(self._env.now, piece, resident=False)


def _loaded_at_once(pieces: Mapping[str, PieceCost]) -> dict[str, PieceCost]:
    """Return pieces whose loads take energy and no time."""
    return {name: replace(cost, load_s=0.0) for name, cost in pieces.items()}
