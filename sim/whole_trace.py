"""A day's trace read whole: its windows as arrays, and what the link is like at each.

What a window finds of the link is taken at its best between its capture and the latest moment at
which anything can be sent for it in time: no later than the latency limit, and no later than the
processor can be behind when every window before runs the slowest options there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scheduling.problem import App, Option, Place, Problem
from sim.network import Network
from sim.scenario import DeviceDay

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

_MOST_SPEEDS = 6
_MOST_STEPS = 64  # of the link, looked at while one window waits
_LONGEST_EXCHANGE_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a window.

    Args:
        input_type: of the window.
        due: app names, each once.
        context: that holds.
    """

    input_type: str
    due: tuple[str, ...]
    context: str


@dataclass(frozen=True, slots=True)
class LinkState:
    """What windows find of the link, at best.

    Args:
        reachable: the cloud may be reached in time.
        surely: it can be reached all the while.
        mbps: fastest.
        slowest_mbps: slowest.
    """

    reachable: bool
    surely: bool
    mbps: float
    slowest_mbps: float


@dataclass(frozen=True, slots=True)
class Queue:
    """What windows would find if every one before had run the slowest options.

    Args:
        wait_s: (windows,) until the processor turns to it.
        run_s: (windows,) its own time on the processor.
    """

    wait_s: Float64
    run_s: Float64


@dataclass(frozen=True, slots=True)
class WholeTrace:
    """All windows of a day, in order.

    Args:
        t_s: (windows,) when each was captured.
        asked: distinct.
        asked_at: (windows,) index into asked.
        links: distinct.
        link_at: (windows,) index into links.
        latest_s: (windows,) how long after its capture a window can still be looked at in time.
        slowest: each window behind the slowest options before it.
    """

    t_s: Float64
    asked: tuple[Asked, ...]
    asked_at: Index
    links: tuple[LinkState, ...]
    link_at: Index
    latest_s: Float64
    slowest: Queue


def read_whole(day: DeviceDay) -> WholeTrace:
    """Read a day's trace.

    Raises:
        BadInput: the trace is wrong where it is read.
    """
    times_s: list[float] = []
    numbers: dict[Asked, int] = {}
    which: list[int] = []
    by_due: dict[tuple[str, tuple[str, ...], str], int] = {}
    for arrival in day.arrivals():
        key = (arrival.input_type, arrival.due, arrival.context)
        number = by_due.get(key)
        if number is None:
            asked = Asked(arrival.input_type, tuple(sorted(set(arrival.due))), arrival.context)
            number = by_due[key] = numbers.setdefault(asked, len(numbers))
        times_s.append(arrival.t_s)
        which.append(number)
    t_s, asked_at = np.array(times_s, np.float64), np.array(which, np.intp)
    distinct = tuple(numbers)
    slowest = queue(t_s, _slowest_s(day.problem, distinct)[asked_at])
    limits_s = np.array([latest_limit_s(day.problem.apps, a.due) for a in distinct], np.float64)
    loads_s = sum(c.load_s for c in day.problem.pieces.values())  # that may be ahead in the background
    latest_s = np.minimum(limits_s[asked_at], slowest.wait_s + slowest.run_s + loads_s)
    links, link_at = _links(day, t_s, latest_s)
    return WholeTrace(t_s, distinct, asked_at, links, link_at, latest_s, slowest)


def latest_limit_s(apps: Mapping[str, App], due: Sequence[str]) -> float:
    """Return the longest that any of some apps waits."""
    return max((apps[a].latency_limit_s for a in due if a in apps), default=0.0)


def queue(t_s: Float64, run_s: Float64) -> Queue:
    """Return what windows wait when each holds the processor for a time, first come, first served.

    The work before a window less the time that passed, from the best moment to start counting.
    """
    if not len(t_s):
        return Queue(t_s, run_s)
    done_s = np.concatenate([[0.0], np.cumsum(run_s)[:-1]]) - t_s
    return Queue(done_s - np.minimum.accumulate(done_s), run_s)


def _slowest_s(problem: Problem, asked: Sequence[Asked]) -> Float64:
    """Return the longest that a window may hold the processor, loads included."""
    longest = {
        app: max((sum(_held_s(problem, p) for p in o.device_pieces) for o in options), default=0.0)
        for app, options in problem.options.items()
    }
    return np.array([sum(longest.get(a, 0.0) for a in one.due) for one in asked], np.float64)


