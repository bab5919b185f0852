"""Days in seconds: traces through the engine's own policies, ledger and residency.

A configuration costs what the problem expects of it; of the windows that an option sends on to the
cloud only when unsure, its share is sent, evenly spread. Nothing is random. Frames are not
dropped: every request of a trace is looked at, however late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import simpy

from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import Policy
from engine.scheduling.problem import Problem
from sim.cloud import SimulatedCloud
from sim.device import SimulatedDevice
from sim.observing import Observer, Unobserved
from sim.recording import Recording
from sim.report import DayResult
from sim.scenario import DeviceDay, Scenario
from sim.timed_policy import TimedPolicy


def simulate_scenario(
    scenario: Scenario,
    policy: Callable[[Problem], Policy],
    observe: Callable[[DeviceDay], Observer] = lambda _: Unobserved(),
    admission: bool = True,
) -> tuple[DayResult, ...]:
    """Live a day on every device of a scenario and return what came of it.

    Args:
        scenario: what is simulated together.
        policy: makes a new policy for a device.
        observe: makes what watches a device.
        admission: False to run what is chosen without asking whether a budget can pay for it, as
            some published policies are meant to be run; what they overdraw is a result.

    Returns:
        One result a device, in the scenario's order.

    Raises:
        BadInput: a trace is wrong where it is read.
    """
    return _simulate(scenario, [policy(d.problem) for d in scenario.devices], observe, admission)


def simulate_timed(
    scenario: Scenario,
    policy: Callable[[Problem], Policy],
    clock: Callable[[], float],
    admission: bool = True,
) -> tuple[DayResult, ...]:
    """Do the same, and measure what the policies' own work takes.

    Args:
        scenario: what is simulated together.
        policy: makes a new policy for a device.
        clock: processor time in seconds, such as time.thread_time.
        admission: see simulate_scenario.
    """
    timed: list[TimedPolicy] = []
    for day in scenario.devices:
        before_s = clock()
        made = policy(day.problem)
        timed.append(TimedPolicy(made, clock, clock() - before_s))
    results = _simulate(scenario, timed, lambda _: Unobserved(), admission)
    return tuple(replace(r, timing=t.timing) for r, t in zip(results, timed, strict=True))


def recorded_scenario(recording: Recording) -> Scenario:
    """Return a recorded run as a scenario."""
    name = recording.folder.name
    return Scenario(name, (DeviceDay(name, recording.problem, recording.arrivals, recording.network),))


def simulate_recording(recording: Recording, policy: str) -> DayResult:
    """Replay a recording under a policy, by name.

    Raises:
        BadInput: no such policy, or a line of the recording is wrong.
    """
    scenario = recorded_scenario(recording)
    (result,) = simulate_scenario(scenario, lambda problem: make_policy(policy, problem))
    return result


def _simulate(
    scenario: Scenario,
    policies: list[Policy] | list[TimedPolicy],
    observe: Callable[[DeviceDay], Observer],
    admission: bool,
) -> tuple[DayResult, ...]:
    env = simpy.Environment()
    cloud = SimulatedCloud(scenario.cloud_servers, len(scenario.devices))
    devices = [
        SimulatedDevice(env, day, policy, cloud, observe(day), admission, scenario.loads_take_time)
        for day, policy in zip(scenario.devices, policies, strict=True)
    ]
    for device in devices:
        env.process(device.live())
    env.run()
    return tuple(device.result() for device in devices)
