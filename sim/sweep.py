"""Many simulated days at once: every policy, and the bound, at every point of a grid of settings.

Points are opened anew where they are simulated: a scenario reads its traces as it is lived, so it is
not sent to another process; its name and what is set in it are.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from catalog.errors import RunFailed
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import Policy
from engine.scheduling.problem import Problem
from sim.bound import Bound, clairvoyant_bound
from sim.day import simulate_scenario
from sim.native_output import native_output_dropped
from sim.opening import open_scenario
from sim.report import DayResult
from sim.scenario import DeviceDay
from sim.settings import Value
from sim.timeline import Timeline, TimelineRecorder


@dataclass(frozen=True, slots=True)
class Run:
    """One thing to do.

    Args:
        point: number of the point in the grid.
        scenario: see open_scenario.
        values: what is set in it.
        policy: name; None to bound the days.
    """

    point: int
    scenario: str
    values: Mapping[str, Value]
    policy: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a run.

    Args:
        run: that it came of.
        results: one a device, of a policy.
        timelines: by device, likewise.
        bounds: by device, where the days were bounded.
    """

    run: Run
    results: tuple[DayResult, ...] = ()
    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)


def plan_runs(scenario: str, points: Sequence[Mapping[str, Value]], policies: Sequence[str]) -> list[Run]:
    """Return the bound and every policy at every point."""
    return [
        Run(number, scenario, values, policy)
        for number, values in enumerate(points)
        for policy in (None, *policies)
    ]


def do_run(run: Run) -> Done:
    """Live, or bound, the days of a point.

    Raises:
        BadInput: the scenario is wrong, or there is no such policy.
    """
    scenario = open_scenario(run.scenario, run.values)
    if run.policy is None:
        return Done(run, bounds={d.name: clairvoyant_bound(d) for d in scenario.devices})
    name = run.policy
    recorders = {d.name: TimelineRecorder() for d in scenario.devices}

    def made(problem: Problem) -> Policy:
        return make_policy(name, problem)

    def recorder_of(day: DeviceDay) -> TimelineRecorder:
        return recorders[day.name]

    results = simulate_scenario(scenario, made, recorder_of)
    return Done(run, results, {device: r.timeline() for device, r in recorders.items()})


def do_runs(runs: Sequence[Run], jobs: int) -> Iterator[Done]:
    """Do runs, in up to so many processes, and yield each as soon as it is done.

    Where the caller stops before the end, by an interrupt or otherwise, the processes end at once.

    Raises:
        BadInput: see do_run.
        RunFailed: a process died.
    """
    if jobs == 1 or len(runs) == 1:
        yield from map(_do_quietly, runs)
        return
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        min(jobs, len(runs)), multiprocessing.get_context("spawn"), initializer=_leave_interrupts_to_parent
    )
    try:
        for done in as_completed([pool.submit(_do_quietly, run) for run in runs]):
            yield done.result()
    except BrokenProcessPool as e:
        raise RunFailed("a simulating process died, perhaps of too little memory: try --jobs 1") from e
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _do_quietly(run: Run) -> Done:
    with native_output_dropped():
        return do_run(run)


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
