from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.power_fit import PowerFit


@given(st.floats(2.0, 30.0), st.floats(0.0, 10.0), st.integers(0, 1000))
def test_a_changing_load_tells_the_core_from_the_rest(core_w: float, idle_w: float, seed: int) -> None:
    fit = PowerFit(6.0, 4.0)
    for k in range(300):
        busy_s = ((k * 7 + seed) % 11) / 5.0
        fit.add(busy_s, idle_w + core_w * busy_s, 1.0)
    assert fit.core_w == pytest.approx(core_w, rel=0.05)


def test_under_a_load_that_never_changes_what_the_profile_says_holds() -> None:
    fit = PowerFit(6.0, 4.0)
    for _ in range(1000):
        fit.add(0.5, 7.0, 1.0)  # as the profile expects
    assert fit.core_w == pytest.approx(6.0, rel=0.01)


@pytest.mark.parametrize("idle_w", [0.5, 15.0, 60.0])
def test_under_such_a_load_what_is_left_is_put_down_to_idle_power(idle_w: float) -> None:
    fit = PowerFit(6.0, 4.0)
    for _ in range(1000):
        fit.add(0.5, idle_w + 0.5 * 6.0, 1.0)
    assert fit.core_w == pytest.approx(6.0, rel=0.1)


@given(st.integers(0, 2**32 - 1))
def test_noise_moves_it_little(seed: int) -> None:
    fit, chance = PowerFit(6.0, 0.0), random.Random(seed)
    for _ in range(300):
        busy_s = chance.uniform(0.1, 0.5)
        fit.add(busy_s, chance.gauss(1.0, 0.04) * (20.0 + 9.0 * busy_s), 1.0)
    assert fit.core_w == pytest.approx(9.0, rel=0.3)


def test_before_anything_was_read_the_profile_says_it() -> None:
    assert PowerFit(6.0, 4.0).factor == 1.0


def test_a_change_is_followed_within_ten_minutes_or_so() -> None:
    fit = PowerFit(6.0, 4.0)
    for k in range(3600):
        fit.add(float(k % 2), 4.0 + 6.0 * (k % 2), 1.0)
    for k in range(1800):
        fit.add(float(k % 2), 4.0 + 12.0 * (k % 2), 1.0)
    assert fit.factor == pytest.approx(2.0, rel=0.1)


def test_what_is_learnt_stays_within_reason() -> None:
    fit = PowerFit(6.0, 4.0)
    for k in range(100):
        fit.add(float(k % 2), 100.0 - 90.0 * (k % 2), 1.0)  # other than any device: less power the busier
    assert fit.factor == pytest.approx(0.05)


def test_a_profile_without_power_learns_nothing() -> None:
    fit = PowerFit(0.0, 0.0)
    fit.add(1.0, 10.0, 1.0)
    assert fit.factor == 1.0
