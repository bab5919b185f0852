"""How often an app asks, measured since it was paged in."""

from __future__ import annotations

import math

_UNKNOWN_HZ = 1.0


class Frequency:
    """Requests a second of one app since it was paged in.

    What was known before counts as one request at that rate, so that the first requests do not
    give a wild figure: f = (1 + n) / (1 / f_before + time since paged in).

    Args:
        expected_hz: what is known before the first request; inf where nothing is.
        fixed_hz: always return this instead.
    """

    __slots__ = ("_before_s", "_count", "_fixed_hz", "_since_s")

    def __init__(self, expected_hz: float, fixed_hz: float | None = None) -> None:
        known = math.isfinite(expected_hz) and expected_hz > 0.0
        self._before_s = 1.0 / (expected_hz if known else _UNKNOWN_HZ)
        self._fixed_hz = fixed_hz
        self._count = 0
        self._since_s: float | None = None

    def count(self, now: float) -> None:
        """Note a request."""
        if self._since_s is None:
            self._since_s = now
        else:
            self._count += 1

    def paged_in(self, now: float) -> None:
        """Begin anew at the rate measured so far."""
        self._before_s = 1.0 / self.hz(now)
        self._count = 0
        self._since_s = now

    def hz(self, now: float) -> float:
        """Return the frequency; above 0."""
        if self._fixed_hz is not None:
            return self._fixed_hz
        elapsed_s = 0.0 if self._since_s is None else max(0.0, now - self._since_s)
        return (1 + self._count) / (self._before_s + elapsed_s)
