"""How fast the simulator and the default policy are, in units of SimPy's own bare events.

Fifteen apps, five on each of three input types with thirty trunks each, at the device and in the
cloud. Windows of the three types take turns at an even pace, each asked about by one app of its type
or by all five; the energy lasts for half of them under the most accurate models. Every
figure is measured in a process of its own, in processor time. Bare events are measured a hundred times
while the day is simulated, so that a machine whose pace changes changes it for both.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

from benchmarks.report import Row
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import App, Link, Problem
from sim.day import simulate_timed
from sim.event_rate import bare_event_s
from sim.generated.generated_day import Limits, ModelShape, make_models, with_limits
from sim.generated.model_family import FamilyShape
from sim.network import Network, Steps
from sim.scenario import DeviceDay, Scenario
from sim.traces import Arrival

_DAY_S = 36_000.0
_BARE_TURNS, _BARE_EVENTS = 100, 4_000  # how often, and how many at a time
_MB = 1e3  # of ru_maxrss
_POLICY = "paced"
_TYPES, _APPS, _TRUNKS = ("face", "scene", "object"), 5, 30
_MOST_J = 0.8  # of a run of the largest trunk: 80 ms
ASKED_EVENTS_A_REQUEST = 25.0
ASKED_PLANS_S = 5.0


@dataclass(frozen=True, slots=True)
class Speed:
    """One day's figures.

    Args:
        windows, requests: of the day.
        served: requests.
        bare_s: processor time of one bare event.
        simulated_s: of the day, plans excluded.
        plans: how many.
        plans_s: all of them.
        plan_p99_s, choose_p99_s: one of them.
        peak_mb: resident memory of the process.
    """

    windows: int
    requests: int
    served: int
    bare_s: float
    simulated_s: float
    plans: int
    plans_s: float
    plan_p99_s: float
    choose_p99_s: float
    peak_mb: float


def large_problem(windows: int) -> Problem:
    """Return fifteen apps with thirty variants each.

    Args:
        windows: in the day, for the energy.
    """
    apps = [App(f"{t} {n}", f"{t} {n}", t, latency_limit_s=2.0) for t in _TYPES for n in range(_APPS)]
    family = FamilyShape(_TRUNKS, least_j=0.005, most_j=_MOST_J)
    problem = make_models(apps, ModelShape(dict.fromkeys(_TYPES, family)), {}, seed=1)
    each = dict.fromkeys(_TYPES, windows / len(_TYPES))
    link = Link(exchange_j=0.1, round_trip_s=0.08)
    limits = Limits(energy_lasts=0.5, cloud_usd=0.05)
    return replace(with_limits(problem, limits, each, _DAY_S), link=link)


def even_arrivals(problem: Problem, windows: int, due: int) -> Iterator[Arrival]:
    """Yield windows of all input types in turn over a day, each asked about by the first apps of its type."""
    by_type: dict[str, list[str]] = {}
    for app in problem.apps.values():
        by_type.setdefault(app.input_type, []).append(app.name)
    step_s = _DAY_S / windows
    for number, (input_type, apps) in enumerate(islice(cycle(by_type.items()), windows)):
        yield Arrival(number * step_s, "camera", str(number), input_type, tuple(apps[:due]))


class _TakingTurns:
    """Arrivals between which bare events are measured now and then.

    Args:
        arrivals: of the day.
        every: so many of them.
    """

    def __init__(self, arrivals: Iterator[Arrival], every: int) -> None:
        self._arrivals = arrivals
        self._every = every
        self._turns = 0
        self.bare_s = 0.0

    @property
    def event_s(self) -> float:
        """What one bare event took."""
        return self.bare_s / (self._turns * _BARE_EVENTS)

    def __iter__(self) -> Iterator[Arrival]:
        """Yield the arrivals."""
        for number, arrival in enumerate(self._arrivals):
            if number % self._every == 0:
                self._turns += 1
                self.bare_s += bare_event_s(_BARE_EVENTS, time.thread_time) * _BARE_EVENTS
            yield arrival


def measure_day(windows: int, due: int) -> Speed:
    """Simulate one day and measure it; to be called in a fresh process."""
    problem = large_problem(windows)
    link = Network(Steps({0.0: 1.0}, 1.0))
    arrivals = _TakingTurns(even_arrivals(problem, windows, due), max(1, windows // _BARE_TURNS))
    day = DeviceDay("speed", problem, lambda: iter(arrivals), link)
    before_s = time.thread_time()
    (result,) = simulate_timed(Scenario("speed", (day,)), POLICIES[_POLICY], time.thread_time)
    taken_s = time.thread_time() - before_s - arrivals.bare_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MB
    timing = result.timing
    if timing is None or timing.plan_p99_s is None or timing.choose_p99_s is None:
        raise RuntimeError("the day has no window: nothing was measured")
    return Speed(
        windows,
        result.requests,
        result.served,
        arrivals.event_s,
        taken_s - timing.plan_s,
        result.plans,
        timing.plan_s,
        timing.plan_p99_s,
        timing.choose_p99_s,
        peak_mb,
    )


def speed(_: Path, quick: bool) -> list[Row]:
    """Return a row for one and for five due apps, and for days with ever more requests."""
    scale = 20 if quick else 1
    settings = [(36_000, 1), (36_000, 5), (20_000, 5), (200_000, 5)]
    rows = []
    for windows, due in settings:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append(_row(due, pool.submit(measure_day, windows // scale, due).result()))
    return rows


def _row(due: int, s: Speed) -> Row:
    return {
        "due_apps": due,
        "windows": s.windows,
        "requests": s.requests,
        "served_pct": 100.0 * s.served / s.requests,
        "bare_event_us": 1e6 * s.bare_s,
        "bare_events_a_request": s.simulated_s / s.requests / s.bare_s,
        "asked_at_most": ASKED_EVENTS_A_REQUEST,
        "bare_events_a_window": s.simulated_s / s.windows / s.bare_s,
        "plans": s.plans,
        "all_plans_s": s.plans_s,
        "plans_asked_at_most_s": ASKED_PLANS_S,
        "plan_p99_ms": 1e3 * s.plan_p99_s,
        "choose_p99_us": 1e6 * s.choose_p99_s,
        "peak_memory_mb": s.peak_mb,
    }
