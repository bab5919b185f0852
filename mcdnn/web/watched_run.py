"""One run as the page sees it: what is told, made from what the engine keeps anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from engine.results import Result
from engine.scheduling.latest_choices import LatestChoices
from engine.snapshot import Snapshot
from mcdnn.closing_summary import summary_to_json
from mcdnn.figures_table import gated_line, meter_line, reused_line
from mcdnn.web.board import Board
from mcdnn.web.chronicle import Chronicle, Happening, Look
from mcdnn.web.health import Health, Status, health_of
from mcdnn.web.pace_course import PaceCourse, passed_s
from mcdnn.web.topics import Topic
from mcdnn.web.why import why

_MOST_SHOWN = 6  # windows of an app in one frame


class Followed(Protocol):
    """A run as it goes; engine.summary.Summary."""

    @property
    def latest(self) -> Snapshot:
        """How it stands; asked by any thread."""


class WatchedRun:
    """What the engine leaves behind for who looks; used by the page's own thread, but for follow().

    Args:
        title: of the run, for people.
        silent_s: tells how long ago the loop came round, None between runs.
        connected: tells whether the cloud answers, None without one.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        title: str,
        silent_s: Callable[[], float | None],
        connected: Callable[[], bool | None] = lambda: None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.title = title
        self.board = Board()
        self.choices = LatestChoices()
        self._silent_s = silent_s
        self._connected = connected
        self._wall_clock = wall_clock
        self._chronicle = Chronicle()
        self._course = PaceCourse()
        self._summary: Followed | None = None
        self._status = Status.STARTING

    def follow(self, summary: Followed) -> None:
        """Tell of a run from now on; any thread may call."""
        self._summary = summary

    @property
    def latest(self) -> Snapshot:
        """How the run stands; empty before it begins."""
        return Snapshot() if self._summary is None else self._summary.latest

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the run's sources, those that gave no frame yet included; not those that were removed."""
        return tuple(s.source for s in self.latest.standing.sources)

    def health(self) -> Health:
        """Judge the run."""
        return health_of(self._summary is not None, self._silent_s(), self.latest)

    def look(self) -> None:
        """Note what happened since the last look, and a point of the course; called about once a second."""
        at_s, health, snapshot = self._wall_clock(), self.health(), self.latest
        if health.status is not self._status:
            said = _said(self._status, health.status)
            self._status = health.status
            self._chronicle.note(Happening(at_s, "run", health.status is Status.STALLED, said))
        if self._summary is None:
            return
        self._chronicle.look(Look(at_s, snapshot, self.choices.plan.rates_hz, self._connected()))
        self._course.add(snapshot.t_s, snapshot.standing.budget)

    def topics(self) -> tuple[Topic, ...]:
        """Return what is told, and how often."""
        return (
            Topic("now", 1.0, self._now),
            Topic("happened", 1.0, self._chronicle.told),
            Topic("course", 2.0, lambda: self._course.told(self.latest.standing.budget)),
            Topic("why", 4.0, lambda: why(self.choices)),
        )

    def _now(self) -> dict[str, Any]:
        snapshot, health = self.latest, self.health()
        return {
            "title": self.title,
            "at_s": self._wall_clock(),
            "status": health.status,
            "wrong": health.wrong,
            "cloud_connected": self._connected(),
            "meter": meter_line(snapshot),
            "saved": [line for line in (gated_line(snapshot), reused_line(snapshot)) if line],
            "period_passed_s": passed_s(snapshot.standing.budget, snapshot.t_s),
            "answers": [
                _answer(shown, snapshot.t_s) for source in self.sources for shown in self._shown(source)
            ],
            "summary": summary_to_json(snapshot),
        }

    def _shown(self, source: str) -> Iterable[Result]:
        return (r for results in self.board.answers(source).values() for r in results[:_MOST_SHOWN])


def _said(before: Status, now: Status) -> str:
    """Say for people that a run is doing something else than before."""
    if now is Status.RUNNING:
        return "The engine goes on" if before is Status.STALLED else "The run began"
    return "The engine stands still" if now is Status.STALLED else "The run has ended"


def _answer(r: Result, now_s: float) -> dict[str, Any]:
    """Return the newest answer of an app about a source."""
    return {
        "app": r.app,
        "source": r.source,
        "window": r.window,
        "answer": r.answer,
        "confidence": r.confidence,
        "variant": r.variant,
        "place": r.place,
        "latency_s": r.latency_s,
        "served": r.served,
        "reason": r.reason,
        "truth": r.truth,
        "ago_s": max(0.0, now_s - r.t_s),
    }
