"""Everything that lives as long as one run of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

from engine.answering import Answerer
from engine.pipeline import Pipeline
from engine.rates import RateGates
from engine.scheduling.decision_log import Decisions
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import plan_interval_s
from engine.scheduling.problem import App, Problem
from engine.scheduling.repricing import repriced
from engine.sinks.fan_out import FanOut
from engine.sinks.protocol import Sink
from engine.snapshot import Snapshot, Standing
from engine.sources.choosing import OpenSource
from engine.standing import read_standing
from engine.summary import Summary
from engine.window_finding import SourceFinders
from mcdnn.energy_wiring import open_energy, watch_battery
from mcdnn.gating_wiring import make_gate, make_tracking
from mcdnn.source_wiring import make_feed
from mcdnn.special_wiring import open_specializing
from mcdnn.state_wiring import open_spending
from mcdnn.wiring import (
    Setup,
    answering_clocks,
    make_batch_sizes,
    make_budget,
    make_extractors,
    make_ledger,
    make_memory,
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
    ) -> None:
        self._setup = setup
        self._decisions = decisions
        self._granted = make_budget(setup.file)
        self._ledger = make_ledger(setup, datetime.now().astimezone())
        self._spending = open_spending(setup.file, self._ledger, any(s.source.live for s in sources))
        self._gates = RateGates(apps.values())
        make_extractors(setup, apps.values())  # what is refused is refused now, not with the first frame
        self._finder = SourceFinders(lambda: make_extractors(setup, apps.values()))
        problem = make_problem(setup, apps.values(), self._ledger.budget)
        energy = open_energy(setup, self._ledger)
        self._end_reading = energy.close
        self._correction, self._metering = energy.correction, energy.metering
        special = open_specializing(setup, self._ledger)
        self._end_training = special.close
        self._memory = make_memory(setup, special.heads)
        cloud = setup.cloud.open()
        self._offload = cloud.offload
        self._answerer = Answerer(
            setup.catalog,
            problem,
            decisions.watch(make_policy(setup.file.policy, problem), problem),
            self._ledger,
            self._memory,
            energy.answering,
            answering_clocks(setup.file),
            cloud,
            special.specializing,
            make_batch_sizes(setup),
            energy.correction,
        )
        self.summary = Summary(self._standing)
        self._expect(apps)
        self._spending.begin(self._ledger.standing(0.0))
        self._sink = FanOut(sinks, live=any(s.drops for s in sources))
        self._gate = make_gate(setup.file, sources)
        self._kept = make_tracking(setup.file, setup.catalog.input_types)
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
        )
        self._leave_battery = watch_battery(setup, self.renew_budget)

    @property
    def problem(self) -> Problem:
        """All that the policy may choose from, with the costs measured so far; any thread may ask."""
        return self._answerer.problem

    @property
    def cloud_connected(self) -> bool:
        """Whether the cloud can be asked; any thread may ask."""
        return self._offload.state().connected

    def set_apps(self, apps: Mapping[str, App]) -> None:
        """Have the loop take other apps before its next frame; any thread may ask.

        Raises:
            BadInput: see EngineRun; nothing has changed then.
        """
        make_extractors(self._setup, apps.values())
        problem = make_problem(self._setup, apps.values(), self._granted)

        def change() -> None:
            self._finder.follow(lambda: make_extractors(self._setup, apps.values()))
            self._gates.set_apps(apps.values())
            priced = repriced(problem, self._correction.adopted)
            self._answerer.set_problem(replace(priced, budget=self._ledger.budget))
            self._expect(apps)

        self.pipeline.between_frames(change)

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
            closing.callback(self._offload.close)
            closing.callback(self._end_training)
            closing.callback(self._end_reading)
            closing.callback(self._leave_battery)
            ends: list[Snapshot] = []
            closing.callback(lambda: ends.append(self.summary.finish()))
            closing.callback(self._sink.close)
            closing.callback(lambda: self._spending.close(self._ledger.standing(self.pipeline.now_s)))
            self._feed.close()
            self.pipeline.finish()
        return ends[0]

    def _expect(self, apps: Mapping[str, App]) -> None:
        for app in apps:
            self.summary.expect(app)

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
            self._metering.figures,
            self._gate.figures,
            self._kept.tracks,
        )
