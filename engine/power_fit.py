"""How much power a busy core takes here, learnt from a meter and the machine's processor time."""

from __future__ import annotations

import math

_MEMORY_S = 600.0
_NOISE_W, _NOISE_SHARE = 0.1, 0.05  # by which the mean power of a second is taken to be off
_LEAST, _MOST = 0.05, 20.0  # times what the profile says
_UNSURE_W = 50.0  # of idle power: what is drawn beside the cores differs more than what a core takes


class PowerFit:
    """Least squares of power over busy cores: power = idle + core * busy, forgotten within ten minutes.

    What the profile says of a core counts as a measurement as uncertain as its own size (ridge
    regression), and keeps that weight; of what is drawn beside the cores hardly anything is known. So under
    a load that never changes, where the two cannot be told apart, the rest is put down to idle power.

    Args:
        core_w: of a busy core, as the profile has it; where it is 0, nothing is learnt.
        idle_w: of what the meter sees, likewise.
    """

    def __init__(self, core_w: float, idle_w: float) -> None:
        self._core_w = core_w
        self._prior_core = 1.0 / core_w**2 if core_w > 0.0 else 0.0
        self._prior_idle = 1.0 / max(idle_w, _UNSURE_W) ** 2
        self._idle_w = idle_w
        self._xx = self._x = self._n = self._xy = self._y = 0.0

    def add(self, busy_s: float, energy_j: float, span_s: float) -> None:
        """Learn from one interval.

        Args:
            busy_s: processor time of all programs in it.
            energy_j: what the meter counted.
            span_s: its length, positive.
        """
        cores, power_w = busy_s / span_s, energy_j / span_s
        fading, weight = math.exp(-span_s / _MEMORY_S), span_s / (_NOISE_W + _NOISE_SHARE * power_w) ** 2
        self._xx = fading * self._xx + weight * cores * cores
        self._x = fading * self._x + weight * cores
        self._n = fading * self._n + weight
        self._xy = fading * self._xy + weight * cores * power_w
        self._y = fading * self._y + weight * power_w

    @property
    def core_w(self) -> float:
        """Power of a busy core, within a twentieth and twenty times what the profile says."""
        if not self._core_w > 0.0:
            return self._core_w
        a, b, d = self._xx + self._prior_core, self._x, self._n + self._prior_idle
        u = self._xy + self._prior_core * self._core_w
        v = self._y + self._prior_idle * self._idle_w
        fitted_w = (u * d - v * b) / (a * d - b * b)
        return min(_MOST * self._core_w, max(_LEAST * self._core_w, fitted_w))

    @property
    def factor(self) -> float:
        """Power of a busy core over what the profile says."""
        return self.core_w / self._core_w if self._core_w > 0.0 else 1.0
