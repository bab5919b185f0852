"""Many requests on one stream: read as they come, answered as they are done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from cloud.refusals import BadRequest, QueueFull, Refusal
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.unread_wait import UnreadWait

Answered = Callable[[pb.ClassifyRequest, float], Awaitable[pb.ClassifyResponse]]


class AnswerStream:
    """One stream of one client; used once.

    Args:
        write: sends a message; called once at a time.
        most: requests under way; a client that does not read its answers is not read from either.
        clock: seconds, monotonic.
    """

    def __init__(
        self, write: Callable[[pb.StreamedAnswer], Awaitable[None]], most: int, clock: Callable[[], float]
    ) -> None:
        self._write = write
        self._clock = clock
        self._unread = UnreadWait()
        self._room = asyncio.Semaphore(most)
        self._writing = asyncio.Lock()
        self._under_way: set[str] = set()

    async def run(self, requests: AsyncIterator[pb.ClassifyRequest], answered: Answered) -> None:
        """Answer until the client has said that it sends no more, and all is answered.

        Args:
            requests: as they come.
            answered: gives the answer to a request that waited for so many seconds, or raises Refusal.
        """
        async with asyncio.TaskGroup() as tasks:
            async for request in requests:
                waited_s = self._unread.waited_s(request.sent_s, self._clock())
                await self._room.acquire()
                tasks.create_task(self._one(request, waited_s, answered))

    async def _one(self, request: pb.ClassifyRequest, waited_s: float, answered: Answered) -> None:
        try:
            answer = await self._outcome(request, waited_s, answered)
            async with self._writing:
                await self._write(answer)
        finally:
            self._room.release()

    async def _outcome(
        self, request: pb.ClassifyRequest, waited_s: float, answered: Answered
    ) -> pb.StreamedAnswer:
        name = request.request_id
        if name in self._under_way:
            return refused(name, BadRequest("request_id: it is under way on this stream already"))
        self._under_way.add(name)
        try:
            return pb.StreamedAnswer(answer=await answered(request, waited_s))
        except Refusal as e:
            return refused(name, e)
        finally:
            self._under_way.discard(name)


def refused(request_id: str, refusal: Refusal) -> pb.StreamedAnswer:
    """Return the message that ends one request of a stream."""
    number: int = refusal.code.value[0]
    message = pb.Refused(request_id=request_id, code=number, message=str(refusal))
    if isinstance(refusal, QueueFull):
        message.retry_after_s = refusal.retry_after_s
    return pb.StreamedAnswer(refused=message)
