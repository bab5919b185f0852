"""Reads how a run stands from the owners of its state; called by the engine's thread alone."""

from __future__ import annotations

from typing import Protocol

from engine.answering import Answerer
from engine.capture import CaptureCounts, SourceFigures
from engine.gating.standing_answers import NOTHING_PASSED_OVER, GateFigures
from engine.ledger import Ledger
from engine.meter_figures import NO_METER, MeterFigures
from engine.runtime.loading import PieceMemory
from engine.scheduling.problem import Budget
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import BudgetFigures, MemoryFigures, Standing
from engine.succession import Succession
from engine.truth import TruthCounts


class CountedFeed(Protocol):
    """Counts the frames of one source or several."""

    def counts(self) -> CaptureCounts:
        """Return how many frames went where."""

    def figures(self) -> tuple[SourceFigures, ...]:
        """Return the same for every source."""


def read_standing(
    capture: CountedFeed,
    truth: TruthCounts,
    ledger: Ledger,
    granted: Budget,
    memory: PieceMemory,
    answerer: Answerer | Succession,
    now: float,
    sinks: tuple[SinkFigures, ...] = (),
    meter: MeterFigures = NO_METER,
    gated: GateFigures = NOTHING_PASSED_OVER,
    tracks: int = 0,
) -> Standing:
    """Return frames, recall, spending, budget and memory as they are now.

    Args:
        granted: says how much memory may be held.
        now: time on the source's clock.
        sinks: what became of the results.
        meter: of energy.
        gated: frames that were passed over.
        tracks: things that were tracked.
    """
    period = ledger.account(now)
    return Standing(
        capture.counts(),
        truth,
        ledger.lines(now),
        BudgetFigures(
            period.granted_j,
            ledger.energy_left_j(now),
            period.granted_usd,
            ledger.cost_left_usd(now),
            ledger.period_left_s(now),
            ledger.renewal(now),
            ledger.overdraft_j(now),
            ledger.overdraft_usd(now),
            period.spent_j,
            period.spent_usd,
            period.length_s,
            ledger.renewals,
        ),
        MemoryFigures(
            memory.used_bytes,
            memory.peak_bytes,
            granted.memory_bytes,
            answerer.loads,
            answerer.evictions,
        ),
        sinks,
        answerer.cloud_figures,
        capture.figures(),
        answerer.special_figures,
        meter,
        gated,
        tracks,
    )
