from __future__ import annotations

import math

import numpy as np
import pytest

from sim.busy_slots import busy_slots


def test_windows_that_can_all_be_looked_at_in_time_have_no_slot() -> None:
    found = busy_slots(np.array([0.0, 5.0]), np.array([1.0, 1.0]), 1.0, 10)
    assert found.slot_at.tolist() == [-1, -1]
    assert found.capacity_s == ()


def test_a_capacity_without_a_latency_limit_is_no_limit() -> None:
    assert busy_slots(np.zeros(9), np.ones(9), math.inf, 10).capacity_s == ()


def test_a_few_short_busy_times_have_a_slot_each() -> None:
    times_s = np.array([0.0, 0.5, 10.0, 20.0, 20.2])
    found = busy_slots(times_s, np.full(5, 0.9), 1.0, 10)
    assert sorted(np.unique(found.slot_at[[0, 3]]).tolist()) == [0, 1]
    assert found.slot_at[2] == -1
    assert found.slot_at[0] == found.slot_at[1]
    assert found.slot_at[3] == found.slot_at[4]
    assert sorted(found.capacity_s) == pytest.approx([1.2, 1.5])


def test_many_short_busy_times_that_are_alike_share_a_slot_and_what_they_have_together() -> None:
    rng = np.random.default_rng(3)
    starts_s = 10.0 * np.arange(1000.0)
    gaps_s = rng.choice([0.1, 0.4], 1000)
    times_s = np.stack([starts_s, starts_s + gaps_s], axis=1).reshape(-1)
    found = busy_slots(times_s, np.full(2000, 0.9), 1.0, 2)
    assert len(found.capacity_s) == 2
    assert sum(found.capacity_s) == pytest.approx(float(gaps_s.sum()) + 1000.0)
    near, far = found.slot_at[::2][gaps_s == 0.1], found.slot_at[::2][gaps_s == 0.4]
    assert min(len(set(near.tolist())), len(set(far.tolist()))) == 1
    assert (found.slot_at[::2] == found.slot_at[1::2]).all()


def test_a_long_busy_time_is_cut_into_slots_that_are_also_limited_together() -> None:
    times_s = np.arange(0.0, 100.0, 0.5)
    found = busy_slots(times_s, np.ones(200), 1.0, 4)
    assert len(found.capacity_s) == 4
    assert found.together == ((0, 3, 99.5 + 1.0),)
    assert (np.diff(found.slot_at) >= 0).all()
