"""The link to the cloud over a day: whether it is there, and how fast it is."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping


class Steps:
    """A step function of time.

    Args:
        steps: value by the moment from which on it holds.
        before: value before the first step.
    """

    __slots__ = ("_before", "_times_s", "_values")

    def __init__(self, steps: Mapping[float, float], before: float) -> None:
        self._times_s = sorted(steps)
        self._values = [steps[t] for t in self._times_s]
        self._before = before

    @property
    def moments_s(self) -> tuple[float, ...]:
        """When it changes, in order."""
        return tuple(self._times_s)

    def at(self, t_s: float) -> float:
        """Return the value at a moment; a step counts from its own moment on."""
        step = bisect.bisect_right(self._times_s, t_s) - 1
        return self._values[step] if step >= 0 else self._before


class Network:
    """What becomes of the link.

    Args:
        connected: 1 while the cloud can be reached, else 0; never connected where not given.
        mbps: speed, where it is known; else as fast as the problem expects.
    """

    __slots__ = ("_breaks_s", "_moments_s", "connected", "speed_mbps")

    def __init__(self, connected: Steps | None = None, mbps: Steps | None = None) -> None:
        self.connected = connected or Steps({}, 0.0)
        self.speed_mbps = mbps or Steps({}, math.inf)
        self._moments_s = sorted({*self.connected.moments_s, *self.speed_mbps.moments_s})
        self._breaks_s = [t for t in self._moments_s if not self.is_connected(t)]

    def is_connected(self, t_s: float) -> bool:
        """Tell whether the cloud can be reached at a moment: a link without any speed does not count."""
        return self.connected.at(t_s) > 0.0 and self.speed_mbps.at(t_s) > 0.0

    def breaks_s(self, t_s: float) -> float:
        """Return when a connection that holds at a moment breaks; inf where it does not."""
        return _next(self._breaks_s, t_s)

    def changes_s(self, t_s: float) -> float:
        """Return when anything changes after a moment; inf where nothing does."""
        return _next(self._moments_s, t_s)

    def mbps(self, t_s: float) -> float:
        """Return the speed at a moment, in megabits a second; inf where it is not known."""
        return self.speed_mbps.at(t_s)


class NetworkNow:
    """What a network is like at a moment that only moves on; cheap to ask again and again.

    Args:
        network: over the whole day.
    """

    __slots__ = ("_network", "breaks_s", "is_connected", "mbps", "until_s")

    def __init__(self, network: Network) -> None:
        self._network = network
        self.until_s = -math.inf
        self.is_connected = False
        self.mbps = math.inf
        self.breaks_s = math.inf

    def at(self, t_s: float) -> NetworkNow:
        """Move on to a moment, no earlier than the one before."""
        if t_s >= self.until_s:
            network = self._network
            self.until_s = network.changes_s(t_s)
            self.is_connected = network.is_connected(t_s)
            self.mbps = network.mbps(t_s)
            self.breaks_s = network.breaks_s(t_s)
        return self


def _next(moments_s: list[float], t_s: float) -> float:
    at = bisect.bisect_right(moments_s, t_s)
    return moments_s[at] if at < len(moments_s) else math.inf
