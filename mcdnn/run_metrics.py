"""A run in the text format of Prometheus: what the live table shows, for who watches many devices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.snapshot import Snapshot, Standing

Row = tuple[tuple[str, ...], float]


class Followed(Protocol):
    """A run as it goes; engine.summary.Summary."""

    @property
    def latest(self) -> Snapshot:
        """How it stands; asked by any thread."""


class RunMetrics(Collector):
    """The metrics of one run; read when somebody asks for them, so that they cost a window nothing."""

    def __init__(self) -> None:
        self._summary: Followed | None = None
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def follow(self, summary: Followed) -> None:
        """Tell of a run from now on; before, everything is 0."""
        self._summary = summary

    def collect(self) -> Iterator[Metric]:
        """Read how the run stands; called by other threads than the engine's."""
        snapshot = Snapshot() if self._summary is None else self._summary.latest
        yield from _of_apps(snapshot)
        yield from _of_sources(snapshot.standing)
        yield from _of_sinks(snapshot.standing)
        yield from _of_spending(snapshot.standing)
        yield from _of_meter(snapshot.standing)
        yield from _of_memory_and_cloud(snapshot.standing)
        yield from _of_specializing(snapshot.standing)
        yield from _of_sparing(snapshot)


def _of_apps(snapshot: Snapshot) -> Iterator[Metric]:
    apps = snapshot.apps
    requests = (((a.app,), a.requests) for a in apps)
    yield _counters("requests", "Windows that an app asked about.", ["app"], requests)
    yield _counters("served", "Answered in time.", ["app"], (((a.app,), a.served) for a in apps))
    unserved = _each((a.app, a.unserved) for a in apps)
    yield _counters("unserved", "By reason.", ["app", "reason"], unserved)
    variants = _each((a.app, a.variants) for a in apps)
    yield _counters("answers", "By the variant that answered.", ["app", "variant"], variants)
    places = _each((a.app, a.places) for a in apps)
    yield _counters("answers_by_place", "Device, cloud or split.", ["app", "place"], places)
    energy_j = _each((a.app, a.energy_j) for a in apps)
    yield _counters("app_energy_joules", "An app's share.", ["app", "origin"], energy_j)
    p95_s = (((a.app,), a.latency_p95_s) for a in apps if a.latency_p95_s is not None)
    yield _gauges("latency_p95_seconds", "Since the run began.", ["app"], p95_s)


def _of_sources(standing: Standing) -> Iterator[Metric]:
    sources = standing.sources
    read = (((s.source,), s.read) for s in sources)
    yield _counters("frames_read", "That came from a source.", ["source"], read)
    taken = (((s.source,), s.taken) for s in sources)
    yield _counters("frames_processed", "Taken by the engine.", ["source"], taken)
    gives = (((s.source,), not s.report.trouble) for s in sources)
    yield _gauges("source_gives", "0 while a source gives no frames.", ["source"], gives)
    dropped = _each((s.source, s.dropped) for s in sources)
    yield _counters("frames_dropped", "By reason.", ["source", "reason"], dropped)


def _of_sinks(standing: Standing) -> Iterator[Metric]:
    sinks = standing.sinks
    frames = (((s.sink,), s.frames_dropped) for s in sinks)
    yield _counters("frames_dropped_by_sink", "That a sink was too slow for.", ["sink"], frames)
    accepted = (((s.sink,), s.accepted) for s in sinks)
    yield _counters("sink_accepted", "Results given to a sink.", ["sink"], accepted)
    recovered = (((s.sink,), s.recovered) for s in sinks)
    yield _counters("sink_recovered", "Results of earlier runs in its spool.", ["sink"], recovered)
    delivered = (((s.sink,), s.delivered) for s in sinks)
    yield _counters("sink_delivered", "Results written or taken.", ["sink"], delivered)
    dropped = _each((s.sink, s.dropped) for s in sinks)
    yield _counters("sink_dropped", "Results, by reason.", ["sink", "reason"], dropped)
    retries = (((s.sink,), s.retries) for s in sinks)
    yield _counters("sink_retries", "Attempts that failed and were made again.", ["sink"], retries)
    waiting = (((s.sink,), s.waiting) for s in sinks)
    yield _gauges("sink_waiting", "Results in memory, to be delivered.", ["sink"], waiting)
    spooled = (((s.sink,), s.spooled) for s in sinks)
    yield _gauges("sink_spooled", "Results on disk, to be delivered.", ["sink"], spooled)
    delivers = (((s.sink,), not s.trouble) for s in sinks)
    yield _gauges("sink_delivers", "0 while a sink is in trouble.", ["sink"], delivers)


def _of_spending(standing: Standing) -> Iterator[Metric]:
    # What a meter's next reading will replace is left out: a counter that falls would be taken for a restart.
    joules = (((s.category, s.origin), s.energy_j - s.unsettled_j) for s in standing.spent)
    yield _counters("energy_joules", "By what for, and how known.", ["category", "origin"], joules)
    usd = (((line.category,), line.cost_usd) for line in standing.spent if line.cost_usd)
    yield _counters("cost_usd", "The cloud's bill.", ["category"], usd)
    budget = standing.budget
    yield _limit("energy_budget_joules", "Granted for the period.", budget.energy_j)
    yield _limit("energy_left_joules", "Neither spent nor held.", budget.energy_left_j)
    yield _limit("cost_budget_usd", "Granted for the period.", budget.cost_usd)
    yield _limit("cost_left_usd", "Neither spent nor held.", budget.cost_left_usd)
    yield GaugeMetricFamily(
        "mcdnn_run_period_spent_joules", "In this period, base load included.", budget.spent_j
    )
    yield GaugeMetricFamily("mcdnn_run_period_spent_usd", "In this period.", budget.spent_usd)
    yield _limit("period_seconds", "Length of the period.", budget.period_s)
    yield _limit("period_left_seconds", "Until the budget renews.", budget.period_left_s)
    yield GaugeMetricFamily("mcdnn_run_overdraft_joules", "Spent beyond all budgets.", budget.overdraft_j)
    yield GaugeMetricFamily("mcdnn_run_overdraft_usd", "Likewise.", budget.overdraft_usd)


