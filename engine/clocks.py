"""The two clocks that the engine's loop reads, as a value: tests and measurements bring their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where real time and processor time come from.

    Args:
        wall_s: monotonic; latencies are differences of it.
        busy_s: processor time of the calling thread; energy is modelled from differences of it.
    """

    wall_s: Callable[[], float] = time.monotonic
    busy_s: Callable[[], float] = time.thread_time


REAL_CLOCKS = Clocks()
