"""Which thread runs a batch: the worker's own, or the event loop's where handing over would cost more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from catalog.errors import BackendError
from cloud.batching import BatchQueue
from cloud.refusals import TooLate
from cloud.run_times import RunTimes
from cloud.tree_run import BatchResult, Job, JobAnswer, Outcome
from cloud.trunk_forest import Walk
from cloud.worker import BatchWorker, Place

SHORT_S, LONG_S = 0.0005, 0.05
PATIENCE_S = 10.0


class Runner:
    """Notes which thread ran a batch; what it took is claimed, so that no test waits for it."""

    def __init__(self, claimed_s: float) -> None:
        self.claimed_s = claimed_s
        self.ready = True
        self.failure: Exception | None = None
        self.raises = False
        self.threads: list[int] = []

    def is_ready(self, job: Job) -> bool:
        return self.ready

    def run(self, jobs: Sequence[Job]) -> BatchResult:
        self.threads.append(threading.get_ident())
        if self.failure is not None and self.raises:
            raise self.failure
        windows = sum(len(j.inputs) for j in jobs)
        outcomes: list[Outcome] = [self.failure or JobAnswer({}, self.claimed_s, windows) for _ in jobs]
        return BatchResult(outcomes, [(0, windows, self.claimed_s)])


def job() -> Job:
    return Job(Walk(0, (0,), (), ()), np.zeros((1, 8, 8, 3), np.uint8))


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def working(runner: Runner, clock: Clock) -> AsyncIterator[BatchWorker]:
    worker = BatchWorker(runner, BatchQueue[Place](16, RunTimes()), lambda *_: None, clock)
    try:
        yield worker
    finally:
        worker.stop()


def ran_here(runner: Runner, pauses_s: Sequence[float]) -> list[bool]:
    """Ask once after each pause; return which batches the event loop ran."""
    batches: list[tuple[int, float]] = []
    clock = Clock()

    async def ask() -> None:
        queue = BatchQueue[Place](16, RunTimes())
        worker = BatchWorker(runner, queue, lambda windows, s: batches.append((windows, s)), clock)
        try:
            for pause_s in pauses_s:
                clock.now_s += pause_s
                await worker.run([job()], clock.now_s + PATIENCE_S)
        finally:
            worker.stop()

    asyncio.run(ask())
    assert len(batches) == len(runner.threads)
    return [t == threading.get_ident() for t in runner.threads]


def test_a_short_batch_after_a_pause_runs_on_the_event_loop_once_it_is_known() -> None:
    assert ran_here(Runner(SHORT_S), [1.0, 1.0, 1.0]) == [False, True, True]


def test_what_follows_at_once_waits_for_company_in_the_worker() -> None:
    assert ran_here(Runner(SHORT_S), [1.0, 1.0, SHORT_S / 2, 1.0]) == [False, True, False, True]


def test_what_follows_a_batch_of_several_waits_for_company_once() -> None:
    runner = Runner(SHORT_S)
    clock = Clock()

    async def ask() -> None:
        async with working(runner, clock) as worker:
            for jobs in (1, 2, 1, 1):
                clock.now_s += 1.0
                await worker.run([job() for _ in range(jobs)], clock.now_s + PATIENCE_S)

    asyncio.run(ask())
    assert [t == threading.get_ident() for t in runner.threads] == [False, False, False, True]


def test_what_is_late_already_is_told_so_and_not_run() -> None:
    runner = Runner(SHORT_S)
    clock = Clock()

    async def ask() -> None:
        async with working(runner, clock) as worker:
            await worker.run([job()], clock.now_s + PATIENCE_S)
            clock.now_s += 1.0
            with pytest.raises(TooLate, match="its deadline passed"):
                await worker.run([job()], clock.now_s - 0.1)

    asyncio.run(ask())
    assert len(runner.threads) == 1


def test_a_long_batch_never_holds_up_the_event_loop() -> None:
    assert ran_here(Runner(LONG_S), [1.0, 1.0, 1.0]) == [False, False, False]


def test_neither_does_one_whose_parts_have_to_be_loaded() -> None:
    runner = Runner(SHORT_S)
    runner.ready = False
    assert ran_here(runner, [1.0, 1.0]) == [False, False]


@pytest.mark.parametrize("raises", [False, True])
def test_a_failure_on_the_event_loop_fails_its_request_and_ends_the_turn(raises: bool) -> None:
    runner = Runner(SHORT_S)
    runner.raises = raises

    async def ask() -> None:
        clock = Clock()
        async with working(runner, clock) as worker:
            await worker.run([job()], clock.now_s + PATIENCE_S)
            clock.now_s += 1.0
            runner.failure = BackendError("part broken")
            with pytest.raises(BackendError, match="part broken"):
                await worker.run([job()], clock.now_s + PATIENCE_S)
            runner.failure = None
            clock.now_s += 1.0
            await worker.run([job()], clock.now_s + PATIENCE_S)

    asyncio.run(ask())
    assert [t == threading.get_ident() for t in runner.threads] == [False, True, True]
