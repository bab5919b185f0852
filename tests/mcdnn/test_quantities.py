"""Quantities as people read them."""

from __future__ import annotations

import math

import pytest

from mcdnn.quantities import energy, latency, megabytes, money, share


@pytest.mark.parametrize(
    ("joules", "text"),
    [
        (0.0, "0 J"),
        (6840.0, "6.84 kJ"),
        (999.6, "1000 J"),
        (12.345, "12.3 J"),
        (0.0005, "500 µJ"),
        (2e-9, "0.002 µJ"),
        (math.inf, "no limit"),
    ],
)
def test_energy(joules: float, text: str) -> None:
    assert energy(joules) == text


def test_the_other_quantities() -> None:
    assert latency(None) == "-"
    assert latency(0.00125) == "1.25 ms"
    assert latency(2.0) == "2 s"
    assert latency(0.0) == "0 µs"
    assert megabytes(8e6) == "8 MB"
    assert megabytes(123_456_789) == "123 MB"
    assert megabytes(math.inf) == "no limit"
    assert money(0.00667) == "$0.00667"
    assert money(math.inf) == "no limit"
    assert share(None) == "-"
    assert share(0.973) == "97.3%"
