"""The rpc handlers: a message comes in, waits its turn, and an answer or a refusal goes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Protocol

import grpc

from cloud.answer_stream import AnswerStream
from cloud.answering import jobs_of, whole_answer
from cloud.asking import Asking, Askings, Catalogued
from cloud.batching import BatchQueue
from cloud.errors import RETRY_AFTER_KEY
from cloud.head_messages import special_head_to_proto, training_call_from_proto
from cloud.head_training import HeadTraining, check_training_call
from cloud.hosting import MemoryFigures
from cloud.limits import Limits, check_contents
from cloud.messages import CatalogListing, ClassifyCall
from cloud.metrics import ServerMetrics, ServerState
from cloud.piece_chunks import Piece, chunks_of
from cloud.preparing import prepared, unpacked, windows_as_sent
from cloud.refusals import Broken, Denied, QueueFull, Refusal, Stopping, TooLate
from cloud.request_log import RequestLog
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadServicer
from cloud.run_times import RunTimes
from cloud.tree_run import Job
from cloud.trunk_forest import Walk
from cloud.wire import answer_to_proto, call_from_proto, listing_to_proto
from cloud.worker import BatchWorker, Place, Runner
from engine.offload import OffloadAnswer, Question
from specializer.errors import HeadRejected

_LEAST_RETRY_S = 0.005
_NAMES_LOGGED = 4
# An answer that is ready at the very deadline comes too late: what its way out of the server may take.
_MOST_REPLY_S = 0.005
_REPLY_SHARE = 0.05


class Host(Runner, Catalogued, Protocol):
    """What answers questions; all but `run` is quick and belongs to the event loop."""

    @property
    def memory(self) -> MemoryFigures:
        """What is in memory; asked by any thread."""

    def walks_on(
        self, questions: Sequence[Question], part_ids: tuple[str, ...]
    ) -> tuple[Walk, tuple[int, ...]]:
        """Return what windows need that went through some parts already, and the shape that they have."""

    def piece(self, piece_id: str) -> Piece:
        """Return a part, a head or the description of the whole catalog."""

    def listing(self) -> CatalogListing:
        """Return what can be answered."""


class OffloadService(OffloadServicer):
    """Handlers of the protocol's first version; lives on the event loop that it is made on.

    Args:
        host: answers questions.
        preparing: decodes and resizes pictures.
        limits: what is taken.
        log: of requests that were not answered.
        client_of: names who calls, for the log.
        training: of heads.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        host: Host,
        preparing: Executor,
        limits: Limits,
        log: RequestLog,
        client_of: Callable[[grpc.aio.ServicerContext[Any, Any]], str],
        training: HeadTraining,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._preparing = preparing
        self._limits = limits
        self._log = log
        self._client_of = client_of
        self._training = training
        self._clock = clock
        self.metrics = ServerMetrics(self._state)
        queue = BatchQueue[Place](limits.batch_windows, RunTimes())
        self._worker = BatchWorker(host, queue, self.metrics.batch, clock)
        self._askings = Askings(host, limits)
        self._listing = listing_to_proto(host.listing())
        self._requests = 0
        self._held_bytes = 0
        self._trainings = 0
        self._draining = False
        self._idle = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Requests that are prepared, queued or running."""
        return self._requests

    @property
    def trainings(self) -> int:
        """Heads that wait to be trained or are."""
        return self._trainings

    def _state(self) -> ServerState:
        return ServerState(
            self._requests,
            self._held_bytes,
            self._worker.drained_in_s,
            self._host.memory,
            self._trainings,
        )

    def drain(self) -> None:
        """Take nothing new from now on."""
        self._draining = True
        self._note_idle()

    async def drained(self) -> None:
        """Return once nothing is under way any more, after drain."""
        await self._idle.wait()

    def _note_idle(self) -> None:
        if self._draining and not (self._requests or self._trainings):
            self._idle.set()

    def denied(self, client: str) -> None:
        """Note that a call was not let in."""
        refusal = Denied("a token that this server knows is needed")
        self.metrics.ended(refusal.code.name)
        self._log.refused("", lambda: client, (), refusal)

    def stop(self) -> None:
        """End the worker's thread; waits for what it runs, so not for the event loop."""
        self._worker.stop()

    async def Classify(  # noqa: N802
        self,
        request: pb.ClassifyRequest,
        context: grpc.aio.ServicerContext[pb.ClassifyRequest, pb.ClassifyResponse],
    ) -> pb.ClassifyResponse:
        """Answer or refuse a request; what goes wrong inside stays in the log."""
        try:
            return await self._answered(request, context)
        except Refusal as e:  # not kept in a variable of this call: that would be a cycle with its pictures
            await _refuse(context, e)
        raise AssertionError("abort raises")

    async def _answered(
        self,
        request: pb.ClassifyRequest,
        context: grpc.aio.ServicerContext[Any, Any],
        waited_s: float = 0.0,
    ) -> pb.ClassifyResponse:
        """Return the answer to a request, counted and logged.

        Args:
            request: as it came.
            context: of its call.
            waited_s: before it was read, as far as the deadline of the call does not count that.

        Raises:
            Refusal: there is none.
        """
        try:
            answer = await self._classify(request, context.time_remaining(), waited_s)
        except asyncio.CancelledError:
            self.metrics.ended(grpc.StatusCode.CANCELLED.name)
            raise
        except Exception as e:
            refusal = e if isinstance(e, Refusal) else _broken(e)
        else:
            self.metrics.answered(answer)
            message = answer_to_proto(answer)
            message.catalog_hash = self._listing.catalog_hash
            return message
        self.metrics.ended(refusal.code.name)
        variants = [q.variant for q in request.questions[:_NAMES_LOGGED]]
        self._log.refused(request.request_id, partial(self._client_of, context), variants, refusal)
        try:
            raise refusal
        finally:
            del refusal  # else a cycle with this call, and so with its pictures

    # grpc.aio takes a coroutine that writes, too; the generated types know generators only, and those
    # are not closed when a client goes away while an answer is being written.
    async def ClassifyStream(  # type: ignore[override]  # noqa: N802
        self,
        request_iterator: AsyncIterator[pb.ClassifyRequest],
        context: grpc.aio.ServicerContext[pb.ClassifyRequest, pb.StreamedAnswer],
    ) -> None:
        """Answer or refuse each request of a stream, in the order in which they are done."""
        stream = AnswerStream(context.write, self._limits.streamed, self._clock)

        async def answered(request: pb.ClassifyRequest, waited_s: float) -> pb.ClassifyResponse:
            return await self._answered(request, context, waited_s)

        await stream.run(request_iterator, answered)

    async def FetchPiece(  # type: ignore[override]  # noqa: N802
        self,
        request: pb.FetchPieceRequest,
        context: grpc.aio.ServicerContext[pb.FetchPieceRequest, pb.PieceChunk],
    ) -> None:
        """Send a part, a head or the catalog's description from an offset on."""
        try:
            piece = self._host.piece(request.id)
            async for chunk in chunks_of(piece, request.offset, self._preparing):
                await context.write(chunk)
            return
        except Refusal as e:
            refusal = e
        except OSError as e:
            refusal = _broken(e)
        self._log.refused(request.id, partial(self._client_of, context), (), refusal)
        await _refuse(context, refusal)

    async def ListCatalog(  # noqa: N802
        self,
        request: pb.ListCatalogRequest,
        context: grpc.aio.ServicerContext[pb.ListCatalogRequest, pb.ListCatalogResponse],  # noqa: ARG002
    ) -> pb.ListCatalogResponse:
        """Tell what can be answered, or that it is what the device knows."""
        if request.known_hash == self._listing.catalog_hash:
            return pb.ListCatalogResponse(catalog_hash=request.known_hash, unchanged=True)
        return self._listing

    async def TrainHead(  # noqa: N802
        self,
        request: pb.TrainHeadRequest,
        context: grpc.aio.ServicerContext[pb.TrainHeadRequest, pb.TrainHeadResponse],
    ) -> pb.TrainHeadResponse:
        """Train a head or refuse to; what goes wrong inside stays in the log."""
        self._trainings += 1
        try:
            return await self._trained(request, context.time_remaining())
        except asyncio.CancelledError:
            self.metrics.training_ended(grpc.StatusCode.CANCELLED.name)
            raise
        except Exception as e:
            refusal = e if isinstance(e, Refusal) else _broken(e)
        finally:
            self._trainings -= 1
            self._note_idle()
        self.metrics.training_ended(refusal.code.name)
        self._log.refused(request.request_id, partial(self._client_of, context), [request.variant], refusal)
        await _refuse(context, refusal)
        raise AssertionError("abort raises")

    async def _trained(self, request: pb.TrainHeadRequest, left_s: float | None) -> pb.TrainHeadResponse:
        if self._draining:
            raise Stopping("the server is stopping")
        call = training_call_from_proto(request)
        check_training_call(call, self._limits)
        patience_s = call.deadline_s if left_s is None else min(call.deadline_s, left_s)
        try:
            result = await self._training.train(call, patience_s)
        except HeadRejected as e:
            self.metrics.training_ended("REJECTED", e.processor_s)
            return pb.TrainHeadResponse(rejected=str(e), processor_s=e.processor_s)
        self.metrics.training_ended("OK", result.processor_s)
        return pb.TrainHeadResponse(head=special_head_to_proto(result.head), processor_s=result.processor_s)

    async def _classify(
        self, request: pb.ClassifyRequest, left_s: float | None, waited_s: float
    ) -> OffloadAnswer:
        arrived_s = self._clock()
        if self._draining:
            raise Stopping("the server is stopping")
        asking = self._askings.of(request.questions)
        own_s = request.deadline_s - waited_s
        if own_s <= 0.0 < request.deadline_s:
            raise TooLate(f"its deadline passed {-own_s:.3f} s before it was read")
        patience_s = own_s if left_s is None else min(own_s, left_s)
        deadline_s = arrived_s + patience_s - min(_MOST_REPLY_S, _REPLY_SHARE * patience_s)
        if self._worker.is_busy and request.pictures:  # refused before anything is read for nothing
            self._worker.check(asking.walks, len(request.pictures), deadline_s)
        call = call_from_proto(request, asking.questions, asking.head_ids)
        check_contents(call, self._limits)
        size_bytes = request.ByteSize()
        self._check_room(size_bytes)
        self._requests += 1
        self._held_bytes += size_bytes
        try:
            jobs = self._jobs(call, asking) or await self._decoded(call, asking)
            answers = await self._worker.run(jobs, deadline_s)
        finally:
            self._requests -= 1
            self._held_bytes -= size_bytes
            self._note_idle()
        took_s = self._clock() - arrived_s
        if took_s > patience_s:
            raise TooLate(f"it was done {took_s - patience_s:.3f} s after its deadline")
        return whole_answer(call, answers, took_s)

    def _jobs(self, call: ClassifyCall, asking: Asking) -> list[Job]:
        """Return the jobs of a request, none where its pictures are to be decoded or resized first."""
        most = self._limits.batch_windows
        if call.features is not None:
            walk, shape = self._host.walks_on(call.questions, call.features.part_ids)
            return jobs_of([walk], [unpacked(call.features, shape)], most)
        windows = windows_as_sent(call.pictures, asking.trees)
        return [] if windows is None else jobs_of(asking.walks, windows, most)

    async def _decoded(self, call: ClassifyCall, asking: Asking) -> list[Job]:
        windows = await prepared(call.pictures, asking.trees, self._preparing)
        return jobs_of(asking.walks, windows, self._limits.batch_windows)

    def _check_room(self, size_bytes: int) -> None:
        limits = self._limits
        if self._requests >= limits.waiting:
            told = f"requests waiting: {self._requests}"
        elif self._held_bytes + size_bytes > limits.waiting_bytes and self._requests:
            told = f"bytes waiting: {self._held_bytes}"
        else:
            return
        raise QueueFull(f"the queue is full: {told}", max(self._worker.drained_in_s, _LEAST_RETRY_S))


def _broken(error: Exception) -> Refusal:
    refusal = Broken("the server failed; its log says how")
    refusal.__cause__ = error
    return refusal


async def _refuse(context: grpc.aio.ServicerContext[Any, Any], refusal: Refusal) -> None:
    metadata: tuple[tuple[str, str], ...] = ()
    if isinstance(refusal, QueueFull):
        metadata = ((RETRY_AFTER_KEY, f"{refusal.retry_after_s:.3f}"),)
    try:
        await context.abort(refusal.code, str(refusal), metadata)
    except grpc.aio.AbortError:
        raise
    except Exception as e:  # the client has gone meanwhile, and grpc would log a stack trace for each
        raise asyncio.CancelledError from e
