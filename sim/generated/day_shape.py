"""Days that are generated: how often windows come, in which contexts, and when the cloud is there.

Everything follows from a seed. Windows of an input type come as a Poisson process whose rate changes
with the hour and is multiplied in bursts; apps with a finite rate are due as often as they want.
Contexts and the link are chains of stays with exponentially distributed lengths.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.rates import RateGates
from engine.scheduling.problem import App
from sim.network import Network, Steps
from sim.traces import Arrival

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Windows of one input type.

    Args:
        hz: windows a second, hour by hour; after the last hour they repeat.
        bursts_an_hour: expected; each multiplies the rate for a while.
        burst_factor: by how much.
        burst_s: expected length of a burst.
        contexts: names, "" for none, with the share of time that each has.
        context_s: expected length of a stay in one.
    """

    hz: tuple[float, ...]
    bursts_an_hour: float = 0.0
    burst_factor: float = 1.0
    burst_s: float = 60.0
    contexts: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    context_s: float = 900.0


@dataclass(frozen=True, slots=True)
class LinkShape:
    """When the cloud is there.

    Args:
        up_s: expected length of a stay with it; inf for always, 0 for never.
        down_s: without it.
        mbps: expected speed; it changes every minute, log-normally by a factor of about two.
    """

    up_s: float = math.inf
    down_s: float = 600.0
    mbps: float = math.inf


def make_arrivals(
    streams: Mapping[str, Stream], apps: Sequence[App], length_s: float, seed: int
) -> Callable[[], Iterator[Arrival]]:
    """Return what starts the same trace anew each time it is called."""

    def arrivals() -> Iterator[Arrival]:
        parts = [
            _windows(name, stream, [a for a in apps if a.input_type == name], length_s, (seed, number))
            for number, (name, stream) in enumerate(streams.items())
        ]
        return heapq.merge(*parts, key=lambda a: a.t_s)

    return arrivals


def make_network(shape: LinkShape, length_s: float, seed: int) -> Network:
    """Draw when the link is there and how fast it is."""
    rng = np.random.default_rng((seed, 1_000_003))
    steps: dict[float, float] = {0.0: 0.0 if shape.up_s == 0.0 else 1.0}
    t_s, up = 0.0, shape.up_s > 0.0
    while 0.0 < shape.up_s < math.inf:
        t_s += float(rng.exponential(shape.up_s if up else shape.down_s))
        if t_s >= length_s:
            break
        up = not up
        steps[t_s] = float(up)
    if shape.mbps == math.inf:
        return Network(Steps(steps, 0.0))
    minutes = np.arange(0.0, length_s, 60.0)
    speeds = shape.mbps * rng.lognormal(-0.25, 0.7, len(minutes))
    return Network(
        Steps(steps, 0.0), Steps(dict(zip(minutes.tolist(), speeds.tolist(), strict=True)), shape.mbps)
    )


def expected_windows(stream: Stream, length_s: float) -> float:
    """Return how many windows a stream is expected to bring, bursts included."""
    hours = math.ceil(length_s / _HOUR_S)
    plain = sum(stream.hz[h % len(stream.hz)] * min(_HOUR_S, length_s - h * _HOUR_S) for h in range(hours))
    share = min(1.0, stream.bursts_an_hour * stream.burst_s / _HOUR_S)
    return plain * (1.0 + share * (stream.burst_factor - 1.0))


def _windows(
    input_type: str, stream: Stream, apps: Sequence[App], length_s: float, seed: tuple[int, int]
) -> Iterator[Arrival]:
    """Yield windows in order of time, by thinning a Poisson process at the highest rate."""
    rng = np.random.default_rng(seed)
    gates = RateGates(apps)
    most_hz = max(stream.hz) * max(1.0, stream.burst_factor)
    if most_hz <= 0.0:
        return
    bursts = _Stays(
        rng, stream.burst_s, _HOUR_S / stream.bursts_an_hour if stream.bursts_an_hour else math.inf
    )
    contexts = _Contexts(rng, stream)
    t_s, number = 0.0, 0
    while True:
        t_s += float(rng.exponential(1.0 / most_hz))
        if t_s >= length_s:
            return
        hz = stream.hz[int(t_s / _HOUR_S) % len(stream.hz)]
        hz *= stream.burst_factor if bursts.is_on(t_s) else 1.0
        if rng.random() * most_hz >= hz:
            continue
        due = tuple(gates.due(input_type, t_s))
        if due:
            number += 1
            yield Arrival(t_s, "generated", f"{number}.{input_type}", input_type, due, contexts.at(t_s))


class _Stays:
    """A chain that is on for a while and off for a while, asked in order of time."""

    def __init__(self, rng: np.random.Generator, on_s: float, off_s: float) -> None:
        self._rng = rng
        self._mean_s = {True: on_s, False: off_s}
        self._on = False
        self._until_s = self._draw()

    def is_on(self, t_s: float) -> bool:
        while t_s >= self._until_s:
            self._on = not self._on
            self._until_s += self._draw()
        return self._on

    def _draw(self) -> float:
        mean_s = self._mean_s[self._on]
        return float(self._rng.exponential(mean_s)) if mean_s < math.inf else math.inf


class _Contexts:
    """Which context holds, asked in order of time."""

    def __init__(self, rng: np.random.Generator, stream: Stream) -> None:
        self._rng = rng
        self._names = list(stream.contexts)
        shares = np.array(list(stream.contexts.values()), dtype=np.float64)
        self._shares = shares / shares.sum()
        self._mean_s = stream.context_s
        self._name = self._draw()
        self._until_s = float(rng.exponential(self._mean_s))

    def at(self, t_s: float) -> str:
        while t_s >= self._until_s:
            self._name = self._draw()
            self._until_s += float(self._rng.exponential(self._mean_s))
        return self._name

    def _draw(self) -> str:
        return self._names[int(self._rng.choice(len(self._names), p=self._shares))]
