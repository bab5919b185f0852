"""How fast SimPy itself is here: the unit in which the cost of a simulated request is given."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy


def bare_event_s(events: int, clock: Callable[[], float]) -> float:
    """Return the seconds that one bare event takes: a timeout through one process that does nothing else.

    Args:
        events: how many to measure.
        clock: processor time in seconds, such as time.thread_time.
    """
    env = simpy.Environment()
    env.process(_wait(env, events))
    before_s = clock()
    env.run()
    return (clock() - before_s) / events


def _wait(env: simpy.Environment, events: int) -> Generator[Any, Any, None]:
    for _ in range(events):
        yield env.timeout(1.0)
