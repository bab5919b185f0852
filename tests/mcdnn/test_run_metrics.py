"""A run's metrics, read as Prometheus reads them."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.capture import SourceFigures
from engine.energy_origin import EnergyOrigin
from engine.gating.standing_answers import GateFigures
from engine.ledger import Category, LedgerLine
from engine.meter_figures import MeterFigures
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import (
    AppFigures,
    BudgetFigures,
    CloudFigures,
    MemoryFigures,
    Snapshot,
    SpecialFigures,
    Standing,
)
from mcdnn.run_metrics import RunMetrics

WHO = AppFigures(
    "who",
    requests=10,
    served=8,
    unserved={"energy budget gone": 2},
    latency_p95_s=0.25,
    energy_j={"modelled": 3.5},
    variants={"wide/identity": 8},
    places={"device": 6, "cloud": 2},
    reused=6,
)
STANDING = Standing(
    spent=(
        LedgerLine(Category.EXECUTION, EnergyOrigin.MODELLED, 4.0, 0.0, unsettled_j=0.5),
        LedgerLine(Category.RADIO, EnergyOrigin.MODELLED, 0.0, 0.25),
    ),
    budget=BudgetFigures(
        100.0,
        40.0,
        2.0,
        1.5,
        60.0,
        "",
        overdraft_j=0.5,
        overdraft_usd=0.125,
        spent_j=45.0,
        spent_usd=0.5,
        period_s=90.0,
    ),
    memory=MemoryFigures(2_000_000, 3_000_000, 4_000_000, loads=5, evictions=1),
    sinks=(
        SinkFigures(
            "hook", 29, 12, {"the sink was too slow": 9}, 5, 7, 4, frames_dropped=4, retries=3, trouble="away"
        ),
    ),
    cloud=CloudFigures(sent=3, answered=2, stood_in=1),
    sources=(SourceFigures("door.mp4", read=30, taken=25, dropped={"too slow": 5}),),
    meter=MeterFigures("rapl", "processor packages", 9.0, 2.0, 1.25, None, "it has gone", 12.0, 3),
    special=SpecialFigures(
        heads=2, entered=3, left=1, answered=7, passed_on=6, checked=5, saved_s=-0.5, multiply_adds=8_000
    ),
    gated=GateFigures({"door.mp4": 9}, 12.5, -0.25),
    tracks=3,
)
EXPECTED: dict[tuple[str, ...], float] = {
    ("requests_total", "who"): 10,
    ("served_total", "who"): 8,
    ("unserved_total", "who", "energy budget gone"): 2,
    ("answers_total", "who", "wide/identity"): 8,
    ("answers_by_place_total", "who", "device"): 6,
    ("answers_by_place_total", "who", "cloud"): 2,
    ("app_energy_joules_total", "who", "modelled"): 3.5,
    ("latency_p95_seconds", "who"): 0.25,
    ("frames_read_total", "door.mp4"): 30,
    ("frames_processed_total", "door.mp4"): 25,
    ("source_gives", "door.mp4"): 1,
    ("frames_dropped_total", "too slow", "door.mp4"): 5,
    ("frames_dropped_by_sink_total", "hook"): 4,
    ("sink_accepted_total", "hook"): 29,
    ("sink_recovered_total", "hook"): 4,
    ("sink_delivered_total", "hook"): 12,
    ("sink_dropped_total", "the sink was too slow", "hook"): 9,
    ("sink_retries_total", "hook"): 3,
    ("sink_waiting", "hook"): 5,
    ("sink_spooled", "hook"): 7,
    ("sink_delivers", "hook"): 0,
    ("energy_joules_total", "execution", "modelled"): 3.5,
    ("energy_joules_total", "radio", "modelled"): 0.0,
    ("meter_counts", "rapl"): 0,
    ("meter_joules_total", "rapl"): 9.0,
    ("meter_others_joules_total", "rapl"): 2.0,
    ("meter_failures_total", "rapl"): 3,
    ("meter_factor", "rapl"): 1.25,
    ("cost_usd_total", "radio"): 0.25,
    ("energy_budget_joules",): 100.0,
    ("energy_left_joules",): 40.0,
    ("cost_budget_usd",): 2.0,
    ("cost_left_usd",): 1.5,
    ("period_spent_joules",): 45.0,
    ("period_spent_usd",): 0.5,
    ("period_seconds",): 90.0,
    ("period_left_seconds",): 60.0,
    ("overdraft_joules",): 0.5,
    ("overdraft_usd",): 0.125,
    ("model_bytes",): 2e6,
    ("model_limit_bytes",): 4e6,
    ("loads_total",): 5,
    ("evictions_total",): 1,
    ("cloud_sent_total",): 3,
    ("cloud_requests_total", "answered"): 2,
    ("cloud_requests_total", "stood_in"): 1,
    ("cloud_requests_total", "lost"): 0,
    ("special_heads_total",): 2,
    ("special_entered_total",): 3,
    ("special_left_total",): 1,
    ("special_requests_total", "answered"): 7,
    ("special_requests_total", "passed_on"): 6,
    ("special_checked_total",): 5,
    ("special_saved_seconds",): -0.5,
    ("special_multiply_adds_total",): 8_000,
    ("frames_passed_over_total", "door.mp4"): 9,
    ("requests_passed_over_total",): 12.5,
    ("passed_over_saved_joules",): -0.25,
    ("reused_total", "who"): 6,
    ("tracks_total",): 3,
}


@dataclass
class Told:
    latest: Snapshot


def samples(metrics: RunMetrics) -> dict[tuple[str, ...], float]:
    """Values by name and labels, those in the order of their names."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        (s.name.removeprefix("mcdnn_run_"), *s.labels.values()): s.value for f in families for s in f.samples
    }


def test_every_figure_of_a_run_is_there_under_its_name() -> None:
    metrics = RunMetrics()
    metrics.follow(Told(Snapshot(apps=(WHO,), standing=STANDING)))
    assert samples(metrics) == EXPECTED


def test_what_has_no_limit_is_left_out() -> None:
    names = {key[0] for key in samples(RunMetrics())}
    assert names.isdisjoint({"energy_left_joules", "cost_left_usd", "model_limit_bytes"})
    assert {"overdraft_joules", "model_bytes"} <= names