def _of_meter(standing: Standing) -> Iterator[Metric]:
    meter = standing.meter
    named = [meter.meter] if meter.meter else []
    counts = (((m,), float(meter.since_s is not None)) for m in named)
    yield _gauges("meter_counts", "1 while it does; 0 while energy is modelled.", ["meter"], counts)
    counted = (((m,), meter.counted_j) for m in named)
    yield _counters("meter_joules", "That it counted, for whatever ran.", ["meter"], counted)
    others = (((m,), meter.others_j) for m in named)
    yield _counters("meter_others_joules", "Of that, other programs', as estimated.", ["meter"], others)
    failures = (((m,), meter.failures) for m in named)
    yield _counters("meter_failures", "Times that it stopped counting.", ["meter"], failures)
    factor = (((m,), meter.factor) for m in named)
    yield _gauges("meter_factor", "A busy core's power over the profile's.", ["meter"], factor)


def _of_memory_and_cloud(standing: Standing) -> Iterator[Metric]:
    memory, cloud = standing.memory, standing.cloud
    yield GaugeMetricFamily("mcdnn_run_model_bytes", "Parts and heads in memory.", memory.used_bytes)
    yield _limit("model_limit_bytes", "What they may hold.", memory.limit_bytes)
    yield CounterMetricFamily("mcdnn_run_loads", "Parts and heads loaded.", memory.loads)
    yield CounterMetricFamily("mcdnn_run_evictions", "Parts and heads evicted.", memory.evictions)
    yield CounterMetricFamily("mcdnn_run_cloud_sent", "Requests sent to the cloud.", cloud.sent)
    ends = {"answered": cloud.answered, "stood_in": cloud.stood_in, "lost": cloud.lost}
    yield _counters("cloud_requests", "What became of them.", ["end"], _plain(ends))


def _of_specializing(standing: Standing) -> Iterator[Metric]:
    special = standing.special
    yield CounterMetricFamily("mcdnn_run_special_heads", "Trained.", special.heads)
    yield CounterMetricFamily("mcdnn_run_special_entered", "Taken into use.", special.entered)
    yield CounterMetricFamily("mcdnn_run_special_left", "Left again.", special.left)
    ends = {"answered": special.answered, "passed_on": special.passed_on}
    yield _counters("special_requests", "What specialised heads did with them.", ["end"], _plain(ends))
    yield CounterMetricFamily("mcdnn_run_special_checked", "Answered by both.", special.checked)
    yield CounterMetricFamily(
        "mcdnn_run_special_multiply_adds", "Of what the device answered.", special.multiply_adds
    )
    # A gauge: a head that does not pay takes more than it saves.
    yield GaugeMetricFamily("mcdnn_run_special_saved_seconds", "Of the processor, net.", special.saved_s)


def _of_sparing(snapshot: Snapshot) -> Iterator[Metric]:
    gated = snapshot.standing.gated
    frames = (((source,), count) for source, count in gated.frames.items())
    yield _counters("frames_passed_over", "In which nothing had changed.", ["source"], frames)
    yield CounterMetricFamily("mcdnn_run_requests_passed_over", "Estimated.", gated.requests)
    # A gauge: comparing frames can take more than it saves.
    saved_j = gated.saved_j
    yield GaugeMetricFamily("mcdnn_run_passed_over_saved_joules", "Estimated, modelled, net.", saved_j)
    reused = (((a.app,), a.reused) for a in snapshot.apps)
    yield _counters("reused", "Answers that stood along a track, not requests.", ["app"], reused)
    yield CounterMetricFamily("mcdnn_run_tracks", "Things that were tracked.", snapshot.standing.tracks)


def _plain(values: Mapping[str, float]) -> Iterator[Row]:
    return (((key,), value) for key, value in values.items())


def _each(owned: Iterable[tuple[str, Mapping[str, float]]]) -> Iterator[Row]:
    return (((owner, key), value) for owner, values in owned for key, value in values.items())


def _counters(name: str, about: str, labels: list[str], rows: Iterable[Row]) -> Metric:
    return _filled(CounterMetricFamily(f"mcdnn_run_{name}", about, labels=labels), rows)


def _gauges(name: str, about: str, labels: list[str], rows: Iterable[Row]) -> Metric:
    return _filled(GaugeMetricFamily(f"mcdnn_run_{name}", about, labels=labels), rows)


def _limit(name: str, about: str, value: float) -> Metric:
    """Return a gauge that is left out where there is no limit."""
    return _gauges(name, about, [], [((), value)] if math.isfinite(value) else [])


def _filled(family: CounterMetricFamily | GaugeMetricFamily, rows: Iterable[Row]) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family
