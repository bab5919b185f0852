from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.energy_origin import EnergyOrigin
from engine.ledger import Category, Ledger
from engine.period import ChargePeriod, FixedPeriod
from engine.reservations import Refusal, Reservation
from engine.scheduling.problem import Budget


def ledger_of(energy_j: float = 100.0, period_s: float = 10.0, **settings: float | bool) -> Ledger:
    return Ledger(Budget(energy_j=energy_j, cost_usd=1.0), FixedPeriod(period_s), **settings)  # type: ignore[arg-type]


def reserved(ledger: Ledger, energy_j: float, now: float = 0.0, cost_usd: float = 0.0) -> Reservation:
    reservation = ledger.reserve(energy_j, cost_usd, now)
    assert isinstance(reservation, Reservation)
    return reservation


def test_what_is_reserved_is_not_left() -> None:
    ledger = ledger_of()
    reserved(ledger, 60.0, cost_usd=0.25)
    assert ledger.energy_left_j(0.0) == 40.0
    assert ledger.cost_left_usd(0.0) == 0.75


def test_settling_gives_back_what_was_not_needed() -> None:
    ledger = ledger_of()
    ledger.settle(reserved(ledger, 60.0), 20.0, 1.0)
    assert ledger.energy_left_j(1.0) == 80.0


def test_nothing_is_reserved_beyond_what_is_left() -> None:
    ledger = ledger_of()
    reserved(ledger, 60.0)
    assert ledger.reserve(40.5, 0.0, 0.0) == Refusal("energy budget gone")
    assert ledger.reserve(1.0, 1.5, 0.0) == Refusal("cloud budget gone")
    assert isinstance(ledger.reserve(40.0, 1.0, 0.0), Reservation)


def test_a_budget_of_zero_refuses_everything() -> None:
    ledger = ledger_of(energy_j=0.0)
    assert ledger.reserve(1e-9, 0.0, 0.0) == Refusal("energy budget gone")
    assert ledger.energy_left_j(0.0) == 0.0


def test_settling_twice_is_an_error() -> None:
    ledger = ledger_of()
    reservation = reserved(ledger, 1.0)
    ledger.settle(reservation, 1.0, 0.0)
    with pytest.raises(KeyError):
        ledger.settle(reservation, 1.0, 0.0)


@pytest.mark.parametrize("energy_j", [-1.0, math.nan])
def test_negative_amounts_and_nan_are_not_booked(energy_j: float) -> None:
    with pytest.raises(ValueError, match="expected at least 0"):
        ledger_of().charge(Category.LOADING, energy_j, 0.0)


def test_what_an_estimate_missed_is_overdraft() -> None:
    ledger = ledger_of()
    ledger.settle(reserved(ledger, 100.0), 103.0, 1.0)
    assert ledger.overdraft_j(1.0) == 3.0
    assert ledger.energy_left_j(1.0) == 0.0


def test_a_period_has_an_account_of_its_own_with_what_was_carried_over() -> None:
    ledger = ledger_of(base_w=2.0, carry_over=True)
    ledger.charge(Category.EXECUTION, 30.0, 5.0, 0.25)
    assert ledger.account(5.0) == (100.0, 1.0, 40.0, 0.25, 10.0)
    assert ledger.account(11.0) == (150.0, 1.75, 2.0, 0.0, 10.0)


def test_a_charge_that_outlasts_what_was_expected_has_the_length_that_has_passed() -> None:
    ledger = Ledger(Budget(energy_j=100.0), ChargePeriod(10.0))
    assert [ledger.account(now).length_s for now in (4.0, 25.0)] == [10.0, 25.0]


def test_overdraft_of_past_periods_is_remembered() -> None:
    ledger = ledger_of()
    ledger.charge(Category.EXECUTION, 103.0, 1.0)
    assert ledger.overdraft_j(11.0) == 3.0
    assert ledger.energy_left_j(11.0) == 100.0


def test_the_base_load_is_taken_off_at_the_start() -> None:
    ledger = ledger_of(base_w=2.0)
    assert ledger.energy_left_j(0.0) == 80.0
    assert ledger.budget == Budget(energy_j=80.0, cost_usd=1.0, period_s=10.0)


def test_the_base_load_is_reported_as_far_as_it_was_drawn() -> None:
    ledger = ledger_of(base_w=2.0)
    lines = {line.category: line.energy_j for line in ledger.lines(15.0)}
    assert lines == {Category.BASE_LOAD: 30.0}


def test_a_base_load_that_takes_the_whole_budget_is_refused_with_the_remedy() -> None:
    with pytest.raises(BadInput, match="base load of 4 W alone takes 144000 J in 10 h: grant more energy"):
        ledger_of(energy_j=6840.0, period_s=36000.0, base_w=4.0)


def test_a_period_renews_at_its_end_and_not_before() -> None:
    ledger = ledger_of()
    ledger.charge(Category.EXECUTION, 30.0, 1.0)
    assert ledger.energy_left_j(9.999) == 70.0
    assert ledger.energy_left_j(10.0) == 100.0
    assert ledger.renewals == 1
    assert ledger.period_left_s(10.0) == 10.0


def test_unspent_energy_is_carried_over_only_where_asked() -> None:
    kept, lost = ledger_of(carry_over=True, base_w=1.0), ledger_of(base_w=1.0)
    for ledger in (kept, lost):
        ledger.charge(Category.EXECUTION, 30.0, 1.0)
    assert kept.energy_left_j(10.0) == 150.0
    assert lost.energy_left_j(10.0) == 90.0


