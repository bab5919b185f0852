from __future__ import annotations

import pytest

from cloud.run_times import RunTimes


def test_what_never_ran_is_expected_to_take_nothing() -> None:
    assert RunTimes().expected_s(0, 4) == 0.0


def test_sizes_that_were_not_seen_lie_between_those_that_were() -> None:
    times = RunTimes()
    times.learn([(0, 2, 0.010), (0, 8, 0.020)])
    assert times.expected_s(0, 1) == 0.010
    assert times.expected_s(0, 2) == 0.010
    assert times.expected_s(0, 3) == 0.020
    assert times.expected_s(0, 16) == pytest.approx(0.040)
    assert times.expected_s(0, 0) == 0.0
    assert times.batch_s({0: 2, 1: 5}) == 0.010


def test_the_mean_follows_what_is_measured() -> None:
    times = RunTimes()
    times.learn([(0, 1, 1.0)])
    for _ in range(100):
        times.learn([(0, 1, 0.5)])
    assert times.expected_s(0, 1) == pytest.approx(0.5, rel=1e-2)


def test_the_margin_is_the_spread_of_whole_batches_and_has_an_end() -> None:
    steady, noisy, wild = RunTimes(), RunTimes(), RunTimes()
    for i in range(200):
        steady.learn([(0, 1, 0.010)])
        noisy.learn([(0, 1, 0.008 if i % 2 else 0.012)])
        wild.learn([(0, 1, 10.0 ** (i % 3))])
    assert steady.margin == 1.0
    assert noisy.margin == pytest.approx(1.4, abs=0.1)
    assert wild.margin == 2.0
