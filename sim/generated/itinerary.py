"""What a day brings, stretch by stretch: windows, bursts of them, contexts, and the link to the cloud.

Everything follows from a seed. In a stretch, windows of an input type come as a Poisson process; in
bursts, which begin at random, it is so many times as fast. Contexts and the link are chains of stays
of exponentially distributed lengths; the speed of the link changes every minute.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from engine.rates import RateGates
from engine.scheduling.day_profile import DayProfile
from engine.scheduling.problem import App
from sim.generated.stays import ContextStays, OnOffStays
from sim.network import Network, Steps
from sim.traces import Arrival

_MINUTE_S = 60.0
_HOUR_S = 3600.0
_SPEED_SPREAD = 0.6  # of the logarithm, from minute to minute


@dataclass(frozen=True, slots=True)
class Bursts:
    """Stays in which windows come faster.

    Args:
        an_hour: how many begin, on average.
        factor: how many times as fast.
        lasts_s: on average.
    """

    an_hour: float
    factor: float
    lasts_s: float

    @property
    def share(self) -> float:
        """Share of the time that is in a burst, on average."""
        return self.lasts_s / (self.lasts_s + _HOUR_S / self.an_hour)


@dataclass(frozen=True, slots=True)
class Demand:
    """Windows of one input type in a stretch.

    Args:
        hz: windows a second outside of bursts.
        bursts: None for none.
        contexts: names, "" for none, with the share of time that each has.
        context_s: length of a stay in one, on average.
    """

    hz: float
    bursts: Bursts | None = None
    contexts: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    context_s: float = 900.0

    @property
    def most_hz(self) -> float:
        """Windows a second in a burst."""
        return self.hz * (1.0 if self.bursts is None else max(1.0, self.bursts.factor))

    @property
    def mean_hz(self) -> float:
        """Windows a second on average."""
        return (
            self.hz
            if self.bursts is None
            else self.hz * (1.0 + self.bursts.share * (self.bursts.factor - 1.0))
        )


@dataclass(frozen=True, slots=True)
class LinkShape:
    """The link to the cloud in a stretch.

    Args:
        up_s: length of a stay with it, on average; inf for always, 0 for never.
        down_s: without it.
        mbps: median speed; inf for as fast as the device expects.
    """

    up_s: float = math.inf
    down_s: float = 600.0
    mbps: float = math.inf


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the day that is alike from beginning to end.

    Args:
        name: for people.
        length_s: of it.
        demand: by input type; of one that is absent no windows come.
        link: to the cloud.
    """

    name: str
    length_s: float
    demand: Mapping[str, Demand]
    link: LinkShape = field(default_factory=LinkShape)


Itinerary = Sequence[Stretch]


def day_length_s(itinerary: Itinerary) -> float:
    """Return how long a day lasts."""
    return sum(s.length_s for s in itinerary)


def expected_windows(itinerary: Itinerary) -> dict[str, float]:
    """Return how many windows of each input type a day brings on average."""
    expected: dict[str, float] = {}
    for stretch in itinerary:
        for input_type, demand in stretch.demand.items():
            expected[input_type] = expected.get(input_type, 0.0) + demand.mean_hz * stretch.length_s
    return expected


def context_names(itinerary: Itinerary, input_type: str) -> tuple[str, ...]:
    """Return the contexts that a day may bring for an input type."""
    stays = (s.demand[input_type].contexts for s in itinerary if input_type in s.demand)
    return tuple(dict.fromkeys(name for contexts in stays for name in contexts if name))


def expected_profile(itinerary: Itinerary) -> DayProfile:
    """Return what a device that knows such days expects, hour by hour."""
    hours = max(1, math.ceil(day_length_s(itinerary) / _HOUR_S))
    windows = {t: [0.0] * hours for t in expected_windows(itinerary)}
    for start_s, stretch in zip(_starts_s(itinerary), itinerary, strict=True):
        for hour in range(hours):
            overlap_s = _overlap_s(start_s, stretch.length_s, hour)
            for input_type, demand in stretch.demand.items():
                windows[input_type][hour] += demand.mean_hz * overlap_s
    return DayProfile(_HOUR_S, {t: tuple(n / _HOUR_S for n in found) for t, found in windows.items()})


