"""The rpc handlers: a message comes in, waits its turn, and an answer or a refusal goes out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import grpc

from cloud.errors import RETRY_AFTER_KEY
from cloud.limits import Limits, check_call
from cloud.messages import CatalogListing, ClassifyCall
from cloud.pictures import UInt8, decoded
from cloud.refusals import Broken, QueueFull, Refusal, TooLate
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadServicer
from cloud.wire import answer_to_proto, call_from_proto, listing_to_proto
from engine.offload import OffloadAnswer, OffloadedAnswer, Question
from engine.router import Route

_log = logging.getLogger(__name__)

_FIRST_GUESS_S = 0.05
_WEIGHT_OF_LATEST = 0.1


class Host(Protocol):
    """What answers questions; `route` and `listing` on the event loop, `answer` in one worker thread."""

    def route(self, questions: tuple[Question, ...]) -> Route:
        """Return how to run the questions; quick."""

    def answer(self, route: Route, windows: list[UInt8]) -> tuple[tuple[OffloadedAnswer, ...], ...]:
        """Run a route on windows (H, W, 3) uint8 RGB."""

    def listing(self) -> CatalogListing:
        """Return what can be answered; quick."""


@dataclass(slots=True)
class Queue:
    """How many requests are in the server, and how long one takes.

    Args:
        waiting: queued or running.
        execution_s: of one request, exponentially weighted.
    """

    waiting: int = 0
    execution_s: float = _FIRST_GUESS_S

    @property
    def drained_in_s(self) -> float:
        """When the last of those waiting should be done."""
        return self.waiting * self.execution_s

    def done(self, execution_s: float) -> None:
        """Note that a request ran."""
        self.execution_s += _WEIGHT_OF_LATEST * (execution_s - self.execution_s)


class OffloadService(OffloadServicer):
    """Handlers of the protocol's first version.

    Args:
        host: answers questions.
        worker: runs them, off the event loop; with one thread, as a Host asks for.
        limits: what is taken.
        clock: seconds, monotonic.
    """

    def __init__(
        self, host: Host, worker: Executor, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host = host
        self._worker = worker
        self._limits = limits
        self._clock = clock
        self._queue = Queue()

    @property
    def waiting(self) -> int:
        """Requests that are queued or running."""
        return self._queue.waiting

    async def Classify(  # noqa: N802
        self,
        request: pb.ClassifyRequest,
        context: grpc.aio.ServicerContext[pb.ClassifyRequest, pb.ClassifyResponse],
    ) -> pb.ClassifyResponse:
        """Answer or refuse a request; what goes wrong inside stays in the log."""
        try:
            return answer_to_proto(await self._classify(request))
        except Refusal as e:
            refusal = e
        except Exception:
            _log.exception("request %r failed", request.request_id[: self._limits.name_chars])
            refusal = Broken("the server failed; its log says how")
        await _refuse(context, refusal)
        raise AssertionError("abort raises")

    async def ListCatalog(  # noqa: N802
        self,
        request: pb.ListCatalogRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext[pb.ListCatalogRequest, pb.ListCatalogResponse],  # noqa: ARG002
    ) -> pb.ListCatalogResponse:
        """Tell what can be answered."""
        return listing_to_proto(self._host.listing())

    async def _classify(self, request: pb.ClassifyRequest) -> OffloadAnswer:
        arrived_s = self._clock()
        call = call_from_proto(request)
        check_call(call, self._limits)
        route = self._host.route(call.questions)
        queue = self._queue
        if queue.waiting >= self._limits.waiting:
            raise QueueFull(f"the queue is full: requests waiting: {queue.waiting}", queue.drained_in_s)
        queue.waiting += 1
        try:
            # A call that is cancelled before its turn is taken out of the worker's queue.
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._worker, self._work, call, route, arrived_s)
        finally:
            queue.waiting -= 1
        queue.done(answer.execution_s)
        return answer

    def _work(self, call: ClassifyCall, route: Route, arrived_s: float) -> OffloadAnswer:
        began_s = self._clock()
        queue_s = began_s - arrived_s
        if queue_s >= call.deadline_s:
            raise TooLate(f"waited {queue_s:.3f} s, the deadline was {call.deadline_s:.3f} s")
        answers = self._host.answer(route, [decoded(p) for p in call.pictures])
        batch_windows = min(len(call.pictures), self._limits.batch_windows)
        return OffloadAnswer(call.request_id, answers, queue_s, self._clock() - began_s, batch_windows)


async def _refuse(
    context: grpc.aio.ServicerContext[pb.ClassifyRequest, pb.ClassifyResponse], refusal: Refusal
) -> None:
    metadata: tuple[tuple[str, str], ...] = ()
    if isinstance(refusal, QueueFull):
        metadata = ((RETRY_AFTER_KEY, f"{refusal.retry_after_s:.3f}"),)
    await context.abort(refusal.code, str(refusal), metadata)
