"""A period that one ledger began and another goes on with, and budgets that change in its middle."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.energy_origin import EnergyOrigin
from engine.ledger import Category, Ledger
from engine.period import ChargePeriod, DailyPeriod, FixedPeriod, Period
from engine.period_standing import PeriodStanding, SpentLine
from engine.scheduling.problem import Budget


def ledger_of(
    energy_j: float = 100.0, period: Period | None = None, base_w: float = 1.0, carry_over: bool = False
) -> Ledger:
    return Ledger(Budget(energy_j=energy_j, cost_usd=1.0), period or FixedPeriod(10.0), base_w, carry_over)


def test_a_restart_goes_on_with_what_is_left() -> None:
    first = ledger_of()
    first.charge(Category.EXECUTION, 20.0, 4.0, 0.25)
    first.charge(Category.RADIO, 5.0, 4.0)
    second = ledger_of()
    assert second.resume(first.standing(4.0), away_s=2.0)
    assert second.left(0.0) == (65.0, 0.75, 4.0)
    second.charge(Category.EXECUTION, 1.0, 1.0)
    assert second.standing(1.0).lines == (
        SpentLine("execution", "modelled", 21.0, 0.25),
        SpentLine("radio", "modelled", 5.0, 0.0),
    )
    assert [line.energy_j for line in second.lines(1.0)] == [1.0, 1.0]  # of this run: work, and base load


def test_after_its_end_a_period_is_renewed_once_with_nothing_for_the_time_between() -> None:
    first = ledger_of(carry_over=True)
    first.charge(Category.EXECUTION, 20.0, 4.0)
    second = ledger_of(carry_over=True)
    assert not second.resume(first.standing(4.0), away_s=1e9)
    assert second.renewals == 1
    left_j = 100.0 - 20.0 - 4.0 - 1e9
    assert second.energy_left_j(0.0) == pytest.approx(90.0 + max(0.0, left_j))
    assert second.period_left_s(0.0) == 10.0
    assert second.standing(0.0).lines == ()


def test_what_was_unspent_is_carried_over_a_short_absence() -> None:
    first = ledger_of(base_w=0.0, carry_over=True)
    first.charge(Category.EXECUTION, 30.0, 4.0)
    second = ledger_of(base_w=0.0, carry_over=True)
    assert not second.resume(first.standing(4.0), away_s=6.0)
    assert second.energy_left_j(0.0) == 170.0
    third = ledger_of(base_w=0.0, carry_over=True)
    assert third.resume(second.standing(1.0), away_s=1.0)
    assert third.energy_left_j(0.0) == 170.0


def test_a_day_ends_at_its_hour_whoever_was_away() -> None:
    day = DailyPeriod(time(7, 0), datetime(2026, 5, 1, 6, 0, tzinfo=UTC))
    ledger = ledger_of(1e6, day)
    assert ledger.resume(PeriodStanding(elapsed_s=3600.0, work_j=10.0), away_s=3600.0)
    assert ledger.period_left_s(0.0) == 3600.0
    assert not ledger_of(1e6, day).resume(PeriodStanding(elapsed_s=3600.0), away_s=86_400.0)


def test_a_charge_ends_only_when_the_battery_says_so() -> None:
    ledger = ledger_of(1e6, ChargePeriod())
    assert ledger.resume(PeriodStanding(elapsed_s=1e5, work_j=7.0), away_s=1e6)
    assert ledger.standing(0.0).work_j == 7.0
    ledger.renew(0.0)
    assert ledger.standing(0.0).work_j == 0.0


def test_another_budget_takes_nothing_back_and_grants_nothing_twice() -> None:
    ledger = ledger_of(base_w=0.0)
    ledger.charge(Category.EXECUTION, 60.0, 4.0, 0.5)
    ledger.regrant(Budget(energy_j=80.0, cost_usd=2.0), FixedPeriod(20.0), False, 4.0)
    assert ledger.left(4.0) == (20.0, 1.5, 16.0)
    ledger.regrant(Budget(energy_j=50.0, cost_usd=2.0), FixedPeriod(20.0), False, 4.0)
    assert (ledger.energy_left_j(4.0), ledger.overdraft_j(4.0)) == (0.0, 10.0)
    ledger.regrant(Budget(energy_j=50.0, cost_usd=math.inf), FixedPeriod(4.0), False, 4.0)
    assert (ledger.energy_left_j(4.0), ledger.renewals) == (50.0, 1)


@given(
    st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 3.0), st.booleans()), max_size=12),
    st.floats(5.0, 40.0),
)
def test_restarts_change_nothing_of_what_is_left(
    steps: list[tuple[float, float, bool]], period_s: float
) -> None:
    """One ledger lives through all; another is begun anew now and then, away for no time."""
    whole = ledger_of(1000.0, FixedPeriod(period_s))
    part, began_s, now = ledger_of(1000.0, FixedPeriod(period_s)), 0.0, 0.0
    for energy_j, wait_s, restarts in steps:
        now += wait_s
        whole.charge(Category.EXECUTION, energy_j, now)
        part.charge(Category.EXECUTION, energy_j, now - began_s)
        if restarts:
            left = part.standing(now - began_s)
            part, began_s = ledger_of(1000.0, FixedPeriod(period_s)), now
            part.resume(left, 0.0)
    expected, found = whole.left(now), part.left(now - began_s)
    assert found.energy_j == pytest.approx(expected.energy_j)
    assert found.period_s == pytest.approx(expected.period_s)


def test_a_reading_of_a_meter_after_a_restart_counts_the_base_load_once() -> None:
    ledger = ledger_of(base_w=2.0)
    ledger.resume(PeriodStanding(elapsed_s=3.0, base_j=6.0, work_j=4.0), away_s=1.0)
    ledger.begin_readings({Category.EXECUTION}, 0.0)
    ledger.charge(Category.EXECUTION, 5.0, 2.0)
    ledger.book_reading(9.0, 2.0, 0.0, 2.0)
    standing = ledger.standing(2.0)
    assert (standing.work_j, standing.base_j) == (9.0, 12.0)
    assert standing.lines[-1] == SpentLine("execution", EnergyOrigin.MEASURED, 5.0, 0.0)
