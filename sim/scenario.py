"""A scenario: the devices whose day is simulated, what reaches them, and the cloud that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from catalog.devices import RadioProfile
from engine.scheduling.problem import Problem
from sim.network import Network
from sim.traces import Arrival


@dataclass(frozen=True, slots=True)
class DeviceDay:
    """One device's day.

    Args:
        name: unique in the scenario.
        problem: what its scheduler knows: apps, options, expected costs and the budget of a period.
        arrivals: starts the trace anew; windows in order of time, read as they are needed.
        network: what really becomes of the link over the day.
        radio: what sending really takes, with its tail; None to charge what the problem's link expects.
    """

    name: str
    problem: Problem
    arrivals: Callable[[], Iterator[Arrival]]
    network: Network = field(default_factory=Network)
    radio: RadioProfile | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated together.

    Args:
        devices: at least one.
        cloud_servers: how many windows the cloud runs at the same time; further ones queue.
        loads_take_time: False to charge loads without delaying any answer, as the authors of MCDNN
            (MobiSys 2016) replay traces: a load is then assumed to have happened in the background.
        about: for people.
        parameters: what a sweep varied, by name.
    """

    name: str
    devices: tuple[DeviceDay, ...]
    cloud_servers: int = 1_000_000
    loads_take_time: bool = True
    about: str = ""
    parameters: Mapping[str, float | str] = field(default_factory=dict)