def _held_s(problem: Problem, piece: str) -> float:
    cost = problem.pieces[piece]
    return cost.run_s + cost.load_s


def _links(day: DeviceDay, t_s: Float64, latest_s: Float64) -> tuple[tuple[LinkState, ...], Index]:
    """Return the distinct states of the link, and which each window finds."""
    if not len(t_s):
        return (), np.zeros(0, np.intp)
    moments_s, up, mbps = _steps(day.network)
    first = np.searchsorted(moments_s, t_s, side="right") - 1
    last = np.searchsorted(moments_s, t_s + latest_s, side="right") - 1
    after = np.searchsorted(moments_s, t_s + latest_s + _longest_s(day), side="right") - 1
    ups = np.concatenate([[0], np.cumsum(up)])
    reachable = ups[last + 1] > ups[first]
    surely = ups[after + 1] - ups[first] == after + 1 - first
    speeds = np.minimum(mbps, day.problem.link.mbps)
    best = _extreme(np.where(up, speeds, 0.0), first, last, np.maximum)
    worst = _extreme(np.where(up, speeds, np.inf), first, last, np.minimum)
    grade = _grades(best, reachable, _speeds_that_matter(day.problem))
    key = np.where(reachable, 2 * grade + surely, -1)
    states, at = np.unique(key, return_inverse=True)
    links = []
    for number, code in enumerate(states):
        if code < 0:
            links.append(LinkState(False, False, 0.0, 0.0))
            continue
        here = at == number
        links.append(LinkState(True, bool(code % 2), float(best[here].max()), float(worst[here].min())))
    return tuple(links), at.astype(np.intp)


def _steps(network: Network) -> tuple[Float64, npt.NDArray[np.bool_], Float64]:
    """Return when the link changes, from before any window on, whether it is up then, and its speed."""
    moments_s = sorted({-math.inf, *network.connected.moments_s, *network.speed_mbps.moments_s})
    return (
        np.array(moments_s),
        np.array([network.is_connected(t) for t in moments_s], dtype=bool),
        np.array([network.mbps(t) for t in moments_s]),
    )


def _extreme(values: Float64, first: Index, last: Index, ufunc: np.ufunc) -> Float64:
    """Return the largest or smallest of values[first] to values[last], for every window."""
    found: Float64 = values[first]
    for step in range(1, _MOST_STEPS + 1):
        more = first + step <= last
        if not more.any():
            return found
        found[more] = ufunc(found[more], values[first[more] + step])
    further = first + _MOST_STEPS < last
    found[further] = ufunc.reduce(values)
    return found


def _grades(mbps: Float64, reachable: npt.NDArray[np.bool_], matter: Float64) -> Index:
    """Put speeds that serve the same options into one grade; into few grades at any rate."""
    grade = np.searchsorted(matter, mbps, side="right")
    there = np.unique(grade[reachable])
    if len(there) <= _MOST_SPEEDS:
        return grade
    cuts = np.quantile(grade[reachable], np.linspace(0.0, 1.0, _MOST_SPEEDS + 1)[1:-1])
    return np.searchsorted(np.unique(cuts), grade, side="left")


def _speeds_that_matter(problem: Problem) -> Float64:
    """Return the speeds at which some option begins to be in time."""
    found = set()
    for app, options in problem.options.items():
        limit_s = problem.apps[app].latency_limit_s
        for option in options:
            for stage in option.stages:
                left_s = limit_s - _device_s(problem, option) - problem.link.round_trip_s - stage.run_s
                if stage.place is Place.CLOUD and 0.0 < left_s < math.inf:
                    found.add(8e-6 * (stage.up_bytes + stage.down_bytes) / left_s)
    return np.array(sorted(found), np.float64)


def _device_s(problem: Problem, option: Option) -> float:
    return sum(
        s.probability * problem.pieces[p].run_s
        for s in option.stages
        if s.place is Place.DEVICE
        for p in s.pieces
    )


def _longest_s(day: DeviceDay) -> float:
    """Return how long an exchange may be on its way."""
    link = day.problem.link
    slowest = min([link.mbps, *(m for m in _steps(day.network)[2] if m > 0.0)])
    longest_s = 0.0
    for options in day.problem.options.values():
        for stage in (s for o in options for s in o.stages if s.place is Place.CLOUD):
            transfer_s = link.transfer_s(stage.up_bytes, stage.down_bytes, slowest)
            longest_s = max(longest_s, transfer_s + stage.run_s)
    return min(longest_s, _LONGEST_EXCHANGE_S)
