"""What one budget period has taken so far, as a value that outlives the ledger."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpentLine:
    """What was spent on one thing; see engine.ledger.LedgerLine."""

    category: str
    origin: str
    energy_j: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class PeriodStanding:
    """A period at one moment.

    Args:
        elapsed_s: since it began.
        carried_j: granted beside the budget, from the period before.
        carried_usd: likewise.
        base_j: base load up to now.
        work_j: settled, base load excluded.
        spent_usd: settled.
        lines: what work_j and spent_usd consist of.
    """

    elapsed_s: float
    carried_j: float = 0.0
    carried_usd: float = 0.0
    base_j: float = 0.0
    work_j: float = 0.0
    spent_usd: float = 0.0
    lines: tuple[SpentLine, ...] = ()
