from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduling.policies.frequency import Frequency


def test_the_expected_rate_holds_at_first() -> None:
    assert Frequency(4.0).hz(0.0) == 4.0


@pytest.mark.parametrize("unknown", [math.inf, 0.0])
def test_an_unknown_rate_starts_at_one_a_second(unknown: float) -> None:
    assert Frequency(unknown).hz(5.0) == 1.0


def test_a_fixed_frequency_never_moves() -> None:
    frequency = Frequency(1.0, fixed_hz=0.2)
    for t in range(10):
        frequency.count(float(t))
    frequency.paged_in(9.0)
    assert frequency.hz(100.0) == 0.2


def test_what_is_known_before_counts_as_one_request() -> None:
    frequency = Frequency(0.5)
    for t in (10.0, 11.0, 12.0):
        frequency.count(t)
    assert frequency.hz(12.0) == (1 + 2) / (2.0 + 2.0)


def test_paging_in_begins_anew_at_the_rate_measured_so_far() -> None:
    frequency = Frequency(1.0)
    for t in range(100):
        frequency.count(t / 10.0)
    before = frequency.hz(9.9)
    frequency.paged_in(9.9)
    assert frequency.hz(9.9) == pytest.approx(before)
    assert frequency.hz(1000.0) < 0.01


@given(rate_hz=st.floats(0.01, 100.0), expected_hz=st.floats(0.01, 100.0))
def test_it_tends_to_the_true_rate_even_when_paged_in_at_every_request(
    rate_hz: float, expected_hz: float
) -> None:
    frequency = Frequency(expected_hz)
    for i in range(200):
        frequency.count(i / rate_hz)
        frequency.paged_in(i / rate_hz)
    assert frequency.hz(199 / rate_hz) == pytest.approx(rate_hz, rel=0.05)
