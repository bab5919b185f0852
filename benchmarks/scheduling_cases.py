"""One case: a scenario lived by every policy, beside the bound of each of its devices."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.report import Row
from benchmarks.told_the_context import ToldTheContext
from engine.scheduling.policies.mcdnn2016 import Mcdnn2016
from engine.scheduling.policies.one_place import ClientOnly, ServerOnly
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.policy import Policy
from engine.scheduling.problem import Problem
from sim.bound import clairvoyant_bound
from sim.day import simulate_scenario
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario

SPECIALISING = "mcdnn2016 specialising"
AS_PUBLISHED = "mcdnn2016 as published"
BOUND = "bound"

# All but those as published, which need apps with known frequencies.
EVERY_POLICY = (
    "original",
    "best-static",
    "client-only",
    "server-only",
    "server-first",
    "mcdnn2016",
    "paced",
)


def _frequencies_hz(problem: Problem) -> Mapping[str, float]:
    return {name: app.wanted_hz for name, app in problem.apps.items()}


def _mcdnn2016_published(problem: Problem) -> Policy:
    return Mcdnn2016(problem, _frequencies_hz(problem), immediate=True, admission=False)


def _client_only_published(problem: Problem) -> Policy:
    return ClientOnly(problem, frequencies_hz=_frequencies_hz(problem), immediate=True, admission=False)


def _server_only_published(problem: Problem) -> Policy:
    return ServerOnly(problem, frequencies_hz=_frequencies_hz(problem), immediate=True, admission=False)


def _mcdnn2016_specialising(problem: Problem) -> Policy:
    return ToldTheContext(problem, Mcdnn2016)


# Run as their authors replay them: fixed frequencies, a new choice applies at once, no admission.
PUBLISHED: Mapping[str, Callable[[Problem], Policy]] = {
    "client-only as published": _client_only_published,
    "server-only as published": _server_only_published,
    AS_PUBLISHED: _mcdnn2016_published,
}


def clairvoyant(day: DeviceDay) -> float:
    """Return the largest weighted share of right answers that a day allows."""
    return clairvoyant_bound(day).accuracy


@dataclass(frozen=True, slots=True)
class Case:
    """What is run together and can be told apart in the results.

    Args:
        group: of the benchmark.
        name: unique in the group.
        build: makes the scenario; can be sent to another process.
        policies: names of POLICIES or PUBLISHED, or SPECIALISING.
        bound: the best accuracy of a day.
    """

    group: str
    name: str
    build: Callable[[], Scenario]
    policies: tuple[str, ...] = EVERY_POLICY
    bound: Callable[[DeviceDay], float] = clairvoyant


def run_policy(scenario: Scenario, name: str) -> tuple[DayResult, ...]:
    """Live a scenario under one policy."""
    if name in PUBLISHED:
        return simulate_scenario(scenario, PUBLISHED[name], admission=False)
    if name == SPECIALISING:
        return simulate_scenario(scenario, _mcdnn2016_specialising)
    return simulate_scenario(scenario, POLICIES[name])


def run_case(case: Case) -> list[Row]:
    """Return a row for each device and policy, and one for its bound."""
    scenario = case.build()
    bounds = [case.bound(day) for day in scenario.devices]
    by_policy = {name: run_policy(scenario, name) for name in case.policies}
    several = len(scenario.devices) > 1
    rows: list[Row] = []
    for at, (day, bound) in enumerate(zip(scenario.devices, bounds, strict=True)):
        place = f"{case.name}, {day.name}" if several else case.name
        results = {name: found[at] for name, found in by_policy.items()}
        static = results.get("best-static")
        for name, result in results.items():
            rows.append(_row(case.group, place, name, result, bound, static))
        rows.append(_bound_row(case.group, place, next(iter(results.values())), bound))
    return [{**row, "parameters": _text(scenario.parameters)} for row in rows]


def _text(parameters: Mapping[str, float | str]) -> str:
    """Return what a sweep varied as text, such as "send_j=0.1 share=0.5"."""
    return " ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in parameters.items())


def parameter(row: Row, name: str) -> float:
    """Return what a sweep varied, from a row.

    Raises:
        KeyError: it varied no such thing.
    """
    return float(dict(item.split("=", 1) for item in str(row["parameters"]).split())[name])


def _row(
    group: str, place: str, policy: str, result: DayResult, bound: float, static: DayResult | None
) -> Row:
    return {
        "group": group,
        "scenario": place,
        "policy": policy,
        "accuracy_pct": _figure(100.0 * result.accuracy),
        "accuracy_until_exhausted_pct": _figure(100.0 * result.accuracy_until_exhausted),
        "bound_pct": _figure(100.0 * bound),
        "share_of_bound": _figure(result.accuracy / bound) if bound > 0.0 else None,
        "gap_closed": None if static is None else gap_closed(result.accuracy, static.accuracy, bound),
        "requests": result.requests,
        "unserved": result.requests - result.served,
        "energy_j": _figure(result.total_energy_j),
        "energy_budget_j": _limit(result.energy_budget_j),
        "overdraft_j": _figure(result.overdraft_j),
        "cost_usd": _figure(result.cost_usd),
        "cost_budget_usd": _limit(result.cost_budget_usd),
        "overdraft_usd": _figure(result.overdraft_usd),
        "loads": result.loads,
        "plans": result.plans,
    }


def _bound_row(group: str, place: str, any_result: DayResult, bound: float) -> Row:
    row = dict.fromkeys(_row(group, place, BOUND, any_result, bound, None))
    return row | {
        "group": group,
        "scenario": place,
        "policy": BOUND,
        "accuracy_pct": _figure(100.0 * bound),
        "bound_pct": _figure(100.0 * bound),
        "share_of_bound": 1.0,
        "requests": any_result.requests,
        "energy_budget_j": _limit(any_result.energy_budget_j),
        "cost_budget_usd": _limit(any_result.cost_budget_usd),
    }


def gap_closed(accuracy: float, static: float, bound: float) -> float | None:
    """Return (policy - best-static) / (bound - best-static); None where there is no gap."""
    gap = bound - static
    return _figure((accuracy - static) / gap) if gap > 1e-9 else None


def _figure(value: float) -> float:
    """Return a value with what of it means anything."""
    return float(f"{value:.6g}")


def _limit(value: float) -> float | None:
    return value if math.isfinite(value) else None


def run_cases(cases: Sequence[Case], processes: int, quiet: bool = False) -> list[Row]:
    """Run cases in parallel, tell how far it is, and return their rows in the order of the cases."""
    found: dict[int, list[Row]] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(run_case, case): number for number, case in enumerate(cases)}
        for done in as_completed(running):
            number = running[done]
            found[number] = done.result()
            case = cases[number]
            if not quiet:
                print(f"{len(found)}/{len(cases)} {case.group}: {case.name}", file=sys.stderr, flush=True)
    return [row for number in sorted(found) for row in found[number]]


def of_group(rows: Iterable[Row], group: str) -> list[Row]:
    """Return the rows of one group."""
    return [r for r in rows if r["group"] == group]
