"""Loads: so many clients that each wait for their answer, or requests at times that nothing delays.

Runs in a process of its own; what it is told and what it returns can be sent to and from there.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.load_callers import Caller, Route

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
_CALLS_TO_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Requests and what came of them, one element each.

    Args:
        due_s: when it should have been sent, from the start of the load.
        sent_s: when it was.
        done_s: when the answer or refusal came.
        status: 0 for an answer, else a gRPC status code.
        execution_s: share of inference, as the server tells it.
        batch_windows: that ran with it.
    """

    due_s: Float64
    sent_s: Float64
    done_s: Float64
    status: Int64
    execution_s: Float64
    batch_windows: Int64

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Which were answered."""
        return np.equal(self.status, 0)

    def answers_per_s(self, from_s: float, to_s: float, within_s: float = np.inf) -> float:
        """Return how many answers a second came, each within so long of being sent.

        Counted from the last before an interval, where there is one, to the last in it: answers of a
        batch come together, and a part of one would count as a whole one or as none.
        """
        good = self.answered & (self.done_s - self.sent_s <= within_s)
        done_s = np.sort(self.done_s[good])
        first, end = np.searchsorted(done_s, (from_s, to_s))
        if first == end:
            return 0.0
        began_s = done_s[first - 1] if first else from_s
        return float((end - first) / (done_s[end - 1] - began_s))

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of what answers took, from when their requests should have been sent."""
        return percentile_ms((self.done_s - self.due_s)[self.answered], percent)

    def outside_inference_ms(self) -> float:
        """Return the median of what answers took besides their share of inference."""
        return 1e3 * float(np.median((self.done_s - self.sent_s - self.execution_s)[self.answered]))


def percentile_ms(times_s: Float64, percent: float) -> float:
    """Return a percentile of times, 0 of none."""
    return 1e3 * float(np.percentile(times_s, percent)) if len(times_s) else 0.0


class _Notes:
    """Exchanges as they end."""

    def __init__(self) -> None:
        self._start_s = time.perf_counter()
        self._rows: list[tuple[float, float, float, int, float, int]] = []

    def now_s(self) -> float:
        return time.perf_counter() - self._start_s

    async def call(self, caller: Caller, due_s: float) -> None:
        sent_s = self.now_s()
        reply = await caller.call()
        row = (due_s, sent_s, self.now_s(), reply.status, reply.execution_s, reply.batch_windows)
        self._rows.append(row)

    def whole(self) -> Exchanges:
        return Exchanges(*(np.array(column) for column in zip(*self._rows, strict=True)))


def closed_load(route: Route, clients: int, seconds: float, most: int | None = None) -> Exchanges:
    """Let each client ask again as soon as it was answered.

    Args:
        route: how they ask.
        clients: each with a connection of its own.
        seconds: after which nothing more is asked.
        most: requests of all clients together; None for as many as the time allows.
    """

    async def ask(callers: Sequence[Caller], notes: _Notes) -> None:
        left = [np.inf if most is None else most]

        async def one(caller: Caller) -> None:
            while left[0] > 0 and (due_s := notes.now_s()) < seconds:
                left[0] -= 1
                await notes.call(caller, due_s)

        await asyncio.gather(*(one(c) for c in callers))

    return _run(route, clients, ask)


def open_load(route: Route, clients: int, rate_per_s: float, seconds: float, seed: int) -> Exchanges:
    """Send requests at random times (a Poisson process), whatever has come of those before.

    What an answer takes counts from when its request should have been sent: one that waits because
    its client is still busy has waited all the same.

    Args:
        route: how they ask.
        clients: the times are dealt to them in turn.
        rate_per_s: of all clients together.
        seconds: after which nothing more is asked; all replies are waited for.
        seed: of the times.
    """
    gaps_s = np.random.default_rng(seed).exponential(1.0 / rate_per_s, int(1.5 * rate_per_s * seconds) + 100)
    times_s = np.cumsum(gaps_s)
    times_s = times_s[times_s < seconds]

    async def ask(callers: Sequence[Caller], notes: _Notes) -> None:
        under_way: set[asyncio.Task[None]] = set()
        for number, due_s in enumerate(times_s.tolist()):
            await asyncio.sleep(max(0.0, due_s - notes.now_s()))  # also when late: replies must be read
            task = asyncio.create_task(notes.call(callers[number % clients], due_s))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    return _run(route, clients, ask)


def _run(route: Route, clients: int, ask: Callable[[Sequence[Caller], _Notes], Awaitable[None]]) -> Exchanges:
    async def whole() -> Exchanges:
        callers = [route.caller() for _ in range(clients)]
        for caller in callers:
            await caller.open()
            for _ in range(_CALLS_TO_WARM_UP):
                await caller.call()
        notes = _Notes()
        await ask(callers, notes)
        result = notes.whole()
        for caller in callers:
            await caller.close()
        return result

    # epoll rounds waits up to milliseconds, select does not.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(whole())
