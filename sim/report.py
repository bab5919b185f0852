"""What came of a simulated day, as a value, as CSV rows and as JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


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
        places: how many requests were answered at each place.
        latency_p95_s: 95th percentile of the served ones, to within 1 %; None where none was.
    """

    app: str
    requests: int
    served: int
    accuracy: float
    latency_s: float | None
    unserved: Mapping[str, int]
    variants: Mapping[str, int]
    places: Mapping[str, int] = field(default_factory=dict)
    latency_p95_s: float | None = None


@dataclass(frozen=True, slots=True)
class PolicyTiming:
    """What a policy's own work took, in processor seconds of the simulating machine.

    Args:
        plan_s: all plans together, and taking the problem before and between them.
        plan_p99_s: one of them.
        choose_p99_s: one choice.
    """

    plan_s: float
    plan_p99_s: float | None
    choose_p99_s: float | None


@dataclass(frozen=True, slots=True)
class DayResult:
    """One policy's day at one device.

    Args:
        end_s: when the last window was captured.
        accuracy: expected share of right answers of all requests, weighted by the apps' weights.
        energy_j: by category; base load, given apart from the budget, is not in it.
        energy_budget_j: per period, base load taken off; inf without a limit.
        overdraft_j: spent beyond the budgets of all periods.
        memory_peak_bytes: the most that was ever held.
        accuracy_until_exhausted: the same as accuracy, but answers count only as long as no more
            than the budgets of their period is spent.
        exhausted_s: when more was spent for the first time; None where it never was.
        cost_budget_usd: per period; inf without a limit.
        overdraft_usd: spent beyond the budgets of all periods.
        unserved: requests, by reason.
        places: served requests, by place.
        plans: how often the policy planned.
        device: name in the scenario.
        periods: that began.
        timing: of the policy, where it was measured; two days are equal whatever it is.
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
    accuracy_until_exhausted: float = 0.0
    exhausted_s: float | None = None
    cost_budget_usd: float = math.inf
    overdraft_usd: float = 0.0
    unserved: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    plans: int = 0
    device: str = ""
    periods: int = 1
    timing: PolicyTiming | None = field(default=None, compare=False)

    @property
    def served_share(self) -> float:
        """Served requests of all requests; 1 where there were none."""
        return self.served / self.requests if self.requests else 1.0

    @property
    def total_energy_j(self) -> float:
        """All categories together."""
        return sum(self.energy_j.values())


def results_to_json(results: Iterable[DayResult]) -> list[dict[str, Any]]:
    """Return results as what json.dumps takes; a budget without a limit is None."""
    return [_to_json(r) for r in results]


def _to_json(result: DayResult) -> dict[str, Any]:
    written = asdict(result) | {"served_share": result.served_share, "total_energy_j": result.total_energy_j}
    for limit in ("energy_budget_j", "cost_budget_usd"):
        if written[limit] == math.inf:
            written[limit] = None
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
            money = (f"{r.cost_usd:.6g}", f"{r.overdraft_usd:.6g}")
            writer.writerow(
                (
                    r.policy,
                    a.app,
                    a.requests,
                    a.served,
                    f"{a.accuracy:.6g}",
                    latency_s,
                    *totals,
                    *money,
                    r.device,
                )
            )
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
    "policy_cost_usd",
    "policy_overdraft_usd",
    "device",
)
