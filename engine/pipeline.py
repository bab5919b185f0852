"""From frames to results: one loop that finds windows, asks the apps that are due, and feeds the sinks."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Event
from typing import Protocol

from engine.answering import Answerer
from engine.clocks import REAL_CLOCKS, Clocks
from engine.demand import DemandMeter
from engine.energy_metering import NOT_METERED, Metering
from engine.energy_model import EnergyModel
from engine.errors import SourceBroke, SourceError
from engine.frame_results import FrameLine, FrameResults
from engine.frames import Frame, Window
from engine.garbage_search import LEFT_TO_PYTHON, GarbageSearch
from engine.gating.still_scenes import NO_GATE, FrameGate
from engine.heartbeat import Heartbeat
from engine.ledger import Category, Ledger
from engine.loop_load import NOT_TIMED, LoopLoad
from engine.rates import RateGates
from engine.sinks.protocol import Sink
from engine.succession import Succession
from engine.summary import Summary
from engine.tracking.tracked_answers import NO_TRACKING, AnswerKeeper
from engine.window_groups import Asked

_WAIT_S = 0.1


class FrameFeed(Protocol):
    """Gives the frames of one source, or of several on one clock."""

    @property
    def live(self) -> bool:
        """Whether frames come by the clock."""

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Return the next frame, or None after the last one.

        Raises:
            queue.Empty: none came in time, or before somebody called wake().
            SourceError: the sources broke, after the frames that came before are taken.
        """

    def more(self) -> Frame | None:
        """Return a frame of another source at the same moment, or None where none waits.

        The same moment is now, or for recordings at full speed the same media time.
        """

    def put_back(self, frame: Frame) -> None:
        """Give back the frame that get() or more() returned last: it was not used."""

    def take_busy_s(self) -> float:
        """Return the processor time that reading took since the last call."""

    def wake(self) -> None:
        """Have a get() that waits, or else the next one, not wait any longer; any thread may call."""


class WindowSeeker(Protocol):
    """Finds the windows of frames."""

    def find(self, frame: Frame, tasks: Mapping[str, frozenset[str]]) -> Mapping[str, list[Window]]:
        """Return the windows of a frame by input type, for the input types that tasks ask about."""


