"""One budget period's books: what it was granted, how long it lasts and what it has taken.

The base load is kept elsewhere, over all periods (see engine.base_load); what depends on it is told it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from engine.period import Period
from engine.scheduling.problem import Budget

_LEAST_SHARE_LEFT = 0.1  # of an expected length, while a period outlasts it


class PeriodAccount(NamedTuple):
    """What one period was granted and has taken so far.

    Args:
        granted_j: base load and what was carried over included; inf without a limit.
        granted_usd: likewise.
        spent_j: base load up to now included.
        spent_usd: settled.
        length_s: expected where no end is fixed, and no less than what has passed.
    """

    granted_j: float
    granted_usd: float
    spent_j: float
    spent_usd: float
    length_s: float


@dataclass(slots=True)
class PeriodBooks:
    """Kept by one ledger, which charges work_j and spent_usd.

    Args:
        end_s: inf where only an event ends it.
        expected_s: how long it is expected to last.
        energy_j: granted, with what was carried over.
        cost_usd: likewise.
        carried_j: of energy_j, what was carried over.
        carried_usd: likewise.
        work_j: settled, base load excluded.
        spent_usd: settled.
    """

    start_s: float
    end_s: float
    expected_s: float
    energy_j: float
    cost_usd: float
    carried_j: float
    carried_usd: float
    work_j: float = 0.0
    spent_usd: float = 0.0

    def regrant(self, granted: Budget, period: Period) -> None:
        """Take another budget; what was spent stays spent, and when it began."""
        self.energy_j = granted.energy_j + self.carried_j
        self.cost_usd = granted.cost_usd + self.carried_usd
        self.end_s = period.end_s(self.start_s)
        self.expected_s = period.expected_s(self.start_s)

    def length_s(self, now: float) -> float:
        """Return how long it lasts: as expected, or as long as it has lasted where that is more."""
        passed_s = now - self.start_s
        return self.expected_s if passed_s < self.expected_s else passed_s

    def left_s(self, now: float) -> float:
        """Return the time until its end; where none is fixed, what is expected, which never comes to 0."""
        if self.end_s < math.inf:
            return self.end_s - now
        return max(_LEAST_SHARE_LEFT * self.expected_s, self.expected_s - (now - self.start_s))

    def account(self, base_j: float, now: float) -> PeriodAccount:
        """Return what it was granted and has taken.

        Args:
            base_j: its base load up to now.
        """
        spent_j = self.work_j + base_j
        return PeriodAccount(self.energy_j, self.cost_usd, spent_j, self.spent_usd, self.length_s(now))

    def overdrawn_j(self, base_j: float) -> float:
        """Return the energy that it takes beyond what it was granted.

        Args:
            base_j: its base load up to its end.
        """
        return max(0.0, self.work_j + base_j - self.energy_j)

    def overdrawn_usd(self) -> float:
        """Return the money that it took beyond what it was granted."""
        return max(0.0, self.spent_usd - self.cost_usd)

    def unspent(self, base_j: float) -> tuple[float, float]:
        """Return the energy and the money that can be carried over: no debt, nothing of what is unlimited.

        Args:
            base_j: its base load up to now.
        """
        return _unspent(self.energy_j - base_j - self.work_j), _unspent(self.cost_usd - self.spent_usd)


def open_books(
    granted: Budget, period: Period, start_s: float, carried_j: float = 0.0, carried_usd: float = 0.0
) -> PeriodBooks:
    """Begin a period.

    Args:
        carried_j: granted beside the budget, from the period before.
        carried_usd: likewise.
    """
    return PeriodBooks(
        start_s,
        period.end_s(start_s),
        period.expected_s(start_s),
        granted.energy_j + carried_j,
        granted.cost_usd + carried_usd,
        carried_j,
        carried_usd,
    )


def _unspent(left: float) -> float:
    return max(0.0, left) if math.isfinite(left) else 0.0
