"""What happens between a device that sends a window and the answer that comes back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import simpy

from engine.scheduling.problem import Link
from engine.scheduling.unserved import CONNECTION_LOST, NO_CONNECTION
from sim.cloud import SimulatedCloud
from sim.network import NetworkNow
from sim.prepared import Exchange
from sim.radio import Radio


@dataclass(slots=True)
class Flight:
    """One exchange on its way.

    Args:
        exchange: what is sent and received.
        draw: the window's draw, which decides what the cloud runs.
        ticket: of the sender.
        radio_j: what sending and receiving took so far.
        cost_usd: what the cloud charged so far.
        lost_because: why there will be no answer, "" where there will be.
    """

    exchange: Exchange
    draw: float
    ticket: Any
    radio_j: float = 0.0
    cost_usd: float = 0.0
    lost_because: str = ""
    mbps: float = 0.0
    breaks_s: float = 0.0
    answer_from_s: float = math.inf


class Uplink:
    """Carries exchanges of one device, at the speed that the link has when they begin.

    Windows are sent one after another; answers, which are small, come back beside one another. A
    connection that breaks takes with it whatever is on its way: no answer comes, and a transfer or
    a run that had begun is charged whole.

    Args:
        env: the simulated world.
        link: round trip, and the speed at most.
        network: what the link is like now.
        radio: what transfers take.
        cloud: runs what arrives.
        on_end: told each flight once, when its answer is there or the connection is lost.
    """

    def __init__(
        self,
        env: simpy.Environment,
        link: Link,
        network: NetworkNow,
        radio: Radio,
        cloud: SimulatedCloud,
        on_end: Callable[[Flight], None],
    ) -> None:
        self._env = env
        self._link = link
        self._network = network
        self._radio = radio
        self._cloud = cloud
        self._on_end = on_end
        self._sending_until_s = 0.0

    def send(self, flight: Flight) -> None:
        """Begin an exchange now."""
        now = self._env.now
        network = self._network.at(now)
        if not network.is_connected:
            flight.lost_because = NO_CONNECTION
            self._on_end(flight)
            return
        flight.mbps = min(self._link.mbps, network.mbps)
        flight.breaks_s = network.breaks_s
        begins_s = max(now, self._sending_until_s)
        ends_s = begins_s + _bytes_s(flight.exchange.up_bytes, flight.mbps)
        if begins_s < flight.breaks_s:
            flight.radio_j += self._radio.up_j(
                begins_s, min(ends_s, flight.breaks_s), flight.exchange.up_bytes
            )
        self._sending_until_s = min(ends_s, max(begins_s, flight.breaks_s))
        self._at(ends_s + 0.5 * self._link.round_trip_s, flight, self._arrive)

    def _arrive(self, flight: Flight) -> None:
        """Have the cloud run what was asked for."""
        now = self._env.now
        run_s = 0.0
        for run in flight.exchange.runs:
            if flight.draw < run.probability:
                run_s += run.run_s
                flight.cost_usd += run.cost_usd
        done_s = self._cloud.run(now, run_s)
        flight.answer_from_s = done_s + 0.5 * self._link.round_trip_s
        down_s = _bytes_s(flight.exchange.down_bytes, flight.mbps)
        self._at(flight.answer_from_s + down_s, flight, self._receive)

    def _receive(self, flight: Flight) -> None:
        """Charge the answer, as far as it came."""
        now = self._env.now
        if now >= flight.answer_from_s:
            flight.radio_j += self._radio.down_j(flight.answer_from_s, now, flight.exchange.down_bytes)
        self._on_end(flight)

    def _at(self, t_s: float, flight: Flight, go_on: Callable[[Flight], None]) -> None:
        """Go on at a later moment, or end the flight where the connection breaks before."""
        if t_s > flight.breaks_s:
            flight.lost_because = CONNECTION_LOST
            t_s, go_on = flight.breaks_s, self._receive
        delay_s = t_s - self._env.now
        if delay_s <= 0.0:
            go_on(flight)
            return
        self._env.timeout(delay_s).callbacks.append(lambda _: go_on(flight))


def _bytes_s(count: int, mbps: float) -> float:
    return 8e-6 * count / mbps
