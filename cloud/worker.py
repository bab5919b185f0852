"""The worker: one thread that takes batches from the queue and runs them, and the event loop's side of it.

A short batch that comes while the worker has had nothing to do runs on the event loop, at once: to hand
it over and to be told of its end wakes two threads, which takes as long as a small trunk does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cloud.batching import BatchQueue, Work
from cloud.refusals import TooLate
from cloud.tree_run import BatchResult, Job, JobAnswer, Outcome
from cloud.trunk_forest import Walk

# So long may all other calls wait.
_MOST_ON_LOOP_S = 2e-3


class Runner(Protocol):
    """What runs batches, one at a time, in whichever thread; `is_ready` may be asked meanwhile."""

    def is_ready(self, job: Job) -> bool:
        """Return whether all that a job needs is in memory, so that it takes no longer than before."""

    def run(self, jobs: Sequence[Job]) -> BatchResult:
        """Run jobs of one tree together; one outcome a job."""


@dataclass(slots=True, eq=False)
class Order:
    """The jobs of one request that wait or run.

    Args:
        left: how many are not done.
        answers: by job, None until it is done.
        done: resolved with the last of them, or with the first failure.
    """

    left: int
    answers: list[JobAnswer | None]
    done: asyncio.Future[None]
    works: list[Work[Place]] = field(default_factory=list)

    def settle(self, index: int, outcome: Outcome) -> None:
        """Note what became of a job; on the event loop."""
        if self.done.done():
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
            return
        self.answers[index] = outcome
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a job stands in its request."""

    job: Job
    order: Order
    index: int


Settled = list[tuple[Place, Outcome]]
BatchSize = tuple[int, float]  # windows and seconds
Ran = list[tuple[int, int, float]]  # as in BatchResult


class BatchWorker:
    """Runs work, nearly always in a thread of its own; the rest belongs to the event loop it is made on.

    Args:
        runner: runs batches.
        queue: what waits; touched under a lock that is held for microseconds.
        on_batch: told on the event loop how many windows ran together and for how many seconds.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        runner: Runner,
        queue: BatchQueue[Place],
        on_batch: Callable[[int, float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._on_batch = on_batch
        self._queue = queue
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()  # entered directly: a condition's own way in is Python code
        self._changed = threading.Condition(self._lock)
        self._stopping = False
        self._idle_from_s = clock()
        self._had_company = False
        self._thread = threading.Thread(target=self._work, name="mcdnn-run", daemon=True)
        self._thread.start()

    @property
    def drained_in_s(self) -> float:
        """When all that waits or runs should be done, in seconds from now."""
        with self._lock:
            return self._queue.drained_in_s(self._clock())

    @property
    def is_busy(self) -> bool:
        """Whether anything runs or waits."""
        return self._queue.is_busy

    def check(self, walks: Sequence[Walk], windows: int, deadline_s: float) -> None:
        """Check that a request could be done in time if it were here now.

        Args:
            walks: that all of its windows take.
            windows: how many.
            deadline_s: on the worker's clock.

        Raises:
            QueueFull: it could not.
        """
        works = [Work(walk, windows, deadline_s, None) for walk in walks]
        with self._lock:
            self._queue.check(works, self._clock())

    async def run(self, jobs: Sequence[Job], deadline_s: float) -> list[JobAnswer]:
        """Return what became of the jobs of one request; cancelled, it takes out what has not begun.

        Args:
            jobs: none with more windows than run together.
            deadline_s: on the worker's clock.

        Raises:
            QueueFull: it cannot be done in time.
            TooLate: the deadline passed, or would have, before it was done; nothing more of it runs.
        """
        if len(jobs) == 1 and self._claim(jobs[0], deadline_s):
            return [self._run_here(jobs[0])]
        order = Order(len(jobs), [None] * len(jobs), self._loop.create_future())
        order.works = [
            Work(job.walk, len(job.inputs), deadline_s, Place(job, order, i)) for i, job in enumerate(jobs)
        ]
        with self._lock:
            self._queue.check(order.works, self._clock())
            for work in order.works:
                self._queue.add(work)
            self._changed.notify()
        answers = order.answers
        try:
            await order.done
        except BaseException:
            self._withdraw(order)
            raise
        finally:
            del order  # else a failure is a cycle with this call, and so with its windows
        return [a for a in answers if a is not None]

    def _claim(self, job: Job, deadline_s: float) -> bool:
        """Take the turn for a job that is short and had better not wait for company.

        The last one had none, and nothing ran for as long as this one takes: then hardly anything will
        come while it does.
        """
        if self._had_company or not self._runner.is_ready(job):
            return False
        with self._lock:
            now_s = self._clock()
            most_s = min(_MOST_ON_LOOP_S, now_s - self._idle_from_s)
            return now_s < deadline_s and self._queue.claim(job.walk.nodes, len(job.inputs), most_s, now_s)

    def _run_here(self, job: Job) -> JobAnswer:
        result, took_s = self._run([job])
        # What is only for later runs once the answer is on its way.
        self._loop.call_soon(self._note, result.ran, len(job.inputs), took_s)
        (outcome,) = result.outcomes
        if isinstance(outcome, Exception):
            try:
                raise outcome
            finally:
                del outcome, result  # else a cycle, see run
        return outcome

    def _note(self, ran: Ran, windows: int, took_s: float) -> None:
        self._learn(ran)
        self._on_batch(windows, took_s)

    def _learn(self, ran: Ran) -> None:
        with self._lock:
            self._queue.learn(ran)

    def _withdraw(self, order: Order) -> None:
        with self._lock:
            for work in order.works:
                self._queue.withdraw(work)

    def stop(self) -> None:
        """End the thread when what runs now is done; waits for that, so not for the event loop."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._stopping or len(self._queue)):
                    self._changed.wait()
                if self._stopping:
                    return
                now_s = self._clock()
                batch = self._queue.take(now_s)
            if batch.late:
                self._tell([(w.load, TooLate(_why_late(w.deadline_s - now_s))) for w in batch.late])
            if batch.works:
                places = [w.load for w in batch.works]
                result, took_s = self._run([p.job for p in places])
                windows = sum(w.windows for w in batch.works)
                self._learn(result.ran)
                self._tell(list(zip(places, result.outcomes, strict=True)), (windows, took_s))

    def _run(self, jobs: list[Job]) -> tuple[BatchResult, float]:
        """Run jobs, and end the turn; return what became of them, and how long it took."""
        began_s = self._clock()
        try:
            result = self._runner.run(jobs)
        except Exception as e:  # who runs goes on whatever happens: the service logs it
            result = BatchResult([e] * len(jobs), [])
        ended_s = self._clock()
        with self._lock:
            self._queue.done()
            self._idle_from_s = ended_s
            self._had_company = len(jobs) > 1
        return result, ended_s - began_s

    def _tell(self, settled: Settled, size: BatchSize | None = None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, settled, size)
        except RuntimeError:  # the loop has ended, and with it all who waited
            self._stopping = True

    def _settle(self, settled: Settled, size: BatchSize | None) -> None:
        for place, outcome in settled:
            place.order.settle(place.index, outcome)
        if size is not None:
            self._on_batch(*size)


def _why_late(left_s: float) -> str:
    if left_s > 0.0:
        return f"its turn came {left_s:.3f} s before its deadline, and it takes longer"
    return f"its deadline passed {-left_s:.3f} s before its turn came"
