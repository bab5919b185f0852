"""Answers windows: choose configurations, have the device or the cloud answer, and say what came out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from catalog.preprocessing import window_pixels
from catalog.store import Catalog
from engine.batch_sizes import ONE_BY_ONE, BatchSizes
from engine.broken_pieces import BrokenPieces
from engine.clocks import REAL_CLOCKS, Clocks
from engine.cloud_answering import CloudAnswering
from engine.cloud_link import CloudLink
from engine.current_problem import CurrentProblem
from engine.demand import Demand
from engine.device_answering import DeviceAnswering
from engine.device_runs import DevicePass, DeviceRuns
from engine.energy_model import Correction, EnergyModel
from engine.frame_results import FrameResults
from engine.frames import Window
from engine.ledger import Ledger
from engine.load_booking import LoadBooking
from engine.loop_load import NOT_TIMED, LoopLoad
from engine.notices import Notices
from engine.offload import PassedFeatures, UInt8
from engine.prepared_passes import PreparedPass, PreparedPasses
from engine.reachable_cloud import NO_CLOUD, ReachableCloud
from engine.results import Result
from engine.runtime.loading import PieceMemory
from engine.scheduling.costs_correction import CostsCorrection
from engine.scheduling.policy import Choice, Policy, State
from engine.scheduling.problem import Option, Problem
from engine.scheduling.unserved import AT_CLOUD
from engine.serving import Serving
from engine.snapshot import CloudFigures, SpecialFigures
from engine.specializing import NOT_SPECIALIZING, Specializing
from engine.window_groups import Asked, WindowGroup, WindowGroups
from engine.window_results import unserved

_log = logging.getLogger(__name__)

_NOT_CHOSEN = "not chosen"


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
        cloud: where requests may be answered, too.
        specializing: keeps heads for what is being seen.
        sizes: how many windows of a moment run at once.
        metered: by how much a meter says that the profile is off; None without a meter.
        loads: pays for loads, where several answerers share a memory; by default one of its own.
        load: of the loop: says how much of the processor there is for models.
    """

    def __init__(
        self,
        catalog: Catalog,
        problem: Problem,
        policy: Policy,
        ledger: Ledger,
        memory: PieceMemory,
        profile: EnergyModel,
        clocks: Clocks = REAL_CLOCKS,
        cloud: ReachableCloud = NO_CLOUD,
        specializing: Specializing = NOT_SPECIALIZING,
        sizes: BatchSizes = ONE_BY_ONE,
        metered: Correction | None = None,
        loads: LoadBooking | None = None,
        load: LoopLoad = NOT_TIMED,
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._ledger = ledger
        self._memory = memory
        self._profile = profile
        self._clocks = clocks
        self._loads = LoadBooking(memory, ledger, profile) if loads is None else loads
        self._load = load
        self._notices = Notices(ledger)
        self._specializing = specializing
        self._prepared = PreparedPasses(catalog)
        self._link = CloudLink(cloud, catalog, clocks)
        correction, broken = CostsCorrection(profile), BrokenPieces()
        self._current = CurrentProblem(
            problem,
            policy,
            memory,
            self._prepared,
            self._link,
            specializing,
            correction,
            Correction() if metered is None else metered,
            broken,
        )
        self._runs = DeviceRuns(
            catalog, ledger, memory, self._loads, broken, profile, clocks, specializing.checks, load
        )
        self._here = DeviceAnswering(
            self._runs,
            self._loads,
            memory,
            correction,
            profile,
            clocks,
            specializing,
            sizes,
            lambda: self._current.problem,
            self._current.take_note,
        )
        self._cloud = CloudAnswering(
            cloud, self._link, ledger, profile, clocks, self._here.reserve, self._here.run, self._tell
        )

    @property
    def problem(self) -> Problem:
        """All that may be chosen, with the costs measured so far."""
        return self._current.problem

    @property
    def loads(self) -> int:
        """Pieces that came into memory."""
        return self._loads.loads

    @property
    def evictions(self) -> int:
        """Pieces that left it to make room for others."""
        return self._loads.evictions

    @property
    def cloud_figures(self) -> CloudFigures:
        """What became of requests that were sent to the cloud."""
        return self._cloud.figures

    @property
    def special_figures(self) -> SpecialFigures:
        """What specialising came to."""
        return self._specializing.figures

    @property
    def awaits(self) -> bool:
        """Whether any request waits for the cloud."""
        return self._cloud.awaits

    @property
    def under_way(self) -> int:
        """Exchanges with the cloud that have not ended, those whose requests the device answered included."""
        return self._cloud.under_way

    def needs_first(self, now: float) -> tuple[str, ...]:
        """Return the pieces that the policy would want if it answered now, most important first."""
        state = self._state(now, 0.0)
        planned = self._policy.plan(state, now).resident
        if planned:
            return planned
        due: dict[str, list[str]] = {}
        for app in self._current.problem.apps.values():
            due.setdefault(app.input_type, []).append(app.name)
        choices = [self._policy.choose(t, apps, state, now) for t, apps in due.items()]
        chosen = [p for c in choices for o in c.options.values() for p in o.device_pieces]
        return tuple(dict.fromkeys([*chosen, *(p for c in choices for p in c.wanted)]))

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets; see CurrentProblem.set."""
        self._current.set(problem)

    def follow_meter(self) -> float:
        """Take over what a meter says of prices; see CurrentProblem."""
        return self._current.follow_meter()

    def correct(self, demand: Demand | None) -> None:
        """Replace expected costs by measured ones where they differ, and learn the demand once.

        See CurrentProblem.
        """
        self._current.correct(demand)

    def learn(self, demand: Demand | None) -> None:
        """Put the costs and the demand that were measured up to the end into the problem."""
        self._current.learn(demand)

    def budget_renewed(self, now: float) -> bool:
        """Tell whether a new period began since the last call; if so, the policy knows its budget."""
        if not self._notices.renewed(now):
            return False
        self._current.set(replace(self._current.problem, budget=self._ledger.budget))
        return True

    def cloud_came_or_went(self) -> bool:
        """Tell whether the cloud lists what it did not, or the other way round, so that a plan is due."""
        return self._link.came_or_went()

    def specialised(self, now: float) -> bool:
        """Take other specialised heads into use where they are wanted; tell whether a plan is due."""
        if not self._specializing.changed(now):
            return False
        self._current.offer_anew()
        return True

    def plan(self, now: float) -> Mapping[str, float]:
        """Let the policy plan; start loading what it wants; return the rates that it lowers."""
        self._current.take_note(self._loads.book(now), now)
        self._cloud.pay_upkeep(now)
        if self._link.has_changed() or self._specializing.drifted():
            self._current.offer_anew()
        held_back_j = self._ledger.held_back_j(now)
        state = self._state(now, 0.0)._replace(
            carried=self._load.carried(), held_back_j=held_back_j if math.isfinite(held_back_j) else 0.0
        )
        plan = self._policy.plan(state, now)
        if plan.note:
            _log.info("plan at %.1f s: %s", now, plan.note)
        self._loads.ahead(plan.resident, self._current.problem.pieces, now)
        return plan.rates_hz

    def answer(self, asked: Asked) -> None:
        """Serve the apps that are due on a window; see answer_all."""
        choice, serving = self._choose(asked, 0.0)
        if choice.options:
            for ready in self._prepare(choice.options):
                self._run(ready, serving)
        self._close(asked, choice, serving)

    def answer_all(self, moment: Sequence[Asked]) -> None:
        """Serve the apps that are due on the windows of one moment.

        A configuration is chosen for each window, as if those before it were still to be run one by
        one. Windows that the same trunks answer run at once where that pays.

        Args:
            moment: in the order in which they were found; their times do not decrease.
        """
        groups, ahead_s, chosen = WindowGroups(), 0.0, []
        for asked in moment:
            self._cloud.attend(asked.now)
            choice, serving = self._choose(asked, ahead_s)
            chosen.append((asked, choice, serving))
            for ready in self._prepare(choice.options) if choice.options else ():
                if ready.here is not None and ready.takes_several:
                    groups.add(ready, serving)
                    ahead_s += ready.here.run_s
                else:
                    self._run(ready, serving)
        for group in groups:
            self._run_group(group)
        for asked, choice, serving in chosen:
            self._close(asked, choice, serving)

    def attend(self, now: float, ahead_s: float = 0.0) -> bool:
        """Give what the cloud has answered, answer here what waits too long; tell whether there was any.

        Args:
            now: time on the source's clock.
            ahead_s: for how long nobody will be able to attend.
        """
        return self._cloud.attend(now, ahead_s)

    def wait_s(self) -> float:
        """Return for how long only an answer of the cloud is to be attended to; called before waiting."""
        return self._cloud.wait_s()

    def wait(self, most_s: float) -> None:
        """Wait until there may be something to attend to."""
        self._cloud.wait(most_s)

    def wakes(self, wake: Callable[[], None]) -> None:
        """Have somebody woken when the cloud answers; called from other threads."""
        self._cloud.wakes(wake)

    def finish(self, now: float) -> None:
        """Wait for loads and exchanges under way, so that what they took is in the books."""
        self._cloud.finish(now)
        self._loads.finish(now)
        self._specializing.finish(now)

    def settle(self, now: float) -> None:
        """Book what has ended, without waiting for anything; for one that answers nothing any more."""
        self._cloud.pay_upkeep(now)
        self._specializing.finish(now)

    def _tell(self, app: str, class_name: str, confidence: float, now: float) -> None:
        """Have what the cloud answered, or the device for it, taken for what it is: a label."""
        if app in self._current.problem.apps:  # it may have been taken away meanwhile
            self._specializing.observe_label(self._current.problem, app, class_name, confidence, now)

    def _state(self, now: float, backlog_s: float, missed: int = 0) -> State:
        left, memory = self._ledger.left(now), self._memory
        connected, mbps = self._link.now()
        return State(
            left.energy_j,
            left.cost_usd,
            left.period_s,
            memory.resident,
            memory.loading,
            connected,
            backlog_s,
            mbps,
            missed=missed,
        )

    def _prepare(self, options: Mapping[str, Option]) -> tuple[PreparedPass, ...]:
        return self._prepared.of(self._current.problem, options, self._specializing.variants)

    def _choose(self, asked: Asked, ahead_s: float) -> tuple[Choice, Serving]:
        """Let the policy choose for a window that waits for others, expected to take ahead_s."""
        now, due = asked.now, asked.due
        self._current.take_note(self._loads.book(now), now)
        waited_s = self._clocks.wall_s() - asked.began_s + ahead_s
        state = self._state(now, waited_s, asked.missed)
        choice = self._policy.choose(asked.window.input_type, due, state, now)
        serving = Serving(asked.window, now, asked.began_s, dict(choice.unserved))
        why_aside = self._current.why_aside
        if why_aside:
            serving.reasons.update((app, why_aside[app]) for app in due if app in why_aside)
        return choice, serving

    def _close(self, asked: Asked, choice: Choice, serving: Serving) -> None:
        """Give the results of a window, and load what the policy would rather have used."""
        if choice.wanted:
            self._loads.ahead(choice.wanted, self._current.problem.pieces, asked.now)
        if serving.reasons:
            self._notices.unserved(serving.reasons, asked.now)
        self._give(serving, asked.due, asked.into)

    def _run(self, ready: PreparedPass, serving: Serving) -> None:
        """Run one pass and send what goes on in the cloud; add its results, or why there are none."""
        if ready.exchanges:
            self._runs.keep_ready(ready.pieces)
        for exchange in ready.exchanges:
            if not exchange.passed:
                self._cloud.ask(exchange, serving, self._pixels(serving.window, exchange.size_px), {})
        for passed in self._here.answer(ready, serving):
            exchange = next(e for e in ready.exchanges if e.passed == passed.parts)
            here_j = {app: self._profile.processor_energy_j(s) for app, s in passed.busy_s.items()}
            self._cloud.ask(exchange, serving, PassedFeatures(passed.parts, passed.values), here_j)

    def _run_group(self, group: WindowGroup) -> None:
        """Run windows that have their trunks in common, as many at once as pays."""
        here, members = self._pass_for(group), group.members
        while members:
            many = 1 if here is None else self._here.at_once(here, members)
            if here is None or many == 1:
                self._run(*members[0])
            else:
                self._here.answer_several(here, members[:many])
            members = members[many:]
            self._cloud.attend(members[0].serving.now if members else group.members[-1].serving.now)

    def _pass_for(self, group: WindowGroup) -> DevicePass | None:
        """Return what answers every app of a group; None where that does not fit the memory at once."""
        if group.is_uniform:
            return group.members[0].ready.here
        passes = self._prepare(group.options)
        return passes[0].here if len(passes) == 1 else None

    def _pixels(self, window: Window, size_px: int) -> tuple[UInt8, ...]:
        input_type = self._catalog.input_types[window.input_type]
        return tuple(window_pixels(window.frame.pixels, window.box, input_type, size_px))

    def _give(self, serving: Serving, due: Sequence[str], into: FrameResults) -> None:
        """Put results where they belong, in the order asked, and keep places for those to come."""
        results, awaited = serving.results, serving.awaited
        if not awaited:
            into.results += [results[app] if app in results else self._unserved(serving, app) for app in due]
            return
        for app in due:
            if app in awaited:
                waiting = awaited[app]
                waiting.goes(into, unserved(serving.window, waiting.app, AT_CLOUD))
            else:
                into.results.append(results[app] if app in results else self._unserved(serving, app))

    def _unserved(self, serving: Serving, app: str) -> Result:
        return unserved(
            serving.window, self._current.problem.apps[app], serving.reasons.get(app, _NOT_CHOSEN)
        )
