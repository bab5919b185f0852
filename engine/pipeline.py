"""From frames to results: one loop that finds windows, asks the apps that are due, and feeds the sinks."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Mapping
from threading import Event

from catalog.devices import DeviceProfile
from engine.answering import Answerer, Demand
from engine.capture import Capture
from engine.extractors.protocol import Extractor
from engine.frames import Frame, Window
from engine.ledger import Category, Ledger
from engine.rates import RateGates
from engine.results import Result
from engine.sinks.protocol import Sink
from engine.summary import Summary
from engine.truth import TruthCounts, TruthMatcher

_log = logging.getLogger(__name__)

_WAIT_S = 0.1
_SETTLING_S = 1.0


class Pipeline:
    """Runs one source until it ends, time is up or it is told to stop.

    Args:
        capture: gives frames.
        extractors: by input type; asked for the input types that an app needs.
        answerer: serves requests.
        gates: tell which apps are due.
        ledger: charged for decoding and extraction.
        profile: turns processor time into joules.
        sink: takes every processed frame with its results.
        summary: counts everything.
        plan_every_s: time between two plans, on the source's clock.
    """

    def __init__(
        self,
        capture: Capture,
        extractors: Mapping[str, Extractor],
        answerer: Answerer,
        gates: RateGates,
        ledger: Ledger,
        profile: DeviceProfile,
        sink: Sink,
        summary: Summary,
        plan_every_s: float = 5.0,
    ) -> None:
        self._capture = capture
        self.extractors = dict(extractors)
        self._answerer = answerer
        self._gates = gates
        self._ledger = ledger
        self._profile = profile
        self._sink = sink
        self._summary = summary
        self._plan_every_s = plan_every_s
        self._next_plan_s = 0.0
        self._standing_j = 0.0
        self._changes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._now_s = 0.0
        self._truth = TruthMatcher()
        self._frames = 0
        self._windows: dict[str, int] = {}

    @property
    def now_s(self) -> float:
        """Time of the latest frame on the source's clock."""
        return self._now_s

    @property
    def truth(self) -> TruthCounts:
        """What was found of what was there."""
        return self._truth.counts

    def between_frames(self, change: Callable[[], None]) -> None:
        """Have a change made by the loop's own thread before the next frame; any thread may ask."""
        self._changes.put(change)

    def run(self, stop: Event, duration_s: float = float("inf")) -> None:
        """Process frames until the end.

        Args:
            stop: ends the run after the frame in work.
            duration_s: ends it at this time of the source's clock.

        Raises:
            SourceError: the source broke; what came before it was processed.
            SinkError: results can no longer be written.
        """
        latest_s = time.monotonic() + duration_s + _WAIT_S if self._capture.live else float("inf")
        while not stop.is_set():
            try:
                frame = self._capture.get(_WAIT_S)
            except queue.Empty:
                if time.monotonic() > latest_s:  # a camera that gives nothing does not hold the end up
                    return
                continue
            if frame is None or frame.t_s >= duration_s:
                return
            self._process(frame)

    def _process(self, frame: Frame) -> None:
        now = self._now_s = frame.t_s
        began_s = frame.captured_s if self._capture.live else time.monotonic()
        while not self._changes.empty():
            self._changes.get()()
            self._next_plan_s = now
        if now >= self._next_plan_s:
            self._plan(now)
        results: list[Result] = []
        for window in self._find(frame):
            due = self._gates.due(window.input_type, now)
            if due:
                results += self._answerer.answer(window, due, now, began_s)
        for result in results:
            self._summary.add(result)
        self._sink.accept(frame, results)
        self._summary.frame_done(now)

    def _plan(self, now: float) -> None:
        if now >= _SETTLING_S:
            self._answerer.correct(self._demand(now))
        self._gates.lower(self._answerer.plan(now))
        self._next_plan_s = now + self._plan_every_s

    def _demand(self, now: float) -> Demand:
        """Return what has come so far."""
        return Demand(
            {input_type: count / now for input_type, count in self._windows.items()},
            self._frames / now,
            self._standing_j / max(self._frames, 1),
        )

    def _find(self, frame: Frame) -> list[Window]:
        """Find the windows of every input type and charge what decoding and finding took."""
        before = time.thread_time()
        windows: list[Window] = []
        for input_type, extractor in self.extractors.items():
            if not self._gates.asks(input_type):
                continue
            boxes = extractor.extract(frame)
            truths = self._truth.match(boxes, frame.truth)
            self._windows[input_type] = self._windows.get(input_type, 0) + len(boxes)
            windows += [
                Window(frame, input_type, i, box, truth)
                for i, (box, truth) in enumerate(zip(boxes, truths, strict=True))
            ]
        busy_s = time.thread_time() - before + self._capture.take_busy_s()
        energy_j = self._profile.processor_energy_j(busy_s)
        self._ledger.charge(Category.EXTRACTION, energy_j, frame.t_s)
        self._standing_j += energy_j
        self._frames += 1
        self._ledger.hold_back(self._standing_j / max(frame.t_s, _SETTLING_S))
        return windows
