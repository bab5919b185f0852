"""What specialising saves in the live engine: one row for each order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.report import Row
from benchmarks.specialization_cases import Order
from benchmarks.specialization_catalogs import Shown
from benchmarks.specialization_live import Lived, both_ways
from benchmarks.specialization_measured import gained_error_pct
from engine.ledger import Category


def live_rows(group: str, shown: Shown, orders: Sequence[Order]) -> list[Row]:
    """Compare both ways on each order."""
    return [_row(group, shown, order) for order in orders]


def _row(group: str, shown: Shown, order: Order) -> Row:
    """Return medians over the seeds, of accuracies means."""
    lives = [both_ways(shown, order, seed) for seed in range(order.seeds)]
    with_heads = [_times_less(*both, Category.TRAINING) for both in lives]
    specials = [lived.snapshot.standing.special for _, lived in lives]
    windows = len(lives[0][0].right)
    return {
        "group": group,
        "order": order.name,
        "pace": "real" if order.real else "fast",
        "seeds": order.seeds,
        "windows": windows,
        "times_less": float(np.median([_times_less(*both) for both in lives])),
        "with_heads": float(np.median(with_heads)),
        "with_heads_least": min(with_heads),
        "with_heads_most": max(with_heads),
        "operations_less": float(np.median([lived.macs / other.macs for lived, other in lives])),
        "accuracy_pct": 100.0 * float(np.mean([lived.right for _, lived in lives])),
        "generic_accuracy_pct": 100.0 * float(np.mean([lived.right for lived, _ in lives])),
        "gained_error_pct": gained_error_pct([(lived.right, other.right) for other, lived in lives]),
        "answered_alone_pct": 100.0 * float(np.mean([s.answered / windows for s in specials])),
        "passed_on_pct": 100.0 * float(np.mean([s.passed_on / windows for s in specials])),
        "checked_pct": 100.0 * float(np.mean([s.checked / windows for s in specials])),
        "heads": float(np.median([s.heads for s in specials])),
        "entered": float(np.median([s.entered for s in specials])),
        "first_entered_s": _median(_first_entered_s(lived) for _, lived in lives),
        "p95_ms": _median(_p95_ms(lived) for _, lived in lives),
        "generic_p95_ms": _median(_p95_ms(lived) for lived, _ in lives),
    }


def _times_less(without: Lived, with_heads: Lived, *further: Category) -> float:
    return without.spent_j(Category.EXECUTION) / with_heads.spent_j(Category.EXECUTION, *further)


def _first_entered_s(lived: Lived) -> float | None:
    return next((t for t, note in lived.notes if "specialised" in note), None)


def _p95_ms(lived: Lived) -> float | None:
    p95_s = lived.snapshot.apps[0].latency_p95_s
    return None if p95_s is None else 1e3 * p95_s


def _median(figures: Iterable[float | None]) -> float | None:
    known = [f for f in figures if f is not None]
    return float(np.median(known)) if known else None
