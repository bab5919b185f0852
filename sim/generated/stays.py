"""Chains of stays of exponentially distributed lengths, asked in order of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np


class OnOffStays:
    """On for a while and off for a while.

    Args:
        on_s: length of a stay that is on, on average; inf to stay on once it is.
        off_s: likewise off.
        starts_on: how it begins.
    """

    def __init__(self, rng: np.random.Generator, on_s: float, off_s: float, starts_on: bool) -> None:
        self._rng = rng
        self._mean_s = {True: on_s, False: off_s if on_s > 0.0 else math.inf}
        self._on = starts_on
        self._until_s = self._draw()

    def is_on(self, t_s: float) -> bool:
        """Tell how it is at a moment no earlier than the last one asked about."""
        while t_s >= self._until_s:
            self._on = not self._on
            self._until_s += self._draw()
        return self._on

    def changes(self, length_s: float) -> Iterator[tuple[float, bool]]:
        """Yield how it begins, and each change until a moment."""
        yield 0.0, self._on
        while self._until_s < length_s:
            t_s = self._until_s
            yield t_s, self.is_on(t_s)

    def _draw(self) -> float:
        mean_s = self._mean_s[self._on]
        return float(self._rng.exponential(mean_s)) if mean_s < math.inf else math.inf


class ContextStays:
    """In one context for a while, then in one that is drawn anew.

    Args:
        shares: of the time, by name.
        mean_s: length of a stay, on average.
    """

    def __init__(self, rng: np.random.Generator, shares: Mapping[str, float], mean_s: float) -> None:
        self._rng = rng
        self._names = list(shares)
        weights = np.array(list(shares.values()), np.float64)
        self._shares = weights / weights.sum()
        self._mean_s = mean_s
        self._until_s = 0.0
        self._name = ""

    def at(self, t_s: float) -> str:
        """Return which context holds at a moment no earlier than the last one asked about."""
        while t_s >= self._until_s:
            self._name = self._names[int(self._rng.choice(len(self._names), p=self._shares))]
            self._until_s += float(self._rng.exponential(self._mean_s))
        return self._name
