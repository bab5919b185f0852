"""The clairvoyant bound: no schedule of a day has more right answers within the budgets.

The whole trace is known and solved as one linear program (clairvoyant_program). What bounds the
value is taken from the program's prices, so that it holds whatever a solver's tolerances are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.clairvoyant_program import ClairvoyantProgram
from sim.linear_program import Solution
from sim.scenario import DeviceDay


@dataclass(frozen=True, slots=True)
class ShadowPrices:
    """What a little more of a limit would be worth, in weighted right answers over the day.

    Args:
        per_j: one more joule in every period.
        per_usd: one more dollar in every period.
        per_byte: one more byte of memory.
        per_processor_s: one more second of the processor whenever it has too much to do.
    """

    per_j: float
    per_usd: float
    per_byte: float
    per_processor_s: float


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that any schedule of a day could reach.

    Args:
        value: weighted right answers.
        accuracy: the same as a share of the weights of all requests, as DayResult.accuracy is; 0
            where there are no requests.
        relaxed: what the bound lets a schedule do that a device cannot do, in sentences.
        prices: what more of each limit would be worth.
        columns: of the linear program.
        rows: of the linear program.
        solve_s: processor time that building and solving it took.
    """

    value: float
    accuracy: float
    relaxed: tuple[str, ...]
    prices: ShadowPrices
    columns: int
    rows: int
    solve_s: float


def clairvoyant_bound(day: DeviceDay, clock: Callable[[], float] = time.process_time) -> Bound:
    """Bound what any schedule of a device's day could reach within its budgets.

    It holds for every day that the simulator can live with admission, and for the answers until
    a budget is exhausted without; where a policy lets extraction overdraw the energy it does not.

    Args:
        day: what is bounded.
        clock: processor time in seconds.

    Raises:
        BadInput: the trace is wrong where it is read.
    """
    before_s = clock()
    built = ClairvoyantProgram(day)
    solution = built.program.solve()
    value = max(0.0, solution.bound)
    asked = _asked(built)
    return Bound(
        value,
        value / asked if asked else 0.0,
        _relaxed(built, day),
        _prices(built, solution),
        built.program.columns,
        built.program.rows,
        clock() - before_s,
    )


def _asked(built: ClairvoyantProgram) -> float:
    """Return the weights of all requests."""
    counts = np.bincount(built.trace.asked_at, minlength=len(built.trace.asked))
    apps = built.problem.apps
    return sum(
        float(n) * sum(apps[a].weight for a in asked.due)
        for n, asked in zip(counts, built.trace.asked, strict=True)
    )


def _prices(built: ClairvoyantProgram, solution: Solution) -> ShadowPrices:
    def total(rows: list[int]) -> float:
        return float(solution.prices[rows].sum()) if rows else 0.0

    return ShadowPrices(
        total(built.energy_rows),
        total(built.money_rows),
        total(built.memory_rows),
        total(built.processor_rows),
    )


def _relaxed(built: ClairvoyantProgram, day: DeviceDay) -> tuple[str, ...]:
    found = [
        "The whole trace, the link and every context are known beforehand.",
        "A window may be answered in part, and apps that share a part always use it on the same windows.",
        "Only expected costs must be within the budgets, not the worst cases that are reserved.",
        "An answer is in time if its option is, alone, with everything in memory and no queue.",
        "No other device keeps the cloud busy.",
    ]
    if built.is_memory_short:
        found.append(
            "Pieces may be in memory in part; between moments that are looked at together, only as much "
            "memory as there is on average, and what cannot be there side by side, is accounted for."
        )
    if built.processor.capacity_s or built.uplink.capacity_s:
        found.append("In a slot of time the processor or the link does its work in any order.")
    if day.radio is not None and day.radio.tail_w > 0.0:
        found.append(
            "Exchanges go out on the windows closest to one another."
            if built.burst_s > 0.0
            else "The radio has no tail: answers may wait longer than it, or the link is very slow."
        )
    return tuple(found)
