"""The cloud of a simulation: servers that take windows first come, first served."""

from __future__ import annotations

import heapq


class SimulatedCloud:
    """A queue before equal servers; devices that share it delay one another.

    Args:
        servers: windows that run at the same time, at least 1.
        devices: that send to it.
    """

    def __init__(self, servers: int, devices: int = 1) -> None:
        self._servers = servers
        self.is_shared = devices > 1
        self._free_at_s: list[float] = []  # a heap: when each server that was used becomes free
        self.queued_s = 0.0

    def run(self, arrival_s: float, run_s: float) -> float:
        """Take a window and return when it is done; calls come in the order of arrival.

        Args:
            arrival_s: when it reaches the queue.
            run_s: how long a server runs it.
        """
        free = self._free_at_s
        while free and free[0] <= arrival_s:
            heapq.heappop(free)
        start_s = arrival_s if len(free) < self._servers else heapq.heappop(free)
        heapq.heappush(free, start_s + run_s)
        self.queued_s += start_s - arrival_s
        return start_s + run_s
