from __future__ import annotations

import math

from engine.period import ChargePeriod, FixedPeriod
from engine.period_books import open_books
from engine.scheduling.problem import Budget

GRANTED = Budget(energy_j=100.0, cost_usd=1.0)


def test_what_was_carried_over_is_granted_as_well() -> None:
    books = open_books(GRANTED, FixedPeriod(10.0), 5.0, 30.0, 0.5)
    assert (books.start_s, books.end_s, books.expected_s) == (5.0, 15.0, 10.0)
    assert books.account(0.0, 5.0) == (130.0, 1.5, 0.0, 0.0, 10.0)


def test_another_budget_leaves_what_was_spent_and_carried_over() -> None:
    books = open_books(GRANTED, FixedPeriod(10.0), 5.0, 30.0, 0.5)
    books.work_j, books.spent_usd = 20.0, 0.25
    books.regrant(Budget(energy_j=50.0, cost_usd=2.0), FixedPeriod(20.0))
    assert books.end_s == 25.0
    assert books.account(4.0, 6.0) == (80.0, 2.5, 24.0, 0.25, 20.0)


def test_a_period_without_a_fixed_end_always_has_a_tenth_of_its_length_left() -> None:
    books = open_books(GRANTED, ChargePeriod(50.0), 10.0)
    assert [books.left_s(now) for now in (10.0, 50.0, 58.0, 500.0)] == [50.0, 10.0, 5.0, 5.0]
    assert [books.length_s(now) for now in (10.0, 60.0, 500.0)] == [50.0, 50.0, 490.0]
    assert open_books(GRANTED, FixedPeriod(50.0), 10.0).left_s(58.0) == 2.0


def test_what_is_unspent_is_no_debt_and_what_is_overdrawn_no_credit() -> None:
    books = open_books(GRANTED, FixedPeriod(10.0), 0.0)
    books.work_j, books.spent_usd = 70.0, 1.25
    assert books.unspent(base_j=10.0) == (20.0, 0.0)
    assert (books.overdrawn_j(base_j=10.0), books.overdrawn_usd()) == (0.0, 0.25)
    assert books.unspent(base_j=40.0) == (0.0, 0.0)
    assert books.overdrawn_j(base_j=40.0) == 10.0


def test_nothing_of_an_unlimited_budget_is_carried_over() -> None:
    books = open_books(Budget(), FixedPeriod(10.0), 0.0)
    assert (books.energy_j, books.unspent(5.0), books.overdrawn_j(5.0)) == (math.inf, (0.0, 0.0), 0.0)
