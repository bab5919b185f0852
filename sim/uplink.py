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
from sim.prepared import Message
from sim.radio import Radio


@dataclass(slots=True)
class Flight:
    """One exchange on its way.

    Args:
        message: what is sent, run and received.
        ticket: of the sender.
        radio_j: what sending and receiving took so far.
        cost_usd: what the cloud charged so far.
        lost_because: why there will be no answer, "" where there will be.
    """

    message: Message
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
        self._most_mbps = link.mbps
        self._one_way_s = 0.5 * link.round_trip_s
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
        mbps = flight.mbps = min(self._most_mbps, network.mbps)
        breaks_s = flight.breaks_s = network.breaks_s
        begins_s = max(now, self._sending_until_s)
        up_bytes = flight.message.up_bytes
        ends_s = begins_s + 8e-6 * up_bytes / mbps
        if begins_s < breaks_s:
            flight.radio_j = self._radio.up_j(begins_s, min(ends_s, breaks_s), up_bytes)
        self._sending_until_s = min(ends_s, max(begins_s, breaks_s))
        arrives_s = ends_s + self._one_way_s
        if arrives_s > breaks_s:
            self._lose(flight)
        elif self._cloud.is_shared:
            self._after(arrives_s - now, lambda _: self._run(flight, self._env.now))
        else:  # what is sent first arrives first, so that what comes of it is known now
            self._run(flight, arrives_s)

    def _run(self, flight: Flight, arrival_s: float) -> None:
        """Have the cloud run what was asked for; called in the order of arrival from all devices."""
        message = flight.message
        flight.cost_usd = message.cost_usd
        answer_from_s = flight.answer_from_s = self._cloud.run(arrival_s, message.run_s) + self._one_way_s
        ends_s = answer_from_s + 8e-6 * message.down_bytes / flight.mbps
        if ends_s > flight.breaks_s:
            self._lose(flight)
            return
        delay_s = ends_s - self._env.now
        if delay_s > 0.0:
            self._after(delay_s, lambda _: self._receive(flight))
        else:
            self._receive(flight)

    def _lose(self, flight: Flight) -> None:
        """End an exchange where the connection breaks."""
        flight.lost_because = CONNECTION_LOST
        self._after(flight.breaks_s - self._env.now, lambda _: self._receive(flight))

    def _after(self, delay_s: float, go_on: Callable[[simpy.Event], None]) -> None:
        self._env.timeout(delay_s).callbacks.append(go_on)

    def _receive(self, flight: Flight) -> None:
        """Charge the answer, as far as it came."""
        now = self._env.now
        if now >= flight.answer_from_s:
            flight.radio_j += self._radio.down_j(flight.answer_from_s, now, flight.message.down_bytes)
        self._on_end(flight)
