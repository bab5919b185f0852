"""The public API of the live engine: `Engine(config).add_app(...).on_result(print).run()`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.errors import BadInput
from catalog.store import Catalog
from engine.answering import Answerer
from engine.capture import Capture
from engine.course import CoursePoint
from engine.extractors.protocol import Extractor
from engine.extractors.table import default_kind, open_extractor
from engine.pipeline import Pipeline
from engine.rates import RateGates
from engine.results import Result
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.policies.table import make_policy
from engine.scheduling.problem import App, Problem
from engine.sinks.callback import CallbackSink
from engine.sinks.fan_out import FanOut
from engine.sinks.protocol import Sink
from engine.snapshot import Snapshot, Standing
from engine.sources.digit_camera import DigitCamera
from engine.sources.opening import open_source
from engine.sources.protocol import Source
from engine.standing import read_standing
from engine.summary import Summary
from mcdnn.engine_file import EngineFile, parse_engine_table, read_engine_file
from mcdnn.wiring import (
    make_app,
    make_budget,
    make_ledger,
    make_memory,
    make_profile,
    open_catalog_to_run,
    planning_budget,
)

_QUEUED_FRAMES = 4


class Engine:
    """Keeps apps answered on one camera within the budgets of a configuration.

    Args:
        config: the path of an ENGINE.toml, or the same as a mapping.

    Raises:
        BadInput: the configuration, the catalog or the device profile is wrong.
    """

    def __init__(self, config: EngineFile | Mapping[str, Any] | str | Path) -> None:
        self._file = _read(config)
        self._catalog: Catalog = open_catalog_to_run(Path(self._file.catalog))
        self._apps: dict[str, App] = {}
        for table in self._file.app:
            self._apps[table.name] = make_app(table, self._catalog)
        self._sinks: list[Sink] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._latest_run: _Run | None = None
        self._running = False

    def add_app(self, name: str, task: str, **settings: Any) -> Engine:
        """Add an app, also while the engine runs; the plan follows before the next frame.

        Args:
            settings: rate_hz, latency_limit_s, weight, accuracy_floor, as in ENGINE.toml.

        Raises:
            BadInput: the name is taken, the task is unknown, or a setting is wrong.
        """
        table = parse_engine_table(
            {"catalog": self._file.catalog, "app": [{"name": name, "task": task, **settings}]}, "add_app"
        ).app[0]
        with self._lock:
            if name in self._apps:
                raise BadInput(f"add_app: an app {name!r} is there already: remove_app({name!r}) first")
            self._apps[name] = make_app(table, self._catalog)
            self._follow()
        return self

    def remove_app(self, name: str) -> Engine:
        """Remove an app, also while the engine runs.

        Raises:
            BadInput: there is no such app.
        """
        with self._lock:
            if name not in self._apps:
                raise BadInput(f"remove_app: no app {name!r}: there are {sorted(self._apps)}")
            del self._apps[name]
            self._follow()
        return self

    def on_result(self, callback: Callable[[Result], None]) -> Engine:
        """Call back with every result, in order, on the sinks' thread."""
        return self.add_sink(CallbackSink(callback))

    def add_sink(self, sink: Sink) -> Engine:
        """Send every frame and its results to a sink; it is closed when the run ends."""
        self._sinks.append(sink)
        return self

    def classes_of(self, app: str) -> tuple[str, ...]:
        """Return the class names that an app answers with.

        Raises:
            BadInput: there is no such app.
        """
        if app not in self._apps:
            raise BadInput(f"no app {app!r}: there are {sorted(self._apps)}")
        return self._catalog.tasks[self._apps[app].task].classes

    @property
    def problem(self) -> Problem:
        """What the policy of the current or the last run knows, with the costs measured so far.

        Raises:
            BadInput: the engine has not run yet.
        """
        if self._latest_run is None:
            raise BadInput("the engine has not run yet: its costs are not known")
        return self._latest_run.answerer.problem

    def energy_left_j(self) -> float:
        """Return the energy left of the period's budget in the current or the last run."""
        run = self._latest_run
        return float("inf") if run is None else run.summary.latest.standing.budget.energy_left_j

    @property
    def course(self) -> tuple[CoursePoint, ...]:
        """Energy and memory over time in the current or the last run."""
        return () if self._latest_run is None else self._latest_run.summary.course

    def stop(self) -> None:
        """End the run after the frame in work; any thread may call it."""
        self._stop.set()

    def run(
        self,
        source: str | Source | None = None,
        duration_s: float = float("inf"),
        on_start: Callable[[Summary], None] = lambda _: None,
    ) -> Snapshot:
        """Run until the source ends, time is up, or stop() is called; return what happened.

        Args:
            source: a URI or a source, in place of the configured one.
            duration_s: on the source's clock.
            on_start: given the summary, which fills while the engine runs.

        Raises:
            BadInput: no source, or no app.
            SourceError: the source broke; the summary given to on_start holds what came before.
            SinkError: results can no longer be written.
        """
        if not self._apps:
            raise BadInput("no app: add an [[app]] to the configuration or call add_app")
        with self._lock:
            run = self._latest_run = _Run(
                self._file, self._catalog, dict(self._apps), self._open(source), self._sinks
            )
            self._running = True
        on_start(run.summary)
        try:
            run.pipeline.run(self._stop, duration_s)
        finally:
            with self._lock:
                self._running = False
            end = run.close()
        return end

    def _open(self, source: str | Source | None) -> Source:
        if source is not None and not isinstance(source, str):
            return source
        configured = self._file.source[0] if self._file.source else None
        if source is not None:
            return open_source(source, pace=configured.pace if configured else None)
        if configured is None:
            raise BadInput(
                "no source: add a [[source]] with a uri to the configuration, or give --source URI"
            )
        return open_source(configured.uri, name=configured.name, pace=configured.pace)

    def _follow(self) -> None:
        if self._running and self._latest_run is not None:
            self._latest_run.set_apps(dict(self._apps))


