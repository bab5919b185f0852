"""Requests that the cloud answers, and that the device answers where the cloud does not in time."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from engine.clocks import Clocks
from engine.cloud_link import CloudLink
from engine.device_runs import DevicePass, NotRun
from engine.energy_model import EnergyModel
from engine.errors import OffloadFailed
from engine.exchange_accounts import Bill, ExchangeAccounts
from engine.exchanges import Exchange, StandbyPass
from engine.frames import Window
from engine.ledger import Ledger
from engine.offload import OffloadAnswer, OffloadRequest, PassedFeatures, UInt8
from engine.reachable_cloud import ReachableCloud
from engine.reservations import Refusal, Reservation
from engine.route_run import Execution
from engine.scheduling.unserved import CLOUD_SILENT, CONNECTION_LOST
from engine.serving import Awaited, Serving
from engine.snapshot import CloudFigures
from engine.standby_line import StandbyLine
from engine.window_results import answered, answered_away, unserved

_log = logging.getLogger(__name__)

_GRACE_S = 1.0  # beyond its deadline, for a request to end
_SPARE = 0.1  # of the latency limit, to be done before it: threads wake up late on a busy processor
_LEAST_S = 1e-3  # less than that is left: nothing is sent any more

StandIn = Callable[[DevicePass, Window, Reservation, float], tuple[Execution | NotRun, float]]
Reserve = Callable[[DevicePass, float], Reservation | Refusal]
Told = Callable[[str, str, float, float], None]


@dataclass(slots=True, eq=False)
class _Flight:
    """One exchange on its way.

    Args:
        awaited: requests that nothing has answered yet, by app.
        bill: for radio and money.
        here_j: by app, what ran at the device before.
        standbys: for what is not answered.
    """

    exchange: Exchange
    window: Window
    began_s: float
    awaited: dict[str, Awaited]
    bill: Bill
    here_j: Mapping[str, float]
    answer: Future[OffloadAnswer] = field(default_factory=Future)
    standbys: list[_Standby] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Standby:
    """What runs at the device for some apps of a flight, unless the cloud answers before.

    Args:
        ends_s: when nobody waits any longer.
        deadline_s: when it should be done.
        limit_s: from the beginning until `ends_s`.
    """

    flight: _Flight
    run: StandbyPass
    held: Reservation
    ends_s: float
    deadline_s: float
    worst_s: float
    limit_s: float


class CloudAnswering:
    """Sends, waits, and falls back; used by one thread, while answers come in on others.

    Args:
        cloud: the way to it, and what using it takes.
        link: what is known of it.
        ledger: energy and money of what is under way are held in it.
        profile: turns processor time into joules.
        clocks: deadlines are on the wall clock.
        reserve: holds the energy of what stands by.
        stand_in: runs it.
        told: of each answer: app, class name, confidence, and the time on the source's clock.
    """

    def __init__(
        self,
        cloud: ReachableCloud,
        link: CloudLink,
        ledger: Ledger,
        profile: EnergyModel,
        clocks: Clocks,
        reserve: Reserve,
        stand_in: StandIn,
        told: Told,
    ) -> None:
        self._offload = cloud.offload
        self._accounts = ExchangeAccounts(cloud, link, ledger, clocks)
        self._ledger = ledger
        self._profile = profile
        self._clocks = clocks
        self._reserve = reserve
        self._stand_in = stand_in
        self._told = told
        self._line: StandbyLine[_Standby] = StandbyLine()
        self._landed: deque[tuple[_Flight, float]] = deque()
        self._news = threading.Event()
        self._wake: Callable[[], None] = _nobody
        self._under_way = 0
        self._next_id = 0
        self._longest_s = 0.0
        self._sent = self._answered = self._stood_in = self._lost = 0

    @property
    def under_way(self) -> int:
        """Exchanges that have not ended, those whose requests the device has answered included."""
        return self._under_way

    @property
    def awaits(self) -> bool:
        """Whether any request waits for an answer."""
        return len(self._line) > 0

    @property
    def figures(self) -> CloudFigures:
        """What became of requests so far."""
        return CloudFigures(self._sent, self._answered, self._stood_in, self._lost)

    def wakes(self, wake: Callable[[], None]) -> None:
        """Have somebody woken when an answer comes; called from other threads."""
        self._wake = wake

    def ask(
        self,
        exchange: Exchange,
        serving: Serving,
        asked: tuple[UInt8, ...] | PassedFeatures,
        here_j: Mapping[str, float],
    ) -> None:
        """Send an exchange, or answer at the device at once where there is no time for it.

        Args:
            asked: the window (H, W, 3) uint8 RGB, or what the first parts gave for it.
            here_j: by app, its share of what these took.
        """
        apps = [q.app for q in exchange.questions]
        held = self._hold(exchange, serving.now)
        if isinstance(held, Refusal):
            serving.refuse(apps, held.reason)
            return
        bill, standing = held
        awaited = {app.name: Awaited(app) for run in exchange.standby for app in run.apps}
        flight = _Flight(exchange, serving.window, serving.began_s, awaited, bill, here_j)
        for run, reservation in zip(exchange.standby, standing, strict=True):
            ends_s = serving.began_s + run.limit_s
            done_s = ends_s - _SPARE * run.limit_s
            standby = _Standby(flight, run, reservation, ends_s, done_s, run.worst_s, run.limit_s)
            flight.standbys.append(standby)
            self._line.add(standby)
        serving.awaited |= awaited
        self._sent += len(apps)
        self._submit(flight, asked)

    def attend(self, now: float, ahead_s: float = 0.0) -> bool:
        """Give the answers that have come, and have the device answer what can wait no longer.

        Args:
            now: time on the source's clock.
            ahead_s: for how long nobody will be able to attend: what cannot wait for so long is answered.

        Returns:
            Whether anything was answered.
        """
        if not self._under_way:
            return False
        line = self._line
        line.looks(self._clocks.wall_s())
        before = len(line)
        while (standby := self._next_here(now, ahead_s)) is not None:
            self._answer_here(standby, CLOUD_SILENT, now)
        line.looked(self._clocks.wall_s())
        return len(line) < before

    def _next_here(self, now: float, ahead_s: float) -> _Standby | None:
        """Take what the cloud has answered meanwhile; return what the device should answer next.

        Where many exchanges fail at once, as with their connection, what has to begin goes before what
        merely has nothing to wait for.
        """
        while self._landed:
            self._land(*self._landed.popleft(), now)
        standby = self._line.overdue(self._clocks.wall_s(), ahead_s)
        return self._line.first_ready() if standby is None else standby

    def wait_s(self) -> float:
        """Return for how long nothing has to be looked at unless an answer comes; called before waiting."""
        if not self._under_way:
            return float("inf")
        self._line.rests()
        now_s = self._clocks.wall_s()
        return max(0.0, self._line.due_s(now_s) - now_s)

    def wait(self, most_s: float) -> None:
        """Wait for an answer, or until the device has to give one."""
        self._news.wait(min(most_s, self.wait_s()))
        self._news.clear()

    def pay_upkeep(self, now: float) -> None:
        """Charge what the way to the cloud takes beside requests."""
        self._accounts.pay_upkeep(self._offload.state().upkeep, now)

    def finish(self, now: float) -> None:
        """Wait for what is under way, as long as it was given time, and pay for it."""
        ends_s = self._clocks.wall_s() + self._longest_s + _GRACE_S
        while self._under_way and (left_s := ends_s - self._clocks.wall_s()) > 0.0:
            self.wait(left_s)
            self.attend(now)
        if self._under_way:
            _log.warning("%d requests to the cloud never ended", self._under_way)
        self.pay_upkeep(now)

    def _hold(self, exchange: Exchange, now: float) -> tuple[Bill, list[Reservation]] | Refusal:
        """Hold the worst case of an exchange and of all that stands by for it, or nothing."""
        bill = self._accounts.hold(exchange, now)
        if isinstance(bill, Refusal):
            return bill
        held: list[Reservation] = []
        for run in exchange.standby:
            further = (
                self._ledger.reserve(0.0, 0.0, now) if run.ready is None else self._reserve(run.ready, now)
            )
            if isinstance(further, Refusal):
                self._accounts.drop(bill, now)
                for reservation in held:
                    self._ledger.settle(reservation, 0.0, now)
                return further
            held.append(further)
        return bill, held

    def _submit(self, flight: _Flight, asked: tuple[UInt8, ...] | PassedFeatures) -> None:
        self._next_id += 1
        self._under_way += 1
        now_s = self._clocks.wall_s()
        left_s = max(self._line.begins_s(s, now_s) for s in flight.standbys) - now_s
        if left_s < _LEAST_S:
            flight.answer.set_exception(OffloadFailed("no time is left to ask the cloud"))
            self._landed.append((flight, now_s))
            return
        self._accounts.send(flight.bill, flight.exchange.up_bytes)
        features = asked if isinstance(asked, PassedFeatures) else None
        windows = () if isinstance(asked, PassedFeatures) else asked
        self._longest_s = max(self._longest_s, left_s)
        request = OffloadRequest(str(self._next_id), flight.exchange.questions, windows, left_s, features)
        flight.answer = self._offload.submit(request)
        flight.answer.add_done_callback(lambda _: self._arrive(flight))

    def _arrive(self, flight: _Flight) -> None:
        """Note that an exchange has ended; called by any thread."""
        self._landed.append((flight, self._clocks.wall_s()))
        self._news.set()
        self._wake()

    def _land(self, flight: _Flight, arrived_s: float, now: float) -> None:
        """Pay for an exchange that has ended and answer what still waits for it."""
        self._under_way -= 1
        try:
            answer = _checked(flight)
        except OffloadFailed as e:
            _log.debug("%s", e)
            self._accounts.pay_unanswered(flight.bill, e.may_have_run, now)
            for standby in flight.standbys:
                self._line.release(standby)
            return
        radio_j, cost_usd = self._accounts.pay(flight.bill, answer, arrived_s, now)
        latency_s, share = arrived_s - flight.began_s, 1.0 / len(answer.answers)
        for question, (found, *_) in zip(flight.exchange.questions, answer.answers, strict=True):
            awaited = flight.awaited.pop(question.app, None)
            if awaited is None:
                continue
            energy_j = share * radio_j + flight.here_j.get(question.app, 0.0)
            what = awaited.app, found, question.variant, flight.exchange.place
            awaited.answer(answered_away(flight.window, *what, latency_s, energy_j, share * cost_usd))
            self._answered += 1
            self._told(question.app, found.class_name, found.confidence, now)
        for standby in tuple(flight.standbys):
            self._let_go(standby, now)

    def _let_go(self, standby: _Standby, now: float) -> None:
        """Stop standing by; the energy that was held is free again."""
        self._line.remove(standby)
        standby.flight.standbys.remove(standby)
        self._ledger.settle(standby.held, 0.0, now)

    def _answer_here(self, standby: _Standby, why: str, now: float) -> None:
        """Run what stands by, and answer with it."""
        flight, ready = standby.flight, standby.run.ready
        if ready is None or self._clocks.wall_s() >= standby.ends_s:
            self._let_go(standby, now)
            self._give_up(standby, CONNECTION_LOST)
            return
        self._line.remove(standby)
        flight.standbys.remove(standby)
        outcome, waited_j = self._run_here(standby, ready, now)
        if isinstance(outcome, NotRun):
            self._give_up(standby, outcome.reason)
            return
        latency_s = self._clocks.wall_s() - flight.began_s
        loading_j = waited_j / len(outcome.answers)
        given = [
            (flight.awaited[a.app].app, a, self._profile.processor_energy_j(a.busy_s) + loading_j)
            for a in outcome.answers
        ]
        for app, result in answered(flight.window, given, latency_s).items():
            flight.awaited.pop(app).answer(result._replace(reason=result.reason or why))
            self._stood_in += 1
        for a in outcome.answers:
            ((class_name, confidence),) = a.windows
            self._told(a.app, class_name, confidence, now)

    def _run_here(self, standby: _Standby, ready: DevicePass, now: float) -> tuple[Execution | NotRun, float]:
        began_s = self._clocks.wall_s()
        outcome = self._stand_in(ready, standby.flight.window, standby.held, now)
        self._line.ran(self._clocks.wall_s() - began_s, standby)
        return outcome

    def _give_up(self, standby: _Standby, reason: str) -> None:
        for app in standby.run.apps:
            standby.flight.awaited.pop(app.name).answer(unserved(standby.flight.window, app, reason))
            self._lost += 1


def _checked(flight: _Flight) -> OffloadAnswer:
    """Return the answer of a flight that has ended.

    Raises:
        OffloadFailed: there is none, or it is not to what was asked.
    """
    if flight.answer.cancelled():
        raise OffloadFailed("the request was given up")
    error = flight.answer.exception()
    if isinstance(error, OffloadFailed):
        raise error
    if error is not None:
        raise OffloadFailed(str(error)) from error
    answer = flight.answer.result()
    if [len(row) for row in answer.answers] != [1] * len(flight.exchange.questions):
        raise OffloadFailed("the answer is to something else")
    return answer


def _nobody() -> None:
    """Wake nobody."""
