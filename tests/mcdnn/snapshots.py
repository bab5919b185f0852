"""A snapshot with figures in every corner, for tests of what shows it."""

from __future__ import annotations

from engine.capture import CaptureCounts
from engine.energy_origin import EnergyOrigin
from engine.ledger import Category, LedgerLine
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import AppFigures, BudgetFigures, MemoryFigures, Snapshot, Standing
from engine.truth import TruthCounts


def app_figures(app: str) -> AppFigures:
    """Return an app with 100 requests, 90 served, 72 right of 80 known."""
    return AppFigures(
        app,
        requests=100,
        served=90,
        unserved={"late": 4, "energy budget gone": 6},
        known=80,
        correct=72,
        latency_mean_s=0.00125,
        latency_p95_s=0.0032,
        energy_j={"modelled": 0.0125},
        variants={"large/who": 60, "small/who": 34},
        variant="small/who",
    )


def full_snapshot() -> Snapshot:
    """Return a run of two apps that used something of everything."""
    modelled = EnergyOrigin.MODELLED
    return Snapshot(
        24.0,
        12.5,
        360,
        (app_figures("who"), app_figures("parity [odd]")),
        Standing(
            CaptureCounts(read=372, taken=365, dropped=5, left=2),
            TruthCounts(present=100, found=95, false_windows=3, frames=360),
            (
                LedgerLine(Category.EXECUTION, modelled, 4.0, 0.0),
                LedgerLine(Category.BASE_LOAD, modelled, 24.0, 0.0),
            ),
            BudgetFigures(energy_j=60.0, energy_left_j=12.25, period_left_s=3.0, renewal="in 3 s"),
            MemoryFigures(used_bytes=3_000_000, peak_bytes=4_000_000, limit_bytes=8e6, loads=7, evictions=3),
            (SinkFigures("video out.mp4", 200, 191, {"the sink was too slow": 9}, frames_dropped=2),),
        ),
    )
