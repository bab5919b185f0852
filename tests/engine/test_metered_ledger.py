"""Whatever happens between readings, what is labelled measured is what the meter counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.energy_origin import EnergyOrigin
from engine.ledger import Category, Ledger
from engine.period import ChargePeriod, FixedPeriod
from engine.scheduling.problem import Budget

SEEN = (Category.EXECUTION, Category.EXTRACTION, Category.LOADING)
joules = st.floats(0.0, 50.0)
events = st.lists(
    st.tuples(
        st.sampled_from(["charge", "radio", "read", "begin", "end", "renew"]), joules, st.floats(0.0, 5.0)
    ),
    max_size=40,
)


def follow(ledger: Ledger, happening: Sequence[tuple[str, float, float]]) -> tuple[float, float, float]:
    """Have it happen; return what was counted, what was sent, and when it ended."""
    now = counted_j = sent_j = 0.0
    counts = False
    for number, (what, energy_j, passed_s) in enumerate(happening):
        now += passed_s
        if what == "charge":
            ledger.charge(SEEN[number % len(SEEN)], energy_j, now)
        elif what == "radio":
            ledger.charge(Category.RADIO, energy_j, now)
            sent_j += energy_j
        elif what == "read" and counts:
            ledger.book_reading(energy_j, now, beside_w=0.5, expected_w=2.0)
            counted_j += energy_j
        elif what == "begin":
            ledger.begin_readings(SEEN, now)
            counts = True
        elif what == "end":
            ledger.end_readings(now)
            counts = False
        elif what == "renew":
            ledger.renew(now)
    return counted_j, sent_j, now


@given(events)
def test_measured_lines_add_up_to_what_was_counted(happening: list[tuple[str, float, float]]) -> None:
    ledger = Ledger(Budget(1e6), FixedPeriod(7.0), base_w=1.0)
    counted_j, sent_j, now = follow(ledger, happening)
    lines = ledger.lines(now)
    measured_j = sum(line.energy_j for line in lines if line.origin is EnergyOrigin.MEASURED)
    assert measured_j == pytest.approx(counted_j)
    radio = (Category.RADIO, EnergyOrigin.MODELLED)
    assert sum(x.energy_j for x in lines if (x.category, x.origin) == radio) == pytest.approx(sent_j)
    assert all(line.energy_j >= -1e-9 and line.unsettled_j >= -1e-9 for line in lines)
    assert all(line.unsettled_j <= line.energy_j + 1e-9 for line in lines)


@given(events)
def test_a_period_pays_what_the_lines_say(happening: list[tuple[str, float, float]]) -> None:
    ledger = Ledger(Budget(1e6), ChargePeriod(), base_w=1.0)
    _, _, now = follow(ledger, [event for event in happening if event[0] != "renew"])
    total_j = sum(line.energy_j for line in ledger.lines(now))
    assert ledger.account(now).spent_j == pytest.approx(total_j)


def test_what_was_charged_before_a_meter_counted_stays_modelled() -> None:
    ledger = Ledger(Budget(100.0), FixedPeriod(10.0), base_w=1.0)
    ledger.charge(Category.EXECUTION, 3.0, 1.0)
    ledger.begin_readings(SEEN, 2.0)
    ledger.charge(Category.EXECUTION, 1.0, 3.0)
    ledger.book_reading(5.0, 4.0, beside_w=0.0, expected_w=1.0)
    spent = {(line.category, line.origin): line.energy_j for line in ledger.lines(4.0)}
    assert spent == {
        (Category.EXECUTION, EnergyOrigin.MODELLED): 3.0,
        (Category.EXECUTION, EnergyOrigin.MEASURED): 1.0,
        (Category.BASE_LOAD, EnergyOrigin.MODELLED): 2.0,
        (Category.BASE_LOAD, EnergyOrigin.MEASURED): 4.0,
    }


def test_the_base_load_to_come_is_held_back_as_it_is_expected_now() -> None:
    ledger = Ledger(Budget(100.0), FixedPeriod(10.0), base_w=1.0)
    ledger.begin_readings(SEEN, 0.0)
    ledger.book_reading(12.0, 4.0, beside_w=0.5, expected_w=3.5)
    assert ledger.energy_left_j(4.0) == pytest.approx(100.0 - 12.0 - 4 * 0.5 - 6 * 3.5)
    ledger.end_readings(6.0)
    assert ledger.energy_left_j(6.0) == pytest.approx(100.0 - 12.0 - 4 * 0.5 - 6 * 3.5)