def make_arrivals(itinerary: Itinerary, apps: Sequence[App], seed: int) -> Callable[[], Iterator[Arrival]]:
    """Return what starts the same trace anew each time it is called.

    Args:
        apps: one with a finite rate is due as often as it wants, the others on every window.
    """
    input_types = list(expected_windows(itinerary))

    def arrivals() -> Iterator[Arrival]:
        streams = [
            _windows(itinerary, input_type, [a for a in apps if a.input_type == input_type], (seed, number))
            for number, input_type in enumerate(input_types)
        ]
        return heapq.merge(*streams, key=lambda a: a.t_s)

    return arrivals


def make_network(itinerary: Itinerary, seed: int) -> Network:
    """Draw when the link is there and how fast it is."""
    rng = np.random.default_rng((seed, 1_000_003))
    connected: dict[float, float] = {}
    mbps: dict[float, float] = {}
    for start_s, stretch in zip(_starts_s(itinerary), itinerary, strict=True):
        link, end_s = stretch.link, start_s + stretch.length_s
        stays = OnOffStays(rng, link.up_s, link.down_s, starts_on=link.up_s > 0.0)
        connected |= {start_s + t: float(on) for t, on in stays.changes(stretch.length_s)}
        if math.isinf(link.mbps):
            mbps[start_s] = math.inf
            continue
        minutes_s = np.arange(start_s, end_s, _MINUTE_S)
        speeds = link.mbps * rng.lognormal(0.0, _SPEED_SPREAD, len(minutes_s))
        mbps |= dict(zip(minutes_s.tolist(), speeds.tolist(), strict=True))
    return Network(Steps(connected, 0.0), Steps(mbps, math.inf))


def _windows(
    itinerary: Itinerary, input_type: str, apps: Sequence[App], seed: tuple[int, int]
) -> Iterator[Arrival]:
    """Yield windows in order of time, by thinning a Poisson process at the highest rate of a stretch."""
    rng = np.random.default_rng(seed)
    gates = RateGates(apps)
    number = 0
    for start_s, stretch in zip(_starts_s(itinerary), itinerary, strict=True):
        demand = stretch.demand.get(input_type)
        if demand is None or demand.hz <= 0.0:
            continue
        for t_s, context in _moments(demand, stretch.length_s, rng):
            due = tuple(gates.due(input_type, start_s + t_s))
            if due:
                number += 1
                yield Arrival(start_s + t_s, "generated", f"{number}.{input_type}", input_type, due, context)


def _moments(demand: Demand, length_s: float, rng: np.random.Generator) -> Iterator[tuple[float, str]]:
    """Yield when windows come within a stretch, and the context that holds then."""
    bursts = None
    if demand.bursts is not None:
        bursts = OnOffStays(rng, demand.bursts.lasts_s, _HOUR_S / demand.bursts.an_hour, starts_on=False)
    contexts = ContextStays(rng, demand.contexts, demand.context_s)
    most_hz, t_s = demand.most_hz, 0.0
    while True:
        t_s += float(rng.exponential(1.0 / most_hz))
        if t_s >= length_s:
            return
        in_burst = bursts is not None and bursts.is_on(t_s)
        hz = demand.hz * (demand.bursts.factor if demand.bursts is not None and in_burst else 1.0)
        if rng.random() * most_hz < hz:
            yield t_s, contexts.at(t_s)


def _starts_s(itinerary: Itinerary) -> list[float]:
    return [0.0, *accumulate(s.length_s for s in itinerary)][: len(itinerary)]


def _overlap_s(start_s: float, length_s: float, hour: int) -> float:
    return max(0.0, min(start_s + length_s, (hour + 1) * _HOUR_S) - max(start_s, hour * _HOUR_S))