def test_what_is_in_flight_at_a_renewal_is_settled_in_the_new_period() -> None:
    ledger = ledger_of()
    reservation = reserved(ledger, 40.0, 9.0)
    assert ledger.energy_left_j(10.0) == 60.0
    ledger.settle(reservation, 10.0, 11.0)
    assert ledger.energy_left_j(11.0) == 90.0


def test_time_does_not_run_backwards() -> None:
    ledger = ledger_of()
    ledger.charge(Category.EXECUTION, 30.0, 11.0)
    assert ledger.energy_left_j(2.0) == 70.0


def test_a_charge_ends_when_the_battery_says_so() -> None:
    ledger = Ledger(Budget(energy_j=100.0), ChargePeriod(50.0), base_w=1.0)
    ledger.charge(Category.EXECUTION, 10.0, 20.0)
    assert ledger.renewal(20.0) == "when the battery is charged"
    assert ledger.energy_left_j(20.0) == 40.0
    ledger.renew(20.0)
    assert ledger.energy_left_j(20.0) == 50.0


def test_a_charge_that_outlasts_its_expected_length_keeps_a_horizon_and_pays_its_base_load() -> None:
    ledger = Ledger(Budget(energy_j=100.0), ChargePeriod(50.0), base_w=1.0)
    assert ledger.period_left_s(48.0) == 5.0
    assert ledger.energy_left_j(80.0) == 20.0


def test_the_renewal_is_said_for_people() -> None:
    assert Ledger(Budget(), FixedPeriod(36000.0)).renewal(24000.0) == "in 3 h 20 min"


def test_standing_work_is_held_back_for_the_rest_of_the_period() -> None:
    ledger = ledger_of()
    ledger.hold_back(2.0)
    assert ledger.energy_left_j(4.0) == 88.0
    assert ledger.overdraft_j(4.0) == 0.0


def test_figures_of_different_origin_stay_apart() -> None:
    ledger = ledger_of()
    ledger.charge(Category.RADIO, 1.0, 0.0, origin=EnergyOrigin.GIVEN)
    ledger.charge(Category.RADIO, 2.0, 0.0, origin=EnergyOrigin.MEASURED)
    assert [(x.origin, x.energy_j) for x in ledger.lines(0.0) if x.category is Category.RADIO] == [
        (EnergyOrigin.GIVEN, 1.0),
        (EnergyOrigin.MEASURED, 2.0),
    ]


def test_no_budget_never_runs_out() -> None:
    ledger = Ledger(Budget(), FixedPeriod(10.0), base_w=5.0, carry_over=True)
    ledger.settle(reserved(ledger, 1e12), 1e12, 25.0)
    assert ledger.energy_left_j(30.0) == math.inf
    assert ledger.overdraft_j(30.0) == 0.0


def test_a_period_pays_no_base_load_beyond_its_end() -> None:
    ledger = ledger_of(base_w=2.0)
    ledger.settle(reserved(ledger, 80.0), 80.0, 9.5)
    assert ledger.overdraft_j(13.5) == 0.0


amounts = st.floats(0.0, 30.0)
jobs = st.lists(st.tuples(st.floats(0.0, 4.0), amounts, st.floats(0.0, 1.5), st.booleans()), max_size=60)


@given(jobs=jobs, base_w=st.sampled_from([0.0, 2.0]))
def test_spending_exceeds_budgets_by_no_more_than_what_estimates_missed(
    jobs: list[tuple[float, float, float, bool]], base_w: float
) -> None:
    ledger = ledger_of(base_w=base_w)
    now = missed_j = 0.0
    in_flight: list[tuple[Reservation, float]] = []
    for wait_s, worst_j, share, settle_now in jobs:
        now += wait_s
        reservation = ledger.reserve(worst_j, 0.0, now)
        if isinstance(reservation, Reservation):
            in_flight.append((reservation, share * worst_j))
            missed_j += max(0.0, share - 1.0) * worst_j
        if settle_now:
            for held, actual_j in in_flight:
                ledger.settle(held, actual_j, now)
            in_flight.clear()
        assert ledger.overdraft_j(now) <= missed_j + 1e-9
        assert ledger.energy_left_j(now) >= 0.0


@given(
    charges=st.lists(
        st.tuples(st.sampled_from(list(Category)[:4]), st.sampled_from(list(EnergyOrigin)), amounts),
        max_size=40,
    )
)
def test_the_lines_add_up_to_what_is_no_longer_left(
    charges: list[tuple[Category, EnergyOrigin, float]],
) -> None:
    ledger = ledger_of(energy_j=10_000.0, base_w=1.0)
    for category, origin, energy_j in charges:
        ledger.charge(category, energy_j, 5.0, origin=origin)
    work_j = sum(line.energy_j for line in ledger.lines(5.0) if line.category is not Category.BASE_LOAD)
    assert math.isclose(ledger.energy_left_j(5.0), 10_000.0 - 10.0 - work_j)
    assert len(ledger.lines(5.0)) == len({(c, o) for c, o, _ in charges}) + 1


@given(
    spent_j=st.lists(st.floats(0.0, 100.0), min_size=1, max_size=8),
    base_w=st.floats(0.0, 9.0),
)
def test_with_carry_over_nothing_is_lost_over_many_periods(spent_j: list[float], base_w: float) -> None:
    ledger = ledger_of(carry_over=True, base_w=base_w)
    kept_j = 0.0
    for number, energy_j in enumerate(spent_j):
        start_s = 10.0 * number
        free_j = 100.0 - 10.0 * base_w + kept_j
        assert math.isclose(ledger.energy_left_j(start_s), free_j, abs_tol=1e-6)
        ledger.charge(Category.EXECUTION, energy_j, start_s + 5.0)
        kept_j = max(0.0, free_j - energy_j)
