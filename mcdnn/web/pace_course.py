"""Spending against an even pace through the period, over time, in a bounded number of points."""

from __future__ import annotations

import math
from typing import Any

from engine.snapshot import BudgetFigures

_MOST_POINTS = 240
_FIRST_INTERVAL_S = 1.0


class PaceCourse:
    """Follows one period of the budget after another; of each, points at a regular interval.

    Whenever there are too many points, every second one goes.
    """

    def __init__(self) -> None:
        self._points: list[tuple[float, float, float]] = []  # passed_s, spent_j, spent_usd
        self._renewals = -1
        self._interval_s = _FIRST_INTERVAL_S
        self._next_s = -math.inf

    def add(self, t_s: float, budget: BudgetFigures) -> None:
        """Take the figures of a moment, if it is time for a point."""
        if budget.renewals != self._renewals:
            self._begin(budget.renewals)
        if t_s < self._next_s:
            return
        self._points.append((passed_s(budget, t_s), budget.spent_j, budget.spent_usd))
        if len(self._points) > _MOST_POINTS:
            self._points = self._points[::2]
            self._interval_s *= 2.0
        self._next_s = t_s + self._interval_s

    def told(self, budget: BudgetFigures) -> dict[str, Any]:
        """Return the points of the current period, and where an even pace would lead."""
        return {
            "period_s": _limit(budget.period_s),
            "energy_j": _limit(budget.energy_j),
            "cost_usd": _limit(budget.cost_usd),
            "passed_s": [p[0] for p in self._points],
            "spent_j": [p[1] for p in self._points],
            "spent_usd": [p[2] for p in self._points],
        }

    def _begin(self, renewals: int) -> None:
        self._renewals = renewals
        self._points = []
        self._interval_s = _FIRST_INTERVAL_S
        self._next_s = -math.inf


def passed_s(budget: BudgetFigures, t_s: float) -> float:
    """Return how much of a period is over; before a budget is known, all of the run."""
    if not math.isfinite(budget.period_s):
        return t_s
    return max(0.0, budget.period_s - budget.period_left_s)


def _limit(value: float) -> float | None:
    return value if math.isfinite(value) else None
