"""Percentiles within one per cent, at any scale, without keeping the latencies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.latency_histogram import LatencyHistogram

latencies = st.lists(st.floats(2e-6, 9e3), min_size=1, max_size=200)


def histogram_of(values: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(latencies, st.floats(0.01, 1.0))
def test_a_percentile_is_within_one_per_cent_of_the_exact_one(values: list[float], share: float) -> None:
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    assert histogram_of(values).percentile_s(share) == pytest.approx(exact, rel=0.01)


@given(latencies)
def test_mean_count_and_maximum_are_exact(values: list[float]) -> None:
    histogram = histogram_of(values)
    assert histogram.mean_s == pytest.approx(sum(values) / len(values))
    assert histogram.count == len(values)
    assert histogram.most_s == max(values)


def test_nothing_counted_has_no_figures() -> None:
    assert LatencyHistogram().mean_s is None
    assert LatencyHistogram().percentile_s(0.95) is None


def test_latencies_outside_the_range_are_put_at_its_ends() -> None:
    histogram = histogram_of([0.0, 1e-9, 1e9])
    assert histogram.percentile_s(0.5) == pytest.approx(1e-6, rel=0.02)
    assert histogram.percentile_s(1.0) == pytest.approx(1e4, rel=0.03)
