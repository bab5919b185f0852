"""Everything that lives as long as one run of the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

from catalog.errors import BadInput
from engine.answering import Answerer
from engine.capture import Capture
from engine.garbage_search import FullSearch
from engine.gating.still_scenes import StillScenes
from engine.load_booking import LoadBooking
from engine.loop_load import LoopLoad
from engine.pipeline import Pipeline
from engine.rates import RateGates
from engine.reachable_cloud import ReachableCloud
from engine.runtime.changing_pieces import ChangingPieces
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import Residency
from engine.scheduling.decision_log import Decisions
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import plan_interval_s
from engine.scheduling.problem import App, Problem
from engine.scheduling.repricing import repriced
from engine.sinks.fan_out import FanOut
from engine.sinks.protocol import Sink
from engine.snapshot import Snapshot, Standing
from engine.source_turns import SourceTurns
from engine.sources.choosing import OpenSource
from engine.standing import read_standing
from engine.succession import Incumbent, Succession
from engine.summary import Summary
from engine.whole_machine import whole_machine
from engine.window_finding import SourceFinders
from mcdnn.energy_wiring import open_energy, pays_own_share, watch_battery
from mcdnn.gating_wiring import make_gate, make_tracking
from mcdnn.sink_change import SinkChange
from mcdnn.source_wiring import further_captures, make_feed
from mcdnn.special_wiring import OpenSpecializing, open_specializing
from mcdnn.state_wiring import open_spending, terms_of
from mcdnn.wiring import (
    Setup,
    answering_clocks,
    make_batch_sizes,
    make_budget,
    make_extractors,
    make_ledger,
    make_period,
    make_pieces,
    make_problem,
)


class EngineRun:
    """Built on the caller's thread and then used by the loop's, except for what says otherwise.

    What can be refused is built first, what starts threads last.

    Args:
        setup: read and checked.
        apps: by name.
        sources: owned from here on; at least one.
        sinks: likewise.
        decisions: likewise.
        logged: whether they are written into a log, which is of one policy on one catalog.

    Raises:
        BadInput: an app needs an extractor that is not configured.
    """

    def __init__(
        self,
        setup: Setup,
        apps: Mapping[str, App],
        sources: Sequence[OpenSource],
        sinks: Sequence[Sink],
        decisions: Decisions,
        logged: bool = False,
    ) -> None:
        self._setup = setup
        self._decisions = decisions
        self._logged = logged
        self._granted = make_budget(setup.file)
        self._origin = datetime.now().astimezone()
        self._ledger = make_ledger(setup, self._origin)
        self._spending = open_spending(setup.file, self._ledger, any(s.source.live for s in sources))
        self._gates = RateGates(apps.values())
        make_extractors(setup, apps.values())  # what is refused is refused now, not with the first frame
        self._finder = SourceFinders(lambda: make_extractors(setup, apps.values()))
        problem = make_problem(setup, apps.values(), self._ledger.budget)
        self._wanted = (setup, apps, problem)
        energy = self._energy = open_energy(setup, self._ledger)
        special = open_specializing(setup, self._ledger)
        pieces = make_pieces(setup, special.heads)
        self._pieces = ChangingPieces(pieces.storage, pieces.knows)
        self._memory = PieceMemory(self._pieces, pieces.sizes, Residency(self._granted.memory_bytes))
        self._loads = LoadBooking(self._memory, self._ledger, energy.answering)
        self._cloud = setup.cloud.open()
        machine = whole_machine() if setup.file.device.threads == 1 else None
        self._load = LoopLoad(answering_clocks(setup.file), machine)
        self._answerer = Succession(self._incumbent(setup, problem, special, self._cloud), self._memory)
        self.summary = Summary(self._standing)
        self._expect(apps)
        self._spending.begin(self._ledger.standing(0.0))
        self._sink = FanOut(sinks, live=any(s.drops for s in sources))
        self._gated = [s for s in sources if s.gated]
        self._gate = make_gate(setup.file, sources)
        self._kept = make_tracking(setup.file, setup.catalog.input_types)
        garbage = FullSearch()  # frames come from here on, and wait for no search
        self._feed = make_feed(sources)
        self.pipeline = Pipeline(
            self._feed,
            self._finder,
            self._answerer,
            self._gates,
            self._ledger,
            energy.finding,
            self._sink,
            self.summary,
            plan_interval_s(self._ledger.budget.period_s),
            metering=energy.metering,
            gate=self._gate,
            kept=self._kept,
            garbage=garbage,
            load=self._load,
        )
        self._departing: list[threading.Thread] = []
        self._joining: list[Sink] = []  # opened, and not yet taken by the loop
        self._leave_battery = watch_battery(setup, self.renew_budget)

    @property
    def problem(self) -> Problem:
        """All that the policy may choose from, with the costs measured so far; any thread may ask."""
        return self._answerer.problem

    @property
    def cloud_connected(self) -> bool:
        """Whether the cloud can be asked; any thread may ask."""
        return self._cloud.offload.state().connected

    def set_apps(self, apps: Mapping[str, App]) -> None:
        """Have the loop take other apps before its next frame; any thread may ask.

        Raises:
            BadInput: see EngineRun; nothing has changed then.
        """
        setup = self._wanted[0]
        make_extractors(setup, apps.values())
        wanted = self._wanted = (setup, apps, make_problem(setup, apps.values(), self._granted))

        def change() -> None:
            if self._setup is setup:  # otherwise models that are still loading take these apps with them
                self._take_apps(*wanted)

        self.pipeline.between_frames(change)

    @property
    def takes_sources(self) -> bool:
        """Whether sources may come and go: not in a run of recordings, which ends with them."""
        return isinstance(self._feed, SourceTurns) and self._feed.live

    def follow(
        self,
        setup: Setup,
        apps: Mapping[str, App],
        gone: Collection[str],
        further: Sequence[OpenSource],
        sinks: SinkChange,
    ) -> threading.Event:
        """Have the loop take another configuration between two frames; any thread may ask.

        Where models, policy or cloud change, the old ones answer until the new ones are ready.

        Args:
            setup: for the same device.
            apps: by name.
            gone: names of sources.
            further: live sources; owned from here on, unless this raises.
            sinks: that go and come; likewise.

        Returns:
            What is set once all of it holds.

        Raises:
            BadInput: it cannot be taken; nothing has changed then.
        """
        make_extractors(setup, apps.values())
        problem = make_problem(setup, apps.values(), make_budget(setup.file))
        succeeds = _needs_successor(self._setup, setup)
        if succeeds and self._logged:
            raise BadInput(
                "models, policy and cloud cannot change while a decision log is written: restart without it"
            )
        begins = self._succeeding(setup, problem) if succeeds else None
        self._wanted = (setup, apps, problem)
        captures = further_captures(further)
        self._joining = [*self._joining, *sinks.further]
        done = threading.Event()

        def take() -> None:
            self._change_sources(gone, captures)
            self._change_gate(gone, further)
            self._change_extractors(setup, gone)
            self._setup = setup
            self._take_apps(*self._wanted)
            done.set()

        def begin() -> None:
            now = self.pipeline.now_s
            self._sink.change(sinks.leaving, sinks.further)
            self._joining = [s for s in self._joining if s not in sinks.further]
            self._change_budget(setup, now)
            if begins is None:
                take()
            else:
                begins(take, now)

        self.pipeline.between_frames(begin)
        return done

    def renew_budget(self) -> None:
        """Have the loop begin a new period of the budget before its next frame; any thread may ask."""
        self.pipeline.between_frames(lambda: self._ledger.renew(self.pipeline.now_s))

    def close(self) -> Snapshot:
        """Let go of the source, the sinks and the models; what was accepted and decided is on disk.

        Raises:
            SinkError: a sink or the decision log failed, unless the run ended because of it.
        """
        with ExitStack() as closing:
            closing.callback(self._decisions.close)
            closing.callback(self._memory.close)
            closing.callback(self._answerer.close)
            closing.callback(self._energy.close)
            closing.callback(self._leave_battery)
            ends: list[Snapshot] = []
            closing.callback(lambda: ends.append(self.summary.finish()))
            closing.callback(self._close_sinks)
            closing.callback(lambda: self._spending.close(self._ledger.standing(self.pipeline.now_s)))
            closing.callback(self._leave_departing)
            self._feed.close()
            self.pipeline.finish()
        return ends[0]

    def _incumbent(
        self, setup: Setup, problem: Problem, special: OpenSpecializing, cloud: ReachableCloud
    ) -> Incumbent:
        """Return what answers by a setup, and closes what was opened for it."""
        answerer = Answerer(
            setup.catalog,
            problem,
            self._decisions.watch(make_policy(setup.file.policy, problem), problem),
            self._ledger,
            self._memory,
            self._energy.answering,
            answering_clocks(setup.file),
            cloud,
            special.specializing,
            make_batch_sizes(setup),
            self._energy.correction,
            self._loads,
            self._load,
        )

        def close() -> None:
            cloud.offload.close()
            special.close()

        return Incumbent(answerer, close)

    def _succeeding(self, setup: Setup, problem: Problem) -> Callable[[Callable[[], None], float], None]:
        """Open what a successor needs; return what lets it succeed, called by the loop's thread."""
        special = open_specializing(setup, self._ledger)
        pieces = make_pieces(setup, special.heads)
        cloud = setup.cloud.open()
        priced = repriced(problem, self._energy.correction.adopted)
        incumbent = self._incumbent(setup, priced, special, cloud)

        def succeed(then: Callable[[], None], now: float) -> None:
            def take() -> None:
                self._cloud = cloud
                then()

            self._pieces.follow(pieces.storage, pieces.knows)
            self._memory.set_sizes(pieces.sizes)
            self._answerer.succeed(incumbent, take, now)

        return succeed

    def _change_budget(self, setup: Setup, now: float) -> None:
        file, granted = setup.file, make_budget(setup.file)
        if file.budget == self._setup.file.budget:
            return
        self._ledger.regrant(granted, make_period(file, self._origin), file.budget.carry_over, now)
        self._granted = granted
        self._spending.regrant(granted.energy_j, granted.cost_usd, terms_of(file.budget))
        self._memory.set_limit(granted.memory_bytes)
        self.pipeline.plan_every(plan_interval_s(self._ledger.budget.period_s))
        self._energy.metering.pay(pays_own_share(file))
        self._leave_battery()
        self._leave_battery = watch_battery(setup, self.renew_budget)

    def _change_sources(self, gone: Collection[str], further: Sequence[Capture]) -> None:
        if not (gone or further):
            return
        assert isinstance(self._feed, SourceTurns), "a run of one recording takes no other source"
        for capture in self._feed.change(gone, further):
            leaving = threading.Thread(target=capture.close, name="mcdnn-departing", daemon=True)
            leaving.start()
            self._departing = [t for t in self._departing if t.is_alive()] + [leaving]

    def _change_gate(self, gone: Collection[str], further: Sequence[OpenSource]) -> None:
        kept = [s for s in self._gated if s.source.name not in gone]
        self._gated = [*kept, *(s for s in further if s.gated)]
        if isinstance(self._gate, StillScenes):
            self._gate.begin_anew(s.source.name for s in self._gated)
        else:
            self._gate = make_gate(self._setup.file, self._gated)
            self.pipeline.gate_by(self._gate)

    def _change_extractors(self, setup: Setup, gone: Collection[str]) -> None:
        others = setup.file.extractor != self._setup.file.extractor
        self._finder.forget(self._finder.sources if others else gone)

    def _take_apps(self, setup: Setup, apps: Mapping[str, App], problem: Problem) -> None:
        self._finder.follow(lambda: make_extractors(setup, apps.values()))
        self._gates.set_apps(apps.values())
        self._kept.forget_answers()
        priced = repriced(problem, self._energy.correction.adopted)
        self._answerer.set_problem(replace(priced, budget=self._ledger.budget))
        self._expect(apps)

    def _expect(self, apps: Mapping[str, App]) -> None:
        for app in apps:
            self.summary.expect(app)

    def _leave_departing(self) -> None:
        for thread in self._departing:
            thread.join()

    def _close_sinks(self) -> None:
        for sink in self._joining:
            sink.close()
        self._sink.close()

    def _standing(self) -> Standing:
        self._spending.note(self._ledger.standing(self.pipeline.now_s))
        return read_standing(
            self._feed,
            self._finder.truth,
            self._ledger,
            self._granted,
            self._memory,
            self._answerer,
            self.pipeline.now_s,
            self._sink.figures,
            self._energy.metering.figures,
            self._gate.figures,
            self._kept.tracks,
        )


def _needs_successor(old: Setup, new: Setup) -> bool:
    """Tell whether other models, another policy or another cloud are to answer."""
    return (
        new.catalog is not old.catalog
        or new.file.policy != old.file.policy
        or new.file.cloud != old.file.cloud
        or new.file.specialize != old.file.specialize
    )
