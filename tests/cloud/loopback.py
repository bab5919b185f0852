"""A real server on a free loopback port, its event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from catalog.tasks import InputType
from cloud.access import OPEN, Access
from cloud.endpoint import Endpoint
from cloud.head_training import HeadTraining
from cloud.hosting import MemoryFigures
from cloud.limits import Limits
from cloud.messages import CatalogListing
from cloud.metrics import ServerMetrics
from cloud.piece_chunks import Piece
from cloud.server import CloudServer
from cloud.service import Host
from cloud.tree_run import BatchResult, Job, JobAnswer
from cloud.trunk_forest import Reading, Tree, Walk
from engine.offload import OffloadedAnswer, Question

ANY_PORT = Endpoint("127.0.0.1", 0)
STEP_LIMIT_S = 60.0


class Loopback:
    """A server that runs until stop; lines is what it logged."""

    def __init__(
        self,
        host: Host,
        limits: Limits,
        drain_s: float,
        listen: Endpoint,
        access: Access = OPEN,
        training: HeadTraining | None = None,
    ) -> None:
        self.lines: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        try:
            self._server = self._make(host, limits, drain_s, access, training)
            self.endpoint = self._submit(self._server.start(listen)).result(STEP_LIMIT_S)
        except BaseException:
            self._end_loop()
            raise

    def _make(
        self, host: Host, limits: Limits, drain_s: float, access: Access, training: HeadTraining | None
    ) -> CloudServer:
        async def make() -> CloudServer:
            return CloudServer(host, limits, self.lines.append, drain_s, access, training)

        return self._submit(make()).result(STEP_LIMIT_S)

    def _submit(self, work) -> Future:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def metrics(self) -> ServerMetrics:
        self._submit(asyncio.sleep(0)).result(STEP_LIMIT_S)  # what is to be counted soon has been
        return self._server.metrics

    @property
    def waiting(self) -> int:
        return self._server.waiting

    @property
    def trainings(self) -> int:
        return self._server.trainings

    def begin_stop(self) -> Future:
        """Start to stop, and return once the server no longer takes requests."""
        stopping = self._submit(self._server.stop())
        self._submit(asyncio.sleep(0)).result(STEP_LIMIT_S)
        return stopping

    def stop(self) -> None:
        self._submit(self._server.stop()).result(STEP_LIMIT_S)
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def loopback(
    host: Host,
    limits: Limits | None = None,
    drain_s: float = 5.0,
    listen: Endpoint = ANY_PORT,
    access: Access = OPEN,
    training: HeadTraining | None = None,
) -> Iterator[Loopback]:
    server = Loopback(host, limits or Limits(), drain_s, listen, access, training)
    try:
        yield server
    finally:
        server.stop()


class GatedHost:
    """A Host whose batches wait at a gate, so that a test decides what is under way.

    claimed_s is what it says that a batch took.
    """

    def __init__(self, claimed_s: float = 1e-4) -> None:
        self.claimed_s = claimed_s
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.batches: list[list[str]] = []

    @property
    def ran(self) -> list[str]:
        """The apps whose work ran, in order."""
        return [app for batch in self.batches for app in batch]

    @property
    def memory(self) -> MemoryFigures:
        return MemoryFigures()

    def walks(self, questions: Sequence[Question]) -> tuple[Walk, ...]:
        names = tuple(q.app for q in questions)
        reading = Reading(0, names, ((),) * len(names), tuple((i,) for i in range(len(names))))
        return (Walk(0, (0,), (reading,), ()),)

    def check_heads(self, questions: Sequence[Question], head_ids: Sequence[str]) -> None:
        raise NotImplementedError

    def walks_on(
        self, questions: Sequence[Question], part_ids: tuple[str, ...]
    ) -> tuple[Walk, tuple[int, ...]]:
        raise NotImplementedError

    def piece(self, piece_id: str) -> Piece:
        raise NotImplementedError

    def tree(self, root: int) -> Tree:
        return Tree(InputType("digit", 16), 16)

    def is_ready(self, job: Job) -> bool:
        return False  # what waits at a gate would hold up the event loop

    def run(self, jobs: Sequence[Job]) -> BatchResult:
        self.batches.append([job.walk.readings[0].heads[0] for job in jobs])
        self.entered.release()
        assert self.gate.wait(STEP_LIMIT_S)
        windows = sum(len(job.inputs) for job in jobs)
        return BatchResult([self._answer(job, windows) for job in jobs], [(0, windows, self.claimed_s)])

    def _answer(self, job: Job, windows: int) -> JobAnswer:
        row = tuple(OffloadedAnswer("0", 1.0) for _ in job.inputs)
        return JobAnswer(dict.fromkeys(range(len(job.walk.readings[0].heads)), row), 1e-4, windows)

    def listing(self) -> CatalogListing:
        return CatalogListing((), (), (), ())