def _read(config: EngineFile | Mapping[str, Any] | str | Path) -> EngineFile:
    if isinstance(config, EngineFile):
        return config
    if isinstance(config, Mapping):
        return parse_engine_table(dict(config), "config")
    return read_engine_file(Path(config))


def _decoding_clock(source: Source) -> Callable[[], float]:
    """Return the clock that decoding is charged by.

    The digit camera draws its frames where a camera would deliver them: that is no work of the
    device, and the camera's power is in the base load.
    """
    return (lambda: 0.0) if isinstance(source, DigitCamera) else time.thread_time


class _Run:
    """Everything that lives as long as one run."""

    def __init__(
        self, file: EngineFile, catalog: Catalog, apps: dict[str, App], source: Source, sinks: list[Sink]
    ) -> None:
        self._file = file
        self._catalog = catalog
        self.profile = make_profile(file)
        self.ledger = make_ledger(file, self.profile, datetime.now().astimezone())
        self.memory = make_memory(catalog, file)
        self.gates = RateGates(apps.values())
        problem = self._problem(apps)
        self.answerer = Answerer(
            catalog, problem, make_policy(file.policy, problem), self.ledger, self.memory, self.profile
        )
        self.summary = Summary(self._standing)
        extractors = self._extractors(apps)
        self.capture = Capture(source, _QUEUED_FRAMES, _decoding_clock(source))
        self.sink = FanOut(sinks, live=source.live)
        self.pipeline = Pipeline(
            self.capture,
            extractors,
            self.answerer,
            self.gates,
            self.ledger,
            self.profile,
            self.sink,
            self.summary,
        )

    def set_apps(self, apps: dict[str, App]) -> None:
        """Have the pipeline take other apps before its next frame."""
        problem = self._problem(apps)
        extractors = self._extractors(apps)

        def change() -> None:
            self.pipeline.extractors = self.pipeline.extractors | {
                k: v for k, v in extractors.items() if k not in self.pipeline.extractors
            }
            self.gates.set_apps(apps.values())
            self.answerer.set_problem(problem)

        self.pipeline.between_frames(change)

    def _standing(self) -> Standing:
        return read_standing(
            self.capture,
            self.pipeline.truth,
            self.ledger,
            make_budget(self._file),
            self.memory,
            self.answerer,
            self.pipeline.now_s,
            self.sink.drops,
        )

    def _problem(self, apps: dict[str, App]) -> Problem:
        return problem_from_catalog(
            self._catalog,
            apps.values(),
            planning_budget(self.ledger, self._file),
            self.profile,
            self._catalog.measurements(self._file.device.measured_on),
        )

    def _extractors(self, apps: dict[str, App]) -> dict[str, Extractor]:
        wanted = dict.fromkeys(a.input_type for a in apps.values())
        return {t: open_extractor(self._file.extractor.get(t) or default_kind(t)) for t in wanted}

    def close(self) -> Snapshot:
        """Let go of the source, the sinks and the models; what was accepted is on disk."""
        self.capture.close()
        try:
            self.sink.close()
        finally:
            end = self.summary.finish()
            self.memory.close()
        return end
