"""Adds up results while the engine runs, in memory that does not grow with them."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.course import Course, CoursePoint
from engine.latency_histogram import LatencyHistogram
from engine.results import REUSED, Result
from engine.snapshot import AppFigures, Snapshot, Standing

_SNAPSHOT_EVERY_S = 0.25
_MOST_UNCOUNTED = 1000
_MOST_REASONS = 50
_OTHER_REASONS = "other reasons"


class Summary:
    """Counts results by app; filled by the engine's thread, while `latest` may be read by any.

    Results are counted many at a time: one at a time, between two calls of a backend, each takes
    several times as long.

    Args:
        standing: reads what the results do not tell; called by the engine's thread alone.
        clock: monotonic.
    """

    def __init__(
        self, standing: Callable[[], Standing] = Standing, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._standing = standing
        self._clock = clock
        self._start_s = clock()
        self._next_s = self._start_s
        self._t_s = 0.0
        self._frames = 0
        self._apps: dict[str, _AppTally] = {}
        self._uncounted: list[Result] = []
        self._course = Course()
        self._latest = Snapshot()

    @property
    def latest(self) -> Snapshot:
        """The run as it stood a quarter of a second ago, or as long ago as the loop last came round."""
        return self._latest

    @property
    def course(self) -> tuple[CoursePoint, ...]:
        """Energy and memory over time."""
        return self._course.points

    def expect(self, app: str) -> None:
        """Show an app from now on, even if it never asks."""
        if app not in self._apps:
            self._apps[app] = _AppTally()

    def add(self, *results: Result) -> None:
        """Take results to be counted."""
        self._uncounted += results
        if len(self._uncounted) >= _MOST_UNCOUNTED:
            self._count()

    def frame_done(self, t_s: float) -> None:
        """Count a processed frame, with all its results added before."""
        self._frames += 1
        self._t_s = t_s
        if self._course.due(t_s):
            self._add_to_course(self._standing())
        self.idle()

    def idle(self) -> None:
        """Look at how the run stands where that is due; for when no frame comes, too."""
        now_s = self._clock()
        if now_s >= self._next_s:
            self._next_s = now_s + _SNAPSHOT_EVERY_S
            self._latest = self._snapshot(self._standing())

    def finish(self) -> Snapshot:
        """Return the run as it stands now, at its end."""
        standing = self._standing()
        self._add_to_course(standing)
        self._latest = self._snapshot(standing)
        return self._latest

    def _count(self) -> None:
        for result in self._uncounted:
            tally = self._apps.get(result.app)
            if tally is None:
                tally = self._apps[result.app] = _AppTally()
            tally.add(result)
        self._uncounted.clear()

    def _add_to_course(self, standing: Standing) -> None:
        self._course.add(CoursePoint(self._t_s, standing.spent_j, standing.memory.used_bytes))

    def _snapshot(self, standing: Standing) -> Snapshot:
        self._count()
        return Snapshot(
            self._t_s,
            self._clock() - self._start_s,
            self._frames,
            tuple(tally.figures(app) for app, tally in self._apps.items()),
            standing,
        )


class _AppTally:
    """One app's counters."""

    __slots__ = (
        "correct",
        "cost_usd",
        "energy_j",
        "known",
        "latency",
        "places",
        "requests",
        "reused",
        "reused_correct",
        "reused_known",
        "served",
        "unserved",
        "variant",
        "variants",
    )

    def __init__(self) -> None:
        self.requests = self.served = self.known = self.correct = 0
        self.reused = self.reused_known = self.reused_correct = 0
        self.unserved: dict[str, int] = {}
        self.latency = LatencyHistogram()
        self.energy_j: dict[str, float] = {}
        self.cost_usd = 0.0
        self.variants: dict[str, int] = {}
        self.places: dict[str, int] = {}
        self.variant: str | None = None

    def add(self, result: Result) -> None:
        if result.place == REUSED:
            self._add_reused(result)
            return
        self.requests += 1
        self.cost_usd += result.cost_usd
        if result.energy_j:
            self.energy_j[result.energy_origin] = (
                self.energy_j.get(result.energy_origin, 0.0) + result.energy_j
            )
        if result.variant is not None:
            self.variant = result.variant
            self.variants[result.variant] = self.variants.get(result.variant, 0) + 1
        if result.place is not None:
            self.places[result.place] = self.places.get(result.place, 0) + 1
        if result.latency_s is not None:
            self.latency.add(result.latency_s)
        if result.truth is not None:
            self.known += 1
            self.correct += result.served and result.answer == result.truth
        if result.served:
            self.served += 1
        else:
            self._count_reason(result.reason)

    def _add_reused(self, result: Result) -> None:
        """Count what nothing ran for by itself: it would flatter latencies and the share served."""
        self.reused += 1
        if result.truth is not None:
            self.reused_known += 1
            self.reused_correct += result.answer == result.truth

    def _count_reason(self, reason: str) -> None:
        """Count a reason; from a certain number on, new ones (with ids in them) are put together."""
        if reason not in self.unserved and len(self.unserved) >= _MOST_REASONS:
            reason = _OTHER_REASONS
        self.unserved[reason] = self.unserved.get(reason, 0) + 1

    def figures(self, app: str) -> AppFigures:
        return AppFigures(
            app,
            self.requests,
            self.served,
            dict(self.unserved),
            self.known,
            self.correct,
            self.latency.mean_s,
            self.latency.percentile_s(0.95),
            dict(self.energy_j),
            self.cost_usd,
            dict(self.variants),
            {str(place): count for place, count in self.places.items()},
            self.variant,
            self.reused,
            self.reused_known,
            self.reused_correct,
        )
