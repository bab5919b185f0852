"""The ledger: what was granted for a period, what is reserved and what was spent.

A configuration is reserved at its worst case before it runs and settled at what it really took, so
that a period's spending exceeds its budget by no more than the estimation error of what was in
flight; that excess is the overdraft. The base load of the device is taken off a period's energy at
its start. Nothing here reads a clock: every verb is told the time. One thread owns a ledger.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from catalog.errors import BadInput
from engine.base_load import BaseLoad
from engine.energy_origin import EnergyOrigin
from engine.period import Period, format_duration
from engine.period_books import PeriodAccount, open_books
from engine.period_standing import PeriodStanding, SpentLine
from engine.reservations import Refusal, Reservation, Reservations
from engine.scheduling.problem import Budget
from engine.scheduling.unserved import ENERGY_GONE, MONEY_GONE


class Category(StrEnum):
    """What energy and money were spent on."""

    EXECUTION = "execution"
    LOADING = "loading"
    EXTRACTION = "extraction"  # decoding and finding windows
    RADIO = "radio"
    LINK = "link"  # what goes to and from a cloud beside requests
    ASSUMED = "assumed"  # what may have been spent before a crash and was not written down
    TRAINING = "training"  # heads for what is being seen
    BASE_LOAD = "base_load"  # camera and idle processor; where a meter counts, whatever else it counted


class Left(NamedTuple):
    """What is left of a period.

    A named tuple, because one is made for every request.

    Args:
        energy_j: neither spent nor held, at least 0.
        cost_usd: likewise.
        period_s: until the budget renews, expected where no moment is fixed.
    """

    energy_j: float
    cost_usd: float
    period_s: float


# Half the time of Left().
_new_left: Callable[[tuple[float, float, float]], Left] = partial(tuple.__new__, Left)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """All that was spent on one thing since the start, over all periods.

    Args:
        unsettled_j: of energy_j, what a meter's next reading will replace: it may leave this line again.
    """

    category: Category
    origin: EnergyOrigin
    energy_j: float
    cost_usd: float
    unsettled_j: float = 0.0


class Ledger:
    """Reserves, settles and reports what is spent of a budget, period by period.

    Times must not run backwards; an earlier time is taken as the latest one seen.

    Args:
        granted: per period, base load included; what policies may plan with is `budget`.
        period: when it is granted anew.
        base_w: power that the device draws whatever it does.
        carry_over: what a period leaves unspent is granted to the next as well.
        start_s: when the first period starts.
        base_origin: where base_w comes from.

    Raises:
        BadInput: the base load alone takes the whole energy budget.
    """

    def __init__(
        self,
        granted: Budget,
        period: Period,
        base_w: float = 0.0,
        carry_over: bool = False,
        start_s: float = 0.0,
        base_origin: EnergyOrigin = EnergyOrigin.MODELLED,
    ) -> None:
        self._granted = granted
        self._period = period
        self._carry_over = carry_over
        self._now_s = start_s
        self._base = BaseLoad(base_w, start_s, base_origin)
        self._books = open_books(granted, period, start_s)
        self._held = Reservations()
        self._standing_w = 0.0
        self._spent: dict[tuple[Category, EnergyOrigin], list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._metered: frozenset[Category] = frozenset()
        self._before: dict[tuple[str, str], tuple[float, float]] = {}  # when the period began
        self._left_modelled_j: dict[Category, float] = {}
        self._past_overdraft_j = self._past_overdraft_usd = 0.0
        self.renewals = 0
        if self._base_load_j() >= granted.energy_j and base_w > 0.0:
            raise BadInput(
                f"budget.energy_j = {granted.energy_j:g}: the base load of {base_w:g} W alone takes "
                f"{self._base_load_j():g} J in {format_duration(self._books.expected_s)}: "
                "grant more energy or a shorter period"
            )

    @property
    def budget(self) -> Budget:
        """What may be planned with in the current period: what was granted less the base load."""
        left_j = max(0.0, self._books.energy_j - self._base_load_j())
        return replace(
            self._granted, energy_j=left_j, cost_usd=self._books.cost_usd, period_s=self._books.expected_s
        )

    def reserve(self, energy_j: float, cost_usd: float, now: float) -> Reservation | Refusal:
        """Hold the worst case of something that is about to run, or refuse."""
        if now > self._now_s:
            self._advance(now)
        free_j, free_usd, _ = self._free()
        if energy_j > free_j:
            return Refusal(ENERGY_GONE)
        if cost_usd > free_usd:
            return Refusal(MONEY_GONE)
        return self._held.hold(energy_j, cost_usd)

    def hold_back(self, power_w: float) -> None:
        """Keep, for the rest of the period, the energy of work that goes on whatever is chosen.

        Frames are decoded and searched for windows even when no app can be served any more, so
        that requests are counted; what that takes is never offered to a policy.
        """
        self._standing_w = power_w

    def settle(
        self,
        reservation: Reservation,
        energy_j: float,
        now: float,
        cost_usd: float = 0.0,
        category: Category = Category.EXECUTION,
        origin: EnergyOrigin = EnergyOrigin.MODELLED,
    ) -> None:
        """Let go of a reservation and book what was really spent; 0 J where nothing ran.

        What is in flight when a period ends is settled in the next one.

        Raises:
            KeyError: it was settled before.
        """
        self._held.let_go(reservation)
        self.charge(category, energy_j, now, cost_usd, origin)

    def charge(
        self,
        category: Category,
        energy_j: float,
        now: float,
        cost_usd: float = 0.0,
        origin: EnergyOrigin = EnergyOrigin.MODELLED,
    ) -> None:
        """Book what was spent without a reservation, or beside one (radio beside execution).

        Raises:
            ValueError: an amount that is negative or not a number.
        """
        if not (energy_j >= 0.0 and cost_usd >= 0.0):
            raise ValueError(f"{category}: {energy_j} J, {cost_usd} USD: expected at least 0")
        if now > self._now_s:
            self._advance(now)
        books = self._books
        books.work_j += energy_j
        books.spent_usd += cost_usd
        line = self._spent[category, origin]
        line[0] += energy_j
        line[1] += cost_usd

    def begin_readings(self, seen: Collection[Category], now: float) -> None:
        """Expect readings of a meter that counts from now on; what was charged before stays modelled.

        Args:
            seen: categories that the meter sees; the others stay modelled.
        """
        self.end_readings(now)
        self._metered = frozenset(seen)

    def end_readings(self, now: float) -> None:
        """Leave at the model what it charged since the last reading: no meter stood behind it."""
        if now > self._now_s:
            self._advance(now)
        self._metered = frozenset()
        self._base.book_expected(self._now_s)
        for (category, origin), (energy_j, _) in self._spent.items():
            if origin is EnergyOrigin.MODELLED:
                self._left_modelled_j[category] = energy_j

    def unsettled_j(self) -> float:
        """Return what the model charged since the last reading, base load left out."""
        return math.fsum(self._since_reading_j().values())

    def book_reading(self, counted_j: float, now: float, beside_w: float, expected_w: float) -> None:
        """Replace what the model charged since the last reading by what a meter counted.

        What it counted beyond the charges is base load. Where it counted less than was charged, the
        charges are scaled down to it, and there was no base load.

        Args:
            counted_j: since the last reading, or since readings began.
            now: when it was read.
            beside_w: base load that it does not see.
            expected_w: base load from now on, beside_w included.
        """
        if now > self._now_s:
            self._advance(now)
        charged = self._since_reading_j()
        charged_j = math.fsum(charged.values())
        share = min(1.0, counted_j / charged_j) if charged_j > 0.0 else 0.0
        for category, energy_j in charged.items():
            self._spent[category, EnergyOrigin.MODELLED][0] -= energy_j
            self._spent[category, EnergyOrigin.MEASURED][0] += share * energy_j
        self._books.work_j -= (1.0 - share) * charged_j
        self._base.book_measured(max(0.0, counted_j - charged_j), beside_w, self._now_s)
        self._base.power_w = expected_w

    def renew(self, now: float) -> None:
        """End the current period now: the battery reports that it is charging."""
        self._advance(now)
        self._renew(self._now_s)

    def standing(self, now: float) -> PeriodStanding:
        """Return what another ledger needs to go on with this period; what is held is not in it."""
        self._advance(now)
        books, before = self._books, self._before
        keys = dict.fromkeys([*before, *self._spent])
        lines = []
        for category, origin in keys:
            energy_j, usd = self._spent.get((Category(category), EnergyOrigin(origin)), (0.0, 0.0))
            earlier_j, earlier_usd = before.get((category, origin), (0.0, 0.0))
            lines.append(SpentLine(category, origin, energy_j - earlier_j, usd - earlier_usd))
        passed_s = self._now_s - books.start_s
        return PeriodStanding(
            passed_s,
            books.carried_j,
            books.carried_usd,
            self._base.period_j(passed_s),
            books.work_j,
            books.spent_usd,
            tuple(line for line in lines if line.energy_j or line.cost_usd),
        )

    def resume(self, standing: PeriodStanding, away_s: float) -> bool:
        """Go on with a period that another ledger began, or begin one where that is over meanwhile.

        What it left unspent is then carried over where that is wanted; periods that nobody was there for
        bring nothing. Called before anything is spent.

        Args:
            standing: of the other ledger.
            away_s: since then.

        Returns:
            Whether the period goes on.
        """
        now = self._now_s
        start_s = now - standing.elapsed_s - away_s
        books = self._books = open_books(
            self._granted, self._period, start_s, standing.carried_j, standing.carried_usd
        )
        books.work_j, books.spent_usd = standing.work_j, standing.spent_usd
        self._base.resume_period(start_s, standing.base_j + self._base.power_w * away_s)
        self._before = {(li.category, li.origin): (-li.energy_j, -li.cost_usd) for li in standing.lines}
        if books.end_s > now:
            return True
        self._renew(now)
        return False

    def regrant(self, granted: Budget, period: Period, carry_over: bool, now: float) -> None:
        """Take another budget; what was spent in the current period stays spent, and when it began."""
        self._advance(now)
        self._granted, self._period, self._carry_over = granted, period, carry_over
        self._books.regrant(granted, period)
        self._advance(now)

    def left(self, now: float) -> Left:
        """Return what is left of the period; the figures of the three verbs below, at once."""
        if now > self._now_s:
            self._advance(now)
        energy_j, cost_usd, left_s = self._free()
        return _new_left((energy_j if energy_j > 0.0 else 0.0, cost_usd if cost_usd > 0.0 else 0.0, left_s))

    def held_back_j(self, now: float) -> float:
        """Return what is kept, of this period's energy, for work that goes on whatever is chosen."""
        self._advance(now)
        return self._standing_w * self._books.left_s(self._now_s)

    def energy_left_j(self, now: float) -> float:
        """Return the energy of this period that is neither spent nor held, at least 0."""
        self._advance(now)
        return max(0.0, self._free()[0])

    def cost_left_usd(self, now: float) -> float:
        """Return the money of this period that is neither spent nor held, at least 0."""
        self._advance(now)
        return max(0.0, self._free()[1])

    def period_left_s(self, now: float) -> float:
        """Return the time until the budget renews, expected where no moment is fixed."""
        self._advance(now)
        return self._books.left_s(self._now_s)

    def renewal(self, now: float) -> str:
        """Say when the budget renews: "in 3 h 20 min" or "when the battery is charged"."""
        self._advance(now)
        if self._books.end_s == math.inf:
            return "when the battery is charged"
        return f"in {format_duration(self._books.end_s - self._now_s)}"

    def account(self, now: float) -> PeriodAccount:
        """Return what the current period was granted and has taken."""
        self._advance(now)
        books = self._books
        return books.account(self._base.period_j(self._now_s - books.start_s), self._now_s)

    def overdraft_j(self, now: float) -> float:
        """Return the energy spent beyond the budgets of all periods so far."""
        self._advance(now)
        return self._past_overdraft_j + self._books.overdrawn_j(self._base_load_j())

    def overdraft_usd(self, now: float) -> float:
        """Return the money spent beyond the budgets of all periods so far."""
        self._advance(now)
        return self._past_overdraft_usd + self._books.overdrawn_usd()

    def lines(self, now: float) -> tuple[LedgerLine, ...]:
        """Return what was spent since the start by category and origin; base load up to now."""
        self._advance(now)
        unsettled = self._since_reading_j()
        return (
            *(
                LedgerLine(c, o, j, usd, unsettled.get(c, 0.0) if o is EnergyOrigin.MODELLED else 0.0)
                for (c, o), (j, usd) in self._spent.items()
            ),
            *self._base_lines(),
        )

    def _base_lines(self) -> Iterator[LedgerLine]:
        unbooked_j = self._base.unbooked_j(self._now_s) if self._metered else 0.0
        for origin, energy_j in self._base.by_origin_j(self._now_s).items():
            unsettled_j = unbooked_j if origin is self._base.origin else 0.0
            yield LedgerLine(Category.BASE_LOAD, origin, energy_j, 0.0, unsettled_j)

    def _since_reading_j(self) -> dict[Category, float]:
        return {
            category: energy_j - self._left_modelled_j.get(category, 0.0)
            for (category, origin), (energy_j, _) in self._spent.items()
            if origin is EnergyOrigin.MODELLED and category in self._metered
        }

    def _advance(self, now: float) -> None:
        while now >= self._books.end_s:
            self._now_s = self._books.end_s  # a period pays no base load beyond its end
            self._renew(self._now_s)
        if now > self._now_s:
            self._now_s = now

    def _renew(self, at_s: float) -> None:
        books = self._books
        self._past_overdraft_j += books.overdrawn_j(self._base_load_j())
        self._past_overdraft_usd += books.overdrawn_usd()
        unspent = books.unspent(self._base.period_j(at_s - books.start_s)) if self._carry_over else (0.0, 0.0)
        self._books = open_books(self._granted, self._period, at_s, *unspent)
        self._before = {key: (line[0], line[1]) for key, line in self._spent.items()}
        self._base.begin_period(at_s)
        self.renewals += 1

    def _base_load_j(self) -> float:
        """Return this period's base load, the part still to come included."""
        return self._base.period_j(self._books.length_s(self._now_s))

    def _free(self) -> tuple[float, float, float]:
        """Return the energy and the money that are neither spent nor held, and the time that is left."""
        books, held = self._books, self._held
        left_s = books.left_s(self._now_s)
        held_j = held.energy_j + self._standing_w * left_s
        free_j = books.energy_j - self._base_load_j() - books.work_j - held_j
        return free_j, books.cost_usd - books.spent_usd - held.cost_usd, left_s
