"""Requests that the device answers: one window, or several of one moment that share their trunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.batch_sizes import BatchSizes
from engine.clocks import Clocks
from engine.device_runs import DevicePass, DeviceRuns, NotRun
from engine.energy_model import EnergyModel
from engine.frames import Window
from engine.load_booking import NOTHING_BOOKED, Booked, LoadBooking
from engine.prepared_passes import PreparedPass
from engine.reservations import Refusal, Reservation
from engine.route_run import Execution, Passed
from engine.runtime.loading import PieceMemory
from engine.scheduling.costs_correction import CostsCorrection
from engine.scheduling.problem import Problem
from engine.serving import Serving
from engine.specializing import Specializing
from engine.window_groups import Member, share_of
from engine.window_results import answered


class DeviceAnswering:
    """Reserves, runs, and gives the results; used by one thread.

    Args:
        runs: loads, runs and settles.
        loads: knows what loading took.
        memory: what is resident.
        correction: told what pieces took.
        profile: turns processor time into joules.
        clocks: what answers take is measured by them.
        specializing: told what was answered.
        sizes: how many windows run at once.
        problem: gives the apps and costs as they are now.
        take_note: told of what happened in memory.
    """

    def __init__(
        self,
        runs: DeviceRuns,
        loads: LoadBooking,
        memory: PieceMemory,
        correction: CostsCorrection,
        profile: EnergyModel,
        clocks: Clocks,
        specializing: Specializing,
        sizes: BatchSizes,
        problem: Callable[[], Problem],
        take_note: Callable[[Booked, float], None],
    ) -> None:
        self._runs = runs
        self._loads = loads
        self._memory = memory
        self._correction = correction
        self._profile = profile
        self._clocks = clocks
        self._specializing = specializing
        self._sizes = sizes
        self._problem = problem
        self._take_note = take_note

    def reserve(self, here: DevicePass, now: float) -> Reservation | Refusal:
        """Hold the worst case of a pass, loads of what is missing included."""
        return self._runs.reserve(here, self._problem().pieces, now)

    def run(
        self, here: DevicePass, window: Window, held: Reservation, now: float
    ) -> tuple[Execution | NotRun, float]:
        """Run a pass for which energy is held; return what came out, and the energy of loads waited for."""
        return self._run(here, (window,), (held,), now)

    def answer(self, ready: PreparedPass, serving: Serving) -> tuple[Passed, ...]:
        """Answer one window, or say why not; return what goes on in the cloud."""
        here, now = ready.here, serving.now
        if here is None:
            return ()
        held = self.reserve(here, now)
        if isinstance(held, Refusal):
            serving.refuse(here.route.apps, held.reason)
            return ()
        outcome, waited_j = self.run(here, serving.window, held, now)
        if isinstance(outcome, NotRun):
            serving.refuse(here.route.apps, outcome.reason)
            return ()
        if outcome.answers:
            self._add_results(Member(ready, serving), outcome, waited_j)
        return outcome.passed

    def at_once(self, here: DevicePass, members: Sequence[Member]) -> int:
        """Return how many of these windows should run together, beginning with the first.

        That is what pays, what there is memory for, and what should be done within everybody's latency
        limit: one by one the first ones would be answered earlier than the last.
        """
        problem, route = self._problem(), here.route
        missing = here.pieces - self._memory.resident
        used_bytes = self._memory.used_bytes + sum(problem.pieces[p].memory_bytes for p in missing)
        parts = dict.fromkeys(route.pieces[step.piece] for step in route.parts)
        most = self._sizes.most(parts, problem.budget.memory_bytes - used_bytes)
        if most > 1 and here.worst_s > 0.0:
            left_s = min(self._left_s(m) for m in members[:most])
            left_s -= sum(problem.pieces[p].load_s for p in missing)
            most = int(min(most, max(1.0, left_s / here.worst_s)))
        return min(most, len(members))

    def answer_several(self, here: DevicePass, members: Sequence[Member]) -> None:
        """Answer several windows by running the same pass on all of them at once, or say why not."""
        running: list[Member] = []
        held: list[Reservation] = []
        for member in members:
            at = member.serving.now
            hold = self._runs.reserve_further(here, at) if held else self.reserve(here, at)
            if isinstance(hold, Refusal):
                member.serving.refuse(member.ready.options, hold.reason)
                continue
            running.append(member)
            held.append(hold)
        if not running:
            return
        now = running[-1].serving.now
        outcome, waited_j = self._run(here, [m.serving.window for m in running], held, now)
        for i, member in enumerate(running):
            if isinstance(outcome, NotRun):
                member.serving.refuse(member.ready.options, outcome.reason)
                continue
            own = share_of(outcome, i, len(running), member.ready.options.keys())
            self._add_results(member, own, waited_j / len(running))

    def _run(
        self, here: DevicePass, windows: Sequence[Window], held: Sequence[Reservation], now: float
    ) -> tuple[Execution | NotRun, float]:
        outcome = self._runs.execute(here, windows, held, now)
        booked = self._loads.book(now)
        if isinstance(outcome, Execution):
            self._observe_costs(outcome, len(windows))
        if isinstance(outcome, NotRun) or booked is not NOTHING_BOOKED:
            self._take_note(booked, now)
        return outcome, booked.waited_j

    def _observe_costs(self, outcome: Execution, windows: int) -> None:
        """Note what each window took."""
        piece_s = outcome.piece_s
        if windows > 1:
            piece_s = {piece: took_s / windows for piece, took_s in piece_s.items()}
        for _ in range(windows):
            self._correction.observe(self._problem(), piece_s)

    def _left_s(self, member: Member) -> float:
        """Return how long the most impatient app that asked about a window waits from now on."""
        apps = self._problem().apps
        limit_s = min(apps[app].latency_limit_s for app in member.ready.options)
        return limit_s - (self._clocks.wall_s() - member.serving.began_s)

    def _add_results(self, member: Member, execution: Execution, waited_j: float) -> None:
        """Add a result an app; loads that were waited for are divided equally."""
        serving, problem = member.serving, self._problem()
        latency_s = self._clocks.wall_s() - serving.began_s
        loading_j = waited_j / len(execution.answers)
        apps, energy_j = problem.apps, self._profile.processor_energy_j
        answers = [(apps[a.app], a, energy_j(a.busy_s) + loading_j) for a in execution.answers]
        serving.results |= answered(serving.window, answers, latency_s)
        for app, note in self._specializing.take_notes().items():
            if app in serving.results and not serving.results[app].reason:
                serving.results[app] = serving.results[app]._replace(reason=note)
        self._specializing.observe(problem, member.ready.options, execution, serving.now)
