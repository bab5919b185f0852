"""The course of a simulated day in a bounded number of bins, for pictures."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.ledger import Category, Left
from engine.scheduling.problem import Option, Place

_MOST_BINS = 240
_FIRST_BIN_S = 1.0


@dataclass(frozen=True, slots=True)
class AppBin:
    """One app in one bin.

    Args:
        requests: windows captured in it that the app asked about.
        served: answered within the latency limit.
        right: expected right answers among them.
        places: served requests by the place that the answer came from.
        variants: served requests by variant.
        unserved: requests that were not served, by reason.
    """

    requests: int
    served: int
    right: float
    places: Mapping[str, int]
    variants: Mapping[str, int]
    unserved: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bin:
    """One stretch of time.

    Args:
        start_s: it lasts until the next one starts.
        apps: by name; those that asked about nothing are left out.
        energy_j: spent in it, by category.
        cost_usd: spent in it.
        energy_left_j: of the period's budget, when last looked at in the bin; None where nobody looked.
        cost_left_usd: likewise.
    """

    start_s: float
    apps: Mapping[str, AppBin]
    energy_j: Mapping[str, float]
    cost_usd: float
    energy_left_j: float | None
    cost_left_usd: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """One device's day.

    Args:
        bin_s: length of every bin.
        bins: from second 0 on, without gaps.
    """

    bin_s: float
    bins: tuple[Bin, ...]


@dataclass(slots=True)
class _AppCount:
    """Counts of one app in one bin."""

    right: float = 0.0
    places: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    unserved: Counter[str] = field(default_factory=Counter)

    def add(self, other: _AppCount) -> None:
        """Take over what another one counted."""
        self.right += other.right
        self.places.update(other.places)
        self.variants.update(other.variants)
        self.unserved.update(other.unserved)

    def value(self) -> AppBin:
        """Return the counts as a value."""
        served = self.places.total()
        requests = served + self.unserved.total()
        return AppBin(
            requests, served, self.right, dict(self.places), dict(self.variants), dict(self.unserved)
        )


@dataclass(slots=True)
class _Count:
    """Counts of one bin."""

    apps: dict[str, _AppCount] = field(default_factory=dict)
    energy_j: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    cost_usd: float = 0.0
    left: Left | None = None

    def app(self, name: str) -> _AppCount:
        """Return the counts of an app."""
        found = self.apps.get(name)
        if found is None:
            found = self.apps[name] = _AppCount()
        return found

    def add(self, later: _Count) -> None:
        """Take over what the bin that follows counted."""
        for name, count in later.apps.items():
            self.app(name).add(count)
        for category, energy_j in later.energy_j.items():
            self.energy_j[category] += energy_j
        self.cost_usd += later.cost_usd
        self.left = later.left or self.left

    def value(self, start_s: float) -> Bin:
        """Return the counts as a value."""
        return Bin(
            start_s,
            {name: count.value() for name, count in self.apps.items()},
            dict(self.energy_j),
            self.cost_usd,
            None if self.left is None else self.left.energy_j,
            None if self.left is None else self.left.cost_usd,
        )


class TimelineRecorder:
    """Counts a device's day in bins; an Observer.

    The length of the day need not be known: whenever there would be too many bins, each two become
    one.

    Args:
        most_bins: even.
    """

    def __init__(self, most_bins: int = _MOST_BINS) -> None:
        self._most = most_bins
        self._bin_s = _FIRST_BIN_S
        self._counts: list[_Count] = []

    def timeline(self) -> Timeline:
        """Return what was counted so far."""
        bins = tuple(count.value(i * self._bin_s) for i, count in enumerate(self._counts))
        return Timeline(self._bin_s, bins)

    def served(self, t_s: float, option: Option, place: Place, right: float, latency_s: float) -> None:  # noqa: ARG002
        """Count an answer in the bin of its window."""
        count = self._at(t_s).app(option.app)
        count.right += right
        count.places[place.value] += 1
        count.variants[option.variant] += 1

    def unserved(self, t_s: float, app: str, reason: str) -> None:
        """Count a request that was not served in the bin of its window."""
        self._at(t_s).app(app).unserved[reason] += 1

    def spent(self, t_s: float, category: Category, energy_j: float, cost_usd: float) -> None:
        """Add up what was charged."""
        count = self._at(t_s)
        count.energy_j[category.value] += energy_j
        count.cost_usd += cost_usd

    def moved(self, t_s: float, piece: str, resident: bool) -> None:
        """Do nothing: loads show in the energy of their category."""

    def left(self, t_s: float, left: Left) -> None:
        """Keep what was left of the budgets at the last look."""
        self._at(t_s).left = left

    def _at(self, t_s: float) -> _Count:
        at = math.floor(t_s / self._bin_s)
        while at >= self._most:
            self._halve()
            at = math.floor(t_s / self._bin_s)
        while at >= len(self._counts):
            self._counts.append(_Count())
        return self._counts[at]

    def _halve(self) -> None:
        """Make one bin of each two."""
        for first, second in zip(self._counts[::2], self._counts[1::2], strict=False):
            first.add(second)
        self._counts = self._counts[::2]
        self._bin_s *= 2.0
