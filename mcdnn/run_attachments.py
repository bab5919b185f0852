"""What a program attaches to runs to come: callbacks and sinks for results, and what watches the policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.results import Result
from engine.scheduling.decision_log import AllDecisions, DecisionLog, Decisions, Unlogged
from engine.sinks.callback import CallbackSink
from engine.sinks.protocol import Sink


class RunAttachments:
    """Callbacks are for every run to come; sinks, log and watchers for the next one, which closes them."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Result], None]] = []
        self._sinks: list[Sink] = []
        self._log: Decisions = Unlogged()
        self._watchers: list[Decisions] = []

    def call_back(self, callback: Callable[[Result], None]) -> None:
        """Have something called with every result."""
        self._callbacks.append(callback)

    def add_sink(self, sink: Sink) -> None:
        """Send every frame and its results to a sink."""
        self._sinks.append(sink)

    def log_decisions(self, path: Path, explained: bool) -> None:
        """Write what the policy is asked and answers into a file, in place of one that was named before.

        Raises:
            BadInput: the file cannot be created.
        """
        self._log.close()
        self._log = DecisionLog(path, explained)

    def watch_policy(self, watcher: Decisions) -> None:
        """Have the policy watched, besides the log."""
        self._watchers.append(watcher)

    @property
    def is_logged(self) -> bool:
        """Whether decisions are written into a log."""
        return isinstance(self._log, DecisionLog)

    def sinks(self) -> tuple[Sink, ...]:
        """Return the sinks of the next run, with new ones for the callbacks."""
        return (*self._sinks, *(CallbackSink(c) for c in self._callbacks))

    def decisions(self) -> Decisions:
        """Return what watches the policy of the next run: the log and all others."""
        return AllDecisions([self._log, *self._watchers])

    def begun(self) -> None:
        """Note that a run has begun, which owns what was for it alone."""
        self._sinks = []
        self._log = Unlogged()
        self._watchers = []
