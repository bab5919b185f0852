"""A run's metrics, read as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.capture import SourceFigures
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
)
STANDING = Standing(
    budget=BudgetFigures(energy_j=100.0, energy_left_j=40.0),
    memory=MemoryFigures(used_bytes=2_000_000, loads=5, evictions=1),
    cloud=CloudFigures(sent=3, answered=2, stood_in=1),
    sources=(SourceFigures("door.mp4", read=30, taken=25, dropped={"too slow": 5}),),
    special=SpecialFigures(heads=2, entered=3, left=1, answered=7, saved_s=-0.5),
)


def samples(snapshot: Snapshot) -> dict[tuple[str, ...], float]:
    """Values by name and labels, those in the order of their names."""
    text = generate_latest(RunMetrics(lambda: snapshot).registry).decode()
    return {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_every_figure_of_a_run_is_there_under_its_name() -> None:
    found = samples(Snapshot(apps=(WHO,), standing=STANDING))
    expected = {
        ("mcdnn_requests_total", "who"): 10,
        ("mcdnn_served_total", "who"): 8,
        ("mcdnn_unserved_total", "who", "energy budget gone"): 2,
        ("mcdnn_answers_total", "who", "wide/identity"): 8,
        ("mcdnn_answers_by_place_total", "who", "cloud"): 2,
        ("mcdnn_app_energy_joules_total", "who", "modelled"): 3.5,
        ("mcdnn_latency_p95_seconds", "who"): 0.25,
        ("mcdnn_frames_read_total", "door.mp4"): 30,
        ("mcdnn_frames_processed_total", "door.mp4"): 25,
        ("mcdnn_frames_dropped_total", "too slow", "door.mp4"): 5,
        ("mcdnn_energy_left_joules",): 40.0,
        ("mcdnn_model_bytes",): 2e6,
        ("mcdnn_evictions_total",): 1,
        ("mcdnn_cloud_requests_total", "stood_in"): 1,
        ("mcdnn_special_heads_total",): 2,
        ("mcdnn_special_requests_total", "answered"): 7,
        ("mcdnn_special_saved_seconds",): -0.5,
    }
    assert {key: found.get(key) for key in expected} == expected


def test_what_has_no_limit_is_left_out() -> None:
    names = {key[0] for key in samples(Snapshot())}
    assert "mcdnn_energy_left_joules" not in names
    assert "mcdnn_cost_left_usd" not in names
    assert "mcdnn_overdraft_joules" in names