class Pipeline:
    """Runs sources until they end, time is up or it is told to stop.

    Args:
        capture: gives frames; closed by whoever made it.
        finder: finds windows in them.
        answerer: serves requests.
        gates: tell which apps are due.
        ledger: charged for decoding and extraction.
        profile: turns processor time into joules.
        sink: takes every processed frame with its results.
        summary: counts everything.
        plan_every_s: time between two plans, on the source's clock.
        clocks: what the loop takes is measured by them.
        gather_s: for how long frames of one moment are gathered before those found so far are answered.
        metering: books what a meter counts, where frames come by the clock: at full speed a meter's
            seconds are not those of the source.
        gate: passes over frames that show nothing new.
        kept: answers that stand along tracks.
        garbage: searched for between frames.
        load: told what the loop's time goes into, where frames come by the clock.
    """

    def __init__(
        self,
        capture: FrameFeed,
        finder: WindowSeeker,
        answerer: Answerer | Succession,
        gates: RateGates,
        ledger: Ledger,
        profile: EnergyModel,
        sink: Sink,
        summary: Summary,
        plan_every_s: float = 5.0,
        clocks: Clocks = REAL_CLOCKS,
        gather_s: float = 0.02,
        metering: Metering = NOT_METERED,
        gate: FrameGate = NO_GATE,
        kept: AnswerKeeper = NO_TRACKING,
        garbage: GarbageSearch = LEFT_TO_PYTHON,
        load: LoopLoad = NOT_TIMED,
    ) -> None:
        self._capture = capture
        self._finder = finder
        self._answerer = answerer
        self._gates = gates
        self._ledger = ledger
        self._profile = profile
        self._sink = sink
        self._summary = summary
        self._plan_every_s = plan_every_s
        self._clocks = clocks
        self._gather_s = gather_s
        self._offered_metering = metering
        self._metering: Metering = NOT_METERED
        self._gate = gate
        self._kept = kept
        self._garbage = garbage
        self._load = load
        self._next_plan_s = 0.0
        self._meter = DemandMeter()
        self._changes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._now_s = 0.0
        self._taken_s: dict[str, float] = {}
        self._ends_s = float("inf")
        self._frames = 0
        self._line = FrameLine(self._deliver)
        self.heartbeat = Heartbeat(clocks.wall_s)
        answerer.wakes(capture.wake)

    @property
    def now_s(self) -> float:
        """Time of the latest frame on the source's clock."""
        return self._now_s

    def between_frames(self, change: Callable[[], None]) -> None:
        """Have a change made by the loop's own thread before the next frame, or while none comes.

        Any thread may ask.
        """
        self._changes.put(change)

    def gate_by(self, gate: FrameGate) -> None:
        """Pass over frames by another gate from now on; called by the loop's own thread."""
        self._gate = gate

    def plan_every(self, interval_s: float) -> None:
        """Plan at other intervals from now on; called by the loop's own thread."""
        self._plan_every_s = interval_s

    def run(self, stop: Event, duration_s: float = float("inf")) -> None:
        """Process frames until the end.

        Args:
            stop: ends the run after the frame in work.
            duration_s: ends it at this time of the source's clock.

        Raises:
            SourceError: the source gave no frame at all.
            SourceBroke: it broke later; what came before was processed.
            SinkError: results can no longer be written.
        """
        self._ends_s = duration_s
        latest_s = self._clocks.wall_s() + duration_s + _WAIT_S if self._capture.live else float("inf")
        self._metering = self._offered_metering if self._capture.live else NOT_METERED
        if self._capture.live:
            self._load.begin()
        with self._garbage.held():
            self._run(stop, duration_s, latest_s)

    def _run(self, stop: Event, duration_s: float, latest_s: float) -> None:
        while not stop.is_set():
            self.heartbeat.beat()
            self._search_garbage()
            try:
                frame = self._next_frame()
            except queue.Empty:
                self._attend()
                self._make_changes(self._now_s)
                self._summary.idle()
                if self._clocks.wall_s() > latest_s:  # a camera that gives nothing does not hold the end up
                    return
                continue
            if frame is None:
                return
            if frame.t_s >= duration_s:
                self._capture.put_back(frame)
                return
            self._process(frame)

    def finish(self) -> None:
        """Wait for answers that are to come, learn what was measured, and book what is under way.

        Raises:
            SinkError: results can no longer be written.
        """
        while self._answerer.awaits:
            self._answerer.wait(_WAIT_S)
            self._attend()
        self._answerer.finish(self._now_s)
        self._metering.finish(self._now_s)
        self._meter.reprice(self._answerer.follow_meter())
        self._answerer.learn(self._meter.demand(self._gates.tasks))

    def _next_frame(self) -> Frame | None:
        """Return the next frame, stamped no earlier than the one before; None at the end."""
        self._load.waits()
        try:
            frame = self._capture.get(min(_WAIT_S, self._answerer.wait_s()))
        except SourceError as e:
            if self._frames:
                raise SourceBroke(str(e)) from e
            raise
        finally:
            self._load.goes_on()
        return None if frame is None else self._in_order(frame)

    def _next_of_moment(self) -> Frame | None:
        """Return a frame of another source at the same moment, stamped likewise; None for no more."""
        frame = self._capture.more()
        if frame is None:
            return None
        if frame.t_s >= self._ends_s:
            self._capture.put_back(frame)
            return None
        return self._in_order(frame)

    def _in_order(self, frame: Frame) -> Frame:
        """Return a frame stamped no earlier than the one before."""
        return frame if frame.t_s >= self._now_s else replace(frame, t_s=self._now_s)

    def _process(self, frame: Frame) -> None:
        """Answer what is asked about a frame, and about what other sources show at the same moment."""
        self._attend()
        self._keep_planned(frame.t_s)
        asked: list[Asked] = []
        answered = [self._look_at(frame, asked)]
        began_s = self._clocks.wall_s()
        while self._clocks.wall_s() - began_s <= self._gather_s and (other := self._next_of_moment()):
            answered.append(self._look_at(other, asked))
        self._answer(asked)
        self._attend()
        for answers in answered:
            self._line.put(answers)
        while self._line.is_full:
            self._load.waits()
            self._answerer.wait(_WAIT_S)
            self._load.goes_on()
            self._attend()

    def _look_at(self, frame: Frame, asked: list[Asked]) -> FrameResults:
        """Find who asks what about a frame, and return where the answers go."""
        now = self._now_s = frame.t_s
        began_s = frame.captured_s if self._capture.live else self._clocks.wall_s()
        self._frames += 1
        found, energy_j = self._find(frame)
        answers = FrameResults(frame if found is not None else replace(frame, still=True))
        windows = found if found is not None else {t: [] for t in self._gates.tasks}
        passed_s = now - self._taken_s.get(frame.source, now)
        self._taken_s[frame.source] = now
        self._load.took(self._gates.needed(1 + frame.missed, passed_s, now))
        before = len(asked)
        for window in (w for of_type in windows.values() for w in of_type):
            due = self._gates.due(window.input_type, now, frame.source)
            self._gate.asked(frame.source, due)
            asks = self._kept.reuse(window, due, self._gates.apps, answers)
            if asks:
                alike = len(windows[window.input_type])
                missed = self._gates.missed(asks, alike, frame.missed, passed_s, now) if frame.missed else 0
                asked.append(Asked(window, asks, now, began_s, answers, missed))
        demand = self._kept.to_answer(windows, (a.window for a in asked[before:]))
        self._meter.add_frame(energy_j, demand, now)
        self._ledger.hold_back(self._meter.power_w)
        return answers

    def _answer(self, asked: list[Asked]) -> None:
        if len(asked) == 1:
            self._answerer.answer(asked[0])
        elif asked:
            self._answerer.answer_all(asked)

    def _attend(self) -> None:
        """Hand on what the cloud, or the device for it, has answered since the last look."""
        if self._answerer.attend(self._now_s):
            self._line.flush()

    def _search_garbage(self) -> None:
        """Have garbage searched for where that is due, after what would have to be answered meanwhile."""
        if self._garbage.is_due:
            self._answerer.attend(self._now_s, self._garbage.expected_s)
            self._line.flush()
            self._answerer.wait_s()  # it is foreseen, so no time in which the loop was too busy to look
            self._garbage.search()

    def _deliver(self, answered: FrameResults) -> None:
        """Count a frame whose results are complete and hand it to the sinks."""
        results = answered.all()
        self._gate.answered(results)
        self._kept.answered(results)
        self._summary.add(*results)
        self._sink.accept(answered.frame, results)
        self._summary.frame_done(answered.frame.t_s)

    def _keep_planned(self, now: float) -> None:
        """Make what changes were asked for, and plan where that, a new period or the time calls for it."""
        self._make_changes(now)
        self._metering.attend(now)
        if self._answerer.budget_renewed(now) or self._answerer.cloud_came_or_went():
            self._next_plan_s = now
        if self._answerer.specialised(now):
            self._next_plan_s = now
        if now >= self._next_plan_s:
            self._meter.reprice(self._answerer.follow_meter())
            self._answerer.correct(self._meter.demand(self._gates.tasks))
            self._gates.lower(self._answerer.plan(now))
            self._next_plan_s = now + self._plan_every_s

    def _make_changes(self, now: float) -> None:
        while not self._changes.empty():
            self._changes.get()()
            self._next_plan_s = now

    def _find(self, frame: Frame) -> tuple[Mapping[str, list[Window]] | None, float]:
        """Find the windows that apps ask about and charge what decoding and finding took (J).

        None stands for those of a frame that is passed over: it shows what was there before.
        """
        before_s = self._clocks.busy_s()
        passed_over = self._gate.passes_over(frame, self._gates)
        compared_s = self._clocks.busy_s() - before_s
        found = None if passed_over else self._kept.follow(frame, self._finder.find(frame, self._gates.tasks))
        searched_s = self._clocks.busy_s() - before_s - compared_s
        energy_of = self._profile.processor_energy_j
        energy_j = energy_of(compared_s + searched_s + self._capture.take_busy_s())
        self._ledger.charge(Category.EXTRACTION, energy_j, frame.t_s)
        if found is None:
            self._kept.stand_still(frame)
            self._gate.passed_over(frame, self._gates, energy_of(compared_s))
        else:
            windows = {t: len(w) for t, w in found.items()}
            self._gate.looked(frame, windows, energy_of(compared_s), energy_of(searched_s))
        return found, energy_j
