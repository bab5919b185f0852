"""A simulated device's accounts: the engine's ledger, with or without admission."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.ledger import Category, Ledger, Left
from engine.period import ChargePeriod, FixedPeriod, Period
from engine.reservations import Refusal, Reservation
from engine.scheduling.problem import Budget, Problem
from sim.observing import Observer

_ROUNDING = 1e-9  # of a budget

Hold = Callable[[float, float, float], Reservation | Refusal | None]


class Accounts:
    """Holds, settles and charges, and knows since when a budget is exhausted.

    Args:
        problem: its budget is granted each period.
        observer: told what is charged.
        admission: False to hold nothing and refuse nothing: what is chosen is charged, whatever is left.
    """

    def __init__(self, problem: Problem, observer: Observer, admission: bool) -> None:
        self.budget = problem.budget
        self._observer = observer
        self.ledger = Ledger(problem.budget, _period(problem.budget.period_s))
        self.ledger.hold_back(problem.frames_hz * problem.frame_energy_j)
        # Reserves the worst case (energy_j, cost_usd, now), or refuses; None where nothing has to be held.
        self.hold: Hold = self.ledger.reserve if admission else _hold_nothing
        self._renewals = 0
        self.period_ends_s = 0.0  # when renewed has to be asked at the latest
        self._past_j = self._past_usd = 0.0
        self._surely_j = self._surely_usd = 0.0  # left of the budgets at least
        self.exhausted_s: float | None = None

    def left(self, now: float) -> Left:
        """Return what is left of the budgets, reservations taken off."""
        left = self.ledger.left(now)
        self._surely_j, self._surely_usd = left.energy_j, left.cost_usd
        return left

    def settle(
        self,
        held: Reservation | None,
        energy_j: float,
        now: float,
        cost_usd: float = 0.0,
        category: Category = Category.EXECUTION,
    ) -> None:
        """Let go of what was held and charge what was really spent."""
        if held is None:
            self.ledger.charge(category, energy_j, now, cost_usd)
        else:
            self.ledger.settle(held, energy_j, now, cost_usd, category)
        self._surely_j -= energy_j
        self._surely_usd -= cost_usd
        self._observer.spent(now, category, energy_j, cost_usd)

    def renewed(self, now: float) -> Budget | None:
        """Return the budget of a period that has begun since the last call; None where none has."""
        if now < self.period_ends_s:
            return None
        ledger = self.ledger
        self.period_ends_s = now + ledger.period_left_s(now)
        if ledger.renewals == self._renewals:
            return None
        self._renewals = ledger.renewals
        self._past_j, self._past_usd = ledger.overdraft_j(now), ledger.overdraft_usd(now)
        return ledger.budget

    def is_exhausted(self, now: float) -> bool:
        """Tell whether more than a budget of this period was spent."""
        if self._surely_j > 0.0 and self._surely_usd > 0.0:
            return False
        left = self.left(now)
        if (left.energy_j > 0.0 and left.cost_usd > 0.0) or self.ledger.renewals != self._renewals:
            return False
        over_j = self.ledger.overdraft_j(now) - self._past_j
        over_usd = self.ledger.overdraft_usd(now) - self._past_usd
        if over_j <= _ROUNDING * self.budget.energy_j and over_usd <= _ROUNDING * self.budget.cost_usd:
            return False
        if self.exhausted_s is None:
            self.exhausted_s = now
        return True


def _hold_nothing(energy_j: float, cost_usd: float, now: float) -> None:  # noqa: ARG001 - see Accounts.hold
    return None


def _period(period_s: float) -> Period:
    """Return periods of a length; one that never ends where it is infinite."""
    return FixedPeriod(period_s) if math.isfinite(period_s) else ChargePeriod()
