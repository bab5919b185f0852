"""The radio's tail in the clairvoyant program.

Exchanges form bursts in which the radio never goes off. A burst takes at least

    tail_w * (tail_s + round_trip_s - limit_s + time from the first window's capture to the last one's)

as answers may be late by no more than limit_s. With Y exchanges in b bursts, Y - b of them follow
another one of their burst, so that Y - b <= G(t): the largest number of gaps between windows that
may exchange anything whose lengths add up to t, a concave function of which tangents are taken.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.devices import RadioProfile
from engine.scheduling.problem import Problem
from sim.linear_program import LinearProgram
from sim.whole_trace import latest_limit_s

Float64 = npt.NDArray[np.float64]

_TANGENTS = 20


def burst_tail_s(problem: Problem, radio: RadioProfile | None) -> float:
    """Return how long the radio stays on at least after a burst, less what answers may be late."""
    if radio is None:
        return 0.0
    limit_s = latest_limit_s(problem.apps, tuple(problem.apps))
    return max(0.0, radio.tail_s + problem.link.round_trip_s - limit_s)


def add_tail(
    program: LinearProgram, exchanges: list[tuple[int, float]], t_s: Float64, tail_w: float, burst_s: float
) -> list[tuple[int, float]]:
    """Add a period's bursts and return what they take of its energy.

    Args:
        exchanges: columns that count windows which exchange anything.
        t_s: when the windows that may do so are captured, in order.
        tail_w: power of the tail.
        burst_s: see burst_tail_s.
    """
    if not exchanges or not len(t_s):
        return []
    gaps_s = np.sort(np.diff(t_s))
    bursts = program.add_column(0.0, float(len(t_s)))
    on_s = program.add_column(0.0, float(gaps_s.sum()) + 1.0)
    for count, slope in _tangents(gaps_s):
        program.add_row([*exchanges, (bursts, -1.0), (on_s, -slope)], count)
    return [(bursts, tail_w * burst_s), (on_s, tail_w)]


def _tangents(gaps_s: Float64) -> list[tuple[float, float]]:
    """Return tangents count + slope * t of the number of gaps that fit into t, from above."""
    longer = gaps_s[gaps_s > 0.0]
    first = len(gaps_s) - len(longer)
    found = [(float(len(gaps_s)), 0.0)]
    reached_s = np.concatenate([[0.0], np.cumsum(longer)])
    for at in np.unique(np.linspace(0, len(longer) - 1, _TANGENTS).astype(np.intp)) if len(longer) else ():
        slope = 1.0 / float(longer[at])
        found.append((first + float(at) - slope * float(reached_s[at]), slope))
    return found
