"""Counts a simulated day as it goes; its size does not depend on the number of requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.latency_histogram import LatencyHistogram
from engine.scheduling.problem import App, Place
from sim.accounts import Accounts
from sim.report import AppResult, DayResult


@dataclass(slots=True)
class _AppTally:
    served: int = 0
    right: float = 0.0
    right_in_budget: float = 0.0
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)
    unserved: Counter[str] = field(default_factory=Counter)
    variants: dict[tuple[str, Place], int] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return self.served + self.unserved.total()


class Tally:
    """Counts what became of the requests of one device.

    Args:
        apps: by name.
    """

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._weights = {a.name: a.weight for a in apps.values()}
        self._apps = {name: _AppTally() for name in apps}
        self.loads = 0
        self.evictions = 0
        self.plans = 0

    def served(
        self, app: str, variant: str, place: Place, right: float, latency_s: float, in_budget: bool
    ) -> None:
        """Count an answer in time.

        Args:
            app: name of the app.
            variant: that answered.
            place: where the answer came from.
            right: expected share of right answers, in [0, 1].
            latency_s: from capture to answer.
            in_budget: no budget of the period was exhausted before.
        """
        tally = self._apps[app]
        tally.served += 1
        tally.right += right
        if in_budget:
            tally.right_in_budget += right
        tally.latency.add(latency_s)
        key = (variant, place)
        tally.variants[key] = tally.variants.get(key, 0) + 1

    def unserved(self, app: str, reason: str) -> None:
        """Count a request that was not served."""
        self._apps[app].unserved[reason] += 1

    def result(
        self, device: str, policy: str, end_s: float, accounts: Accounts, memory_peak_bytes: int
    ) -> DayResult:
        """Return the day as a value."""
        energy_j: dict[str, float] = {}
        cost_usd = 0.0
        for line in accounts.ledger.lines(end_s):
            cost_usd += line.cost_usd
            if line.energy_j > 0.0:
                name = line.category.value
                energy_j[name] = energy_j.get(name, 0.0) + line.energy_j
        apps = tuple(_app_result(name, tally) for name, tally in self._apps.items())
        return DayResult(
            policy=policy,
            end_s=end_s,
            requests=sum(a.requests for a in apps),
            served=sum(a.served for a in apps),
            accuracy=self._accuracy({n: t.right for n, t in self._apps.items()}),
            energy_j=energy_j,
            energy_budget_j=accounts.budget.energy_j,
            overdraft_j=accounts.ledger.overdraft_j(end_s),
            cost_usd=cost_usd,
            loads=self.loads,
            evictions=self.evictions,
            memory_peak_bytes=memory_peak_bytes,
            apps=apps,
            accuracy_until_exhausted=self._accuracy({n: t.right_in_budget for n, t in self._apps.items()}),
            exhausted_s=accounts.exhausted_s,
            cost_budget_usd=accounts.budget.cost_usd,
            overdraft_usd=accounts.ledger.overdraft_usd(end_s),
            unserved=_added(a.unserved for a in apps),
            places=_added(a.places for a in apps),
            plans=self.plans,
            device=device,
            periods=accounts.ledger.renewals + 1,
        )

    def _accuracy(self, right: Mapping[str, float]) -> float:
        """Return the weighted share of right answers of all requests."""
        asked = sum(self._weights[name] * tally.requests for name, tally in self._apps.items())
        return sum(self._weights[name] * r for name, r in right.items()) / asked if asked else 0.0


def _app_result(name: str, tally: _AppTally) -> AppResult:
    requests = tally.requests
    variants: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for (variant, place), count in tally.variants.items():
        variants[variant] += count
        places[place.value] += count
    return AppResult(
        name,
        requests,
        tally.served,
        tally.right / requests if requests else 0.0,
        tally.latency.mean_s,
        dict(tally.unserved),
        dict(variants),
        dict(places),
        tally.latency.percentile_s(0.95),
    )


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by name."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
