"""The public API of the live engine: `Engine(config).add_app(...).on_result(print).run()`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalog.errors import BadInput
from engine.course import CoursePoint
from engine.period import CHARGE
from engine.results import Result
from engine.scheduling.decision_log import Decisions
from engine.scheduling.problem import Problem
from engine.sinks.protocol import Sink
from engine.snapshot import Snapshot
from engine.sources.choosing import OpenSource
from engine.sources.protocol import Source
from engine.summary import Summary
from mcdnn.asked_apps import AskedApps
from mcdnn.configuration_change import Reloaded, SourceChange, change_between, source_change
from mcdnn.configured_sources import (
    NOT_CONFIGURED,
    ConfiguredSources,
    close_sources,
    open_configured,
)
from mcdnn.engine_file import EngineFile, parse_engine_table, read_engine_file
from mcdnn.engine_run import EngineRun
from mcdnn.run_attachments import RunAttachments
from mcdnn.sink_change import ConfiguredSinks
from mcdnn.sink_wiring import SinkSetup, occasion_of, read_sinks
from mcdnn.wiring import Setup, kinds_of_extractor, make_budget, make_problem, naming, open_setup

_LOOK_UP_S = 0.2


class Engine:
    """Keeps apps answered on cameras within the budgets of a configuration.

    Any thread may call any method; one run goes on at a time. A run starts with a full budget, unless
    the configuration names a folder for its `state`.

    Args:
        config: the path of an ENGINE.toml, or the same as a mapping. It may name no app: add_app
            does.

    Raises:
        BadInput: the configuration, the catalog or the device profile is wrong.
    """

    def __init__(self, config: EngineFile | Mapping[str, Any] | str | Path) -> None:
        self._file = _read(config)
        self._setup = open_setup(self._file)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._apps = AskedApps()
        self._reloads = threading.Lock()
        self._opened: tuple[tuple[OpenSource, ...], ConfiguredSources] = ((), NOT_CONFIGURED)
        self._configured_sources = NOT_CONFIGURED
        self._attached = RunAttachments()
        with naming(self._file.where):
            self._sink_setups = read_sinks(self._file.sink)
        self._configured_sinks: ConfiguredSinks | None = None
        self._running = False
        self._current_run: EngineRun | None = None
        self._latest_run: EngineRun | None = None
        with naming(self._file.where):
            self._take(self._apps.configured_by(self._setup))

    def add_app(self, name: str, task: str, **settings: Any) -> Engine:
        """Add an app, also while the engine runs; the plan follows before the next frame.

        Args:
            settings: rate_hz, latency_limit_s, weight, accuracy_floor, as in ENGINE.toml.

        Raises:
            BadInput: the name is taken, the task is unknown, or a setting is wrong.
        """
        described = {"catalog": self._file.catalog, "app": [{"name": name, "task": task, **settings}]}
        table = parse_engine_table(described, "add_app").app[0]
        with self._lock, naming("add_app"):
            self._take(self._apps.with_added(table, self._setup.catalog))
        return self

    def remove_app(self, name: str) -> Engine:
        """Remove an app, also while the engine runs; models that no other app can use leave the memory.

        Raises:
            BadInput: there is no such app.
        """
        with self._lock:
            self._take(self._apps.without(name, self._setup.catalog))
        return self

    def reload(self, config: EngineFile | Mapping[str, Any] | str | Path | None = None) -> Reloaded:
        """Take another configuration, also while the engine runs, and read the catalog again.

        All of it is checked first; then the run takes it between two frames, without a gap: unchanged
        sources run on, what is under way is answered, and what was spent of the budget stays spent. Apps
        that add_app brought stay. Returns once the run has taken it; not to be called from on_result.

        Args:
            config: None for the same as before, where only the catalog may be another one.

        Raises:
            BadInput: it is wrong; everything is as before.
        """
        with self._reloads:
            wanted = self._file if config is None else _read(config)
            if self._current_run is None:
                return self._begin_anew(wanted)
            change = change_between(self._file, wanted)
            if not (self._configured_sources.named and self._current_run.takes_sources):
                change = change.with_fixed_sources(self._file.source)
            setup = open_setup(change.file, self._setup)
            with naming(change.file.where):
                sinks = read_sinks(change.file.sink)
            sources = source_change(self._file.source, change.file.source)
            done = self._follow(setup, sources, sinks, self._current_run)
            while not done.wait(_LOOK_UP_S) and self._is_running():
                pass
            catalog = ("catalog",) if setup.catalog is not self._setup.catalog else ()
            self._setup, self._sink_setups = setup, sinks
            return Reloaded(tuple(dict.fromkeys((*catalog, *change.followed))), change.fixed)

    def on_result(self, callback: Callable[[Result], None]) -> Engine:
        """Call back with every result of every run to come, in order, on a thread of its own.

        Raises:
            BadInput: a run is going on.
        """
        with self._lock:
            self._refuse_while_running("on_result")
            self._attached.call_back(callback)
        return self

    def add_sink(self, sink: Sink) -> Engine:
        """Send every frame of the next run and its results to a sink, which the run closes at its end.

        Raises:
            BadInput: a run is going on.
        """
        with self._lock:
            self._refuse_while_running("add_sink")
            self._attached.add_sink(sink)
        return self

    def log_decisions(self, path: Path, explained: bool = False) -> Engine:
        """Write all that the policy of the next run is asked and answers into a file, as JSON lines.

        Args:
            path: of the file, which is replaced where it exists.
            explained: whether every choice carries all options and why they were not taken.

        Raises:
            BadInput: a run is going on, or the file cannot be created.
        """
        with self._lock:
            self._refuse_while_running("log_decisions")
            self._attached.log_decisions(path, explained)
        return self

    def watch_policy(self, watcher: Decisions) -> Engine:
        """Have the policy of the next run watched, besides the log.

        Raises:
            BadInput: a run is going on.
        """
        with self._lock:
            self._refuse_while_running("watch_policy")
            self._attached.watch_policy(watcher)
        return self

    def classes_of(self, app: str) -> tuple[str, ...]:
        """Return the class names that an app answers with, or answered with until it was removed.

        Raises:
            BadInput: there never was such an app.
        """
        return self._apps.classes_of(app)

    @property
    def catalog_path(self) -> Path:
        """The folder of the catalog in use."""
        return self._setup.catalog.root

    @property
    def keeps_state(self) -> bool:
        """Whether the next run goes on with what this one leaves of its budget."""
        return self._file.state is not None

    @property
    def problem(self) -> Problem:
        """What the policy of the current or the last run knows, with the costs measured so far.

        Raises:
            BadInput: the engine has not run yet.
        """
        if self._latest_run is None:
            raise BadInput("the engine has not run yet: its costs are not known")
        return self._latest_run.problem

    @property
    def course(self) -> tuple[CoursePoint, ...]:
        """Energy and memory over time in the current or the last run."""
        return () if self._latest_run is None else self._latest_run.summary.course

    def energy_left_j(self) -> float:
        """Return the energy left of the period's budget in the current or the last run."""
        run = self._latest_run
        return float("inf") if run is None else run.summary.latest.standing.budget.energy_left_j

    def cloud_connected(self) -> bool | None:
        """Tell whether the current or the last run reaches its cloud; None without a [cloud]."""
        run = self._latest_run
        return None if run is None or self._file.cloud is None else run.cloud_connected

    def silent_s(self) -> float | None:
        """Return how long ago the loop of the run came round, also without a frame; None between runs."""
        run = self._current_run
        return None if run is None else run.pipeline.heartbeat.silent_s()

    def battery_charged(self) -> None:
        """Grant a budget whose period is "charge" anew, as a battery that is charged does by itself.

        For batteries that Linux does not show.
        """
        with self._lock:
            if self._current_run is not None and self._file.budget.period == CHARGE:
                self._current_run.renew_budget()

    def open_sources(self, uri: str | None = None) -> tuple[OpenSource, ...]:
        """Open sources as run() would: those that are configured, or one by its URI.

        Args:
            uri: opened with the settings of the first configured source.

        Raises:
            BadInput: there is none, or they do not go together.
            SourceError: one cannot be opened.
        """
        opened, configured = open_configured(self._file, uri)
        if uri is None:
            self._opened = opened, configured
        return opened

    def stop(self) -> None:
        """End the run that is going on, after the frame in work."""
        self._stop.set()

    def run(
        self,
        source: str | Source | tuple[OpenSource, ...] | None = None,
        duration_s: float = float("inf"),
        on_start: Callable[[Summary], None] = lambda _: None,
    ) -> Snapshot:
        """Run until all sources have ended, time is up, or stop() is called; return what happened.

        However it ends, what was answered is written; only a KeyboardInterrupt after stop() waits
        for nothing any more.

        Args:
            source: a URI, a source or what open_sources() returned, in place of the configured
                ones; closed at the end.
            duration_s: on the source's clock.
            on_start: given the summary, which fills while the engine runs.

        Raises:
            BadInput: no source, no app, or a run is going on already.
            SourceError: the source cannot be opened or gives no frame.
            SourceBroke: it broke later; the summary given to on_start holds what came before.
            SinkError: results can no longer be written.
        """
        if not duration_s > 0.0:
            raise BadInput(f"duration_s = {duration_s}: expected a positive number of seconds")
        with self._lock:
            self._refuse_while_running("run")
            self._running = True
        self._stop.clear()
        try:
            run = self._begin(source)
            try:
                on_start(run.summary)
                run.pipeline.run(self._stop, duration_s)
            except KeyboardInterrupt:
                if not self._stop.is_set():
                    run.close()
                raise
            except BaseException:
                run.close()
                raise
            return run.close()
        finally:
            with self._lock:
                self._running = False
                self._current_run = None

    def _begin(self, source: str | Source | tuple[OpenSource, ...] | None) -> EngineRun:
        if not self._apps.by_name:
            raise BadInput(f"{self._file.where}: no app: add an [[app]], or call add_app")
        opened = self._open(source)
        was_opened, sources = self._opened
        self._configured_sources = sources if opened is was_opened else NOT_CONFIGURED
        with self._lock:
            try:
                configured = ConfiguredSinks(occasion_of(opened), ()).change_to(self._sink_setups).then
            except BaseException:
                close_sources(opened)
                raise
            attached = self._attached
            sinks = [*attached.sinks(), *configured.sinks]
            try:
                run = EngineRun(
                    self._setup,
                    self._apps.by_name,
                    opened,
                    sinks,
                    attached.decisions(),
                    attached.is_logged,
                )
            except BaseException:
                close_sources(opened)
                for sink in configured.sinks:
                    sink.close()
                raise
            attached.begun()
            self._configured_sinks = configured
            self._current_run = self._latest_run = run
        return run

    def _begin_anew(self, file: EngineFile) -> Reloaded:
        """Take another configuration where nothing runs."""
        setup = open_setup(file)
        with self._lock, naming(file.where):
            sinks = read_sinks(file.sink)
            apps = self._apps.configured_by(setup)
            _check(setup, apps)
            followed = change_between(self._file, file)
            self._file, self._setup, self._sink_setups, self._apps = file, setup, sinks, apps
        return Reloaded((*followed.followed, *followed.fixed), ())

    def _follow(
        self, setup: Setup, sources: SourceChange, sinks: Sequence[SinkSetup], run: EngineRun
    ) -> threading.Event:
        """Open further sources, and have a run take a checked configuration."""
        turnover = self._configured_sources.change_by(sources, setup.file)
        come_sinks: tuple[Sink, ...] = ()
        try:
            with self._lock, naming(setup.file.where):
                apps = self._apps.configured_by(setup)
                if not apps.by_name:
                    raise BadInput("no app: add an [[app]]")
                assert self._configured_sinks is not None, "a run has its sinks"
                sink_change = self._configured_sinks.change_to(sinks)
                come_sinks = sink_change.further
                done = run.follow(setup, apps.by_name, turnover.gone, turnover.further, sink_change)
                self._configured_sinks = sink_change.then
                self._file, self._apps = setup.file, apps
        except BaseException:
            close_sources(turnover.further)
            for sink in come_sinks:
                sink.close()
            raise
        self._configured_sources = turnover.then
        return done

    def _open(self, source: str | Source | tuple[OpenSource, ...] | None) -> tuple[OpenSource, ...]:
        if source is None or isinstance(source, str):
            return self.open_sources(source)
        if isinstance(source, tuple):
            return source
        return (OpenSource(source, source.live, gated=bool(self._file.motion_gate.on)),)

    def _take(self, apps: AskedApps) -> None:
        """Check apps, have a run follow them, and keep them."""
        if self._current_run is not None:
            self._current_run.set_apps(apps.by_name)
        else:
            _check(self._setup, apps)
        self._apps = apps

    def _is_running(self) -> bool:
        return self._current_run is not None

    def _refuse_while_running(self, verb: str) -> None:
        if self._running:
            raise BadInput(f"{verb}: the engine is running: call it before run(), or after it has ended")


def _check(setup: Setup, apps: AskedApps) -> None:
    """Refuse apps that a run could not begin with."""
    kinds_of_extractor(setup, apps.by_name.values())
    make_problem(setup, apps.by_name.values(), make_budget(setup.file))


def _read(config: EngineFile | Mapping[str, Any] | str | Path) -> EngineFile:
    if isinstance(config, EngineFile):
        return config
    if isinstance(config, Mapping):
        return parse_engine_table(dict(config), "config")
    return read_engine_file(Path(config))
