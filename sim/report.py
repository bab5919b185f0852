"""What came of a simulated day, as a value, as CSV rows and as JSON."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.ledger import LedgerLine
from engine.scheduling.problem import App, Budget, Option


@dataclass(frozen=True, slots=True)
class AppResult:
    """One app's day.

    Args:
        requests: windows that it asked about.
        served: answered within the latency limit.
        accuracy: expected share of right answers of all requests; an unserved one counts 0.
        latency_s: mean of the served ones; None where none was.
        unserved: how many, by reason.
        variants: how many requests each variant answered.
    """

    app: str
    requests: int
    served: int
    accuracy: float
    latency_s: float | None
    unserved: Mapping[str, int]
    variants: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DayResult:
    """One policy's day.

    Args:
        end_s: when the last window was captured.
        accuracy: expected share of right answers of all requests, weighted by the apps' weights.
        energy_j: by category; base load, given apart from the budget, is not in it.
        energy_budget_j: per period, base load taken off; inf without a limit.
        overdraft_j: spent beyond the budgets of all periods.
        memory_peak_bytes: the most that was ever held.
    """

    policy: str
    end_s: float
    requests: int
    served: int
    accuracy: float
    energy_j: Mapping[str, float]
    energy_budget_j: float
    overdraft_j: float
    cost_usd: float
    loads: int
    evictions: int
    memory_peak_bytes: int
    apps: tuple[AppResult, ...]

    @property
    def served_share(self) -> float:
        """Served requests of all requests; 1 where there were none."""
        return self.served / self.requests if self.requests else 1.0

    @property
    def total_energy_j(self) -> float:
        """All categories together."""
        return sum(self.energy_j.values())


@dataclass(slots=True)
class _AppTally:
    served: int = 0
    right: float = 0.0
    latency_s: float = 0.0
    unserved: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return self.served + self.unserved.total()


class Tally:
    """Counts a day as it goes; its size does not depend on the number of requests."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._weights = {a.name: a.weight for a in apps.values()}
        self._apps = {name: _AppTally() for name in apps}
        self.loads = 0
        self.evictions = 0

    def answered(self, option: Option, latency_s: float) -> None:
        """Count a request that was served."""
        tally = self._apps[option.app]
        tally.served += 1
        tally.right += option.accuracy
        tally.latency_s += latency_s
        tally.variants[option.variant] += 1

    def unserved(self, app: str, reason: str) -> None:
        """Count a request that was not."""
        self._apps[app].unserved[reason] += 1

    def result(
        self,
        policy: str,
        end_s: float,
        lines: Iterable[LedgerLine],
        overdraft_j: float,
        budget: Budget,
        memory_peak_bytes: int,
    ) -> DayResult:
        """Return the day as a value."""
        spent = [line for line in lines if line.energy_j > 0.0 or line.cost_usd > 0.0]
        energy_j: dict[str, float] = {}
        for line in spent:
            energy_j[line.category] = energy_j.get(line.category, 0.0) + line.energy_j
        apps = tuple(_app_result(name, tally) for name, tally in self._apps.items())
        asked = sum(self._weights[a.app] * a.requests for a in apps)
        right = sum(self._weights[a.app] * a.requests * a.accuracy for a in apps)
        return DayResult(
            policy,
            end_s,
            sum(a.requests for a in apps),
            sum(a.served for a in apps),
            right / asked if asked else 0.0,
            energy_j,
            budget.energy_j,
            overdraft_j,
            sum(line.cost_usd for line in spent),
            self.loads,
            self.evictions,
            memory_peak_bytes,
            apps,
        )


def _app_result(name: str, tally: _AppTally) -> AppResult:
    requests = tally.requests
    return AppResult(
        name,
        requests,
        tally.served,
        tally.right / requests if requests else 0.0,
        tally.latency_s / tally.served if tally.served else None,
        dict(tally.unserved),
        dict(tally.variants),
    )


def results_to_json(results: Iterable[DayResult]) -> list[dict[str, Any]]:
    """Return results as what json.dumps takes; a budget without a limit is None."""
    return [_to_json(r) for r in results]


def _to_json(result: DayResult) -> dict[str, Any]:
    written = asdict(result) | {"served_share": result.served_share, "total_energy_j": result.total_energy_j}
    if result.energy_budget_j == float("inf"):
        written["energy_budget_j"] = None
    return written


def results_to_csv(results: Iterable[DayResult]) -> str:
    """Return one row a policy and app: counts, accuracy and latency, with the policy's energy."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for r in results:
        for a in r.apps:
            latency_s = "" if a.latency_s is None else f"{a.latency_s:.6g}"
            totals = (f"{r.total_energy_j:.6g}", f"{r.overdraft_j:.6g}", r.loads, r.evictions)
            writer.writerow((r.policy, a.app, a.requests, a.served, f"{a.accuracy:.6g}", latency_s, *totals))
    return text.getvalue()


_COLUMNS = (
    "policy",
    "app",
    "requests",
    "served",
    "accuracy",
    "latency_s",
    "policy_energy_j",
    "policy_overdraft_j",
    "policy_loads",
    "policy_evictions",
)
