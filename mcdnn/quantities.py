"""Quantities as people read them: three significant digits and a fitting unit."""

from __future__ import annotations

import math

NONE = "-"
_ENERGY_UNITS = ((1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"))
_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_KB = 1e3
_MB = 1e6


def energy(joules: float) -> str:
    """Return an energy: "6.84 kJ", "12 mJ"; "no limit" for inf."""
    return "0 J" if joules == 0.0 else _in_unit(joules, _ENERGY_UNITS)


def latency(seconds: float | None) -> str:
    """Return a short time: "1.25 ms", or "-" for none."""
    return NONE if seconds is None else _in_unit(seconds, _TIME_UNITS)


def megabytes(size_bytes: float) -> str:
    """Return a memory size in units of a million bytes; "no limit" for inf."""
    return "no limit" if math.isinf(size_bytes) else f"{_digits(size_bytes / _MB)} MB"


def kilobytes(size_bytes: float) -> str:
    """Return a size of a few thousand bytes: "2.6 kB"."""
    return f"{_digits(size_bytes / _KB)} kB"


def money(usd: float) -> str:
    """Return an amount of money: "$0.00667"; "no limit" for inf."""
    return "no limit" if math.isinf(usd) else f"${_digits(usd)}"


def share(value: float | None) -> str:
    """Return a share in [0, 1] as per cent, or "-" for none."""
    return NONE if value is None else f"{value:.1%}"


def _in_unit(value: float, units: tuple[tuple[float, str], ...]) -> str:
    if math.isinf(value):
        return "no limit"
    size, unit = next((u for u in units if abs(value) >= u[0]), units[-1])
    return f"{_digits(value / size)} {unit}"


def _digits(value: float) -> str:
    """Return three significant digits, never in exponent form between 0.0001 and a million."""
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"
