"""Joules from samples of power."""

from __future__ import annotations

import math
from collections.abc import Callable

from catalog.errors import MeterFailed

_LONGEST_GAP_S = 60.0


class PowerIntegral:
    """Integrates power over time by the trapezoidal rule, from its first sample on.

    Behind a failure, or a minute without a sample (the machine slept), counting goes on with the next
    sample: what was drawn meanwhile is not known.

    Args:
        power_w: takes a sample; may raise MeterFailed.
        clock: monotonic.
    """

    def __init__(self, power_w: Callable[[], float], clock: Callable[[], float]) -> None:
        self._power_w = power_w
        self._clock = clock
        self._last: tuple[float, float] | None = None  # power and time
        self._total_j = 0.0

    def read_j(self) -> float:
        """Take a sample and return the joules so far.

        Raises:
            MeterFailed: there is no sample, or the last one is too long ago.
        """
        before, self._last = self._last, None
        power_w, now_s = self._sample(), self._clock()
        self._last = power_w, now_s
        if before is None:
            return self._total_j
        before_w, before_s = before
        if now_s - before_s > _LONGEST_GAP_S:
            raise MeterFailed(f"no sample of the power for {now_s - before_s:.0f} s")
        self._total_j += (before_w + power_w) / 2.0 * (now_s - before_s)
        return self._total_j

    def _sample(self) -> float:
        power_w = self._power_w()
        if not (math.isfinite(power_w) and power_w >= 0.0):
            raise MeterFailed(f"a power of {power_w} W: expected a number of at least 0")
        return power_w
