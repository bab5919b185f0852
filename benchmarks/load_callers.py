"""Ways to send one request and wait for its answer: gRPC alone, gRPC in a stream, HTTP.

Messages are encoded beforehand, so that what is measured is the server and not who asks.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from cloud.back_pressure import BackPressure
from cloud.rpc.v1 import classify_pb2 as pb

_SERVICE = "/cloud.rpc.v1.Offload/"
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection for each client
    ("grpc.enable_http_proxy", 0),
]
_REQUEST_ID = b"\x0a"  # tag of the first field
_SENT = b"\x31"  # tag of the sixth one
_LEAST_SHARE = 0.5  # of its time that a request must have left to be sent, as cloud.client_stream does it
NOT_SENT = grpc.StatusCode.CANCELLED.value[0]
_OK, _REFUSED = b"HTTP/1.1 200", 503


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request.

    Args:
        status: 0 for an answer, else a gRPC status code.
        execution_s: the request's share of inference, as the server tells it; 0 where it does not.
        batch_windows: that ran with it, likewise.
    """

    status: int
    execution_s: float = 0.0
    batch_windows: int = 0


class Caller(Protocol):
    """One client with a connection of its own."""

    async def open(self) -> None:
        """Connect."""

    async def call(self) -> Reply:
        """Send a request and wait for what comes of it; many may be under way where the way allows it."""

    async def close(self) -> None:
        """Disconnect."""


@dataclass(frozen=True, slots=True)
class Route:
    """How requests travel; can be sent to another process.

    Args:
        kind: a name of CALLERS.
        address: HOST:PORT.
        body: the request, encoded, without its id.
        deadline_s: after which nobody waits for an answer any more.
    """

    kind: str
    address: str
    body: bytes
    deadline_s: float

    def caller(self) -> Caller:
        """Return a new client."""
        return CALLERS[self.kind](self)


class UnaryCaller:
    """One call for each request."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._body = route.body + _tagged("r")

    async def open(self) -> None:
        """Connect; see Caller."""
        self._channel = grpc.aio.insecure_channel(self._route.address, options=_OPTIONS)
        self._call: Any = self._channel.unary_unary(_SERVICE + "Classify")
        await self._channel.channel_ready()

    async def call(self) -> Reply:
        """Ask; see Caller."""
        try:
            data = await self._call(self._body, timeout=self._route.deadline_s)
        except grpc.aio.AioRpcError as e:
            return Reply(e.code().value[0])
        return _answered(pb.ClassifyResponse.FromString(data))

    async def close(self) -> None:
        """Disconnect; see Caller."""
        await self._channel.close()


class EchoCaller(UnaryCaller):
    """The same call where nothing is made of the bytes."""

    async def open(self) -> None:
        """Connect; see Caller."""
        await super().open()
        self._call = self._channel.unary_unary("/echo/Echo")

    async def call(self) -> Reply:
        """Ask; see Caller."""
        return Reply(0 if await self._call(self._body) == self._body else grpc.StatusCode.INTERNAL.value[0])


class StreamCaller:
    """All requests on one stream, as many as cloud.client_stream would send."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._writing = asyncio.Lock()
        self._pressure = BackPressure()

    async def open(self) -> None:
        """Connect; see Caller."""
        self._channel = grpc.aio.insecure_channel(self._route.address, options=_OPTIONS)
        await self._channel.channel_ready()
        self._stream: Any = self._channel.stream_stream(_SERVICE + "ClassifyStream")()
        self._reader = asyncio.create_task(self._read())

    async def call(self) -> Reply:
        """Ask; see Caller."""
        name = str(next(self._numbers))
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        came_s, deadline_s = time.monotonic(), self._route.deadline_s
        if self._pressure.held_s(deadline_s, came_s):
            return Reply(NOT_SENT)
        self._pressure.sent(name, deadline_s, came_s)
        self._waiting[name] = reply
        async with self._writing:
            left_s = deadline_s - (time.monotonic() - came_s)
            if left_s < _LEAST_SHARE * deadline_s:
                del self._waiting[name]
                self._pressure.ended(name)
                return Reply(NOT_SENT)
            await self._stream.write(self._route.body + _tagged(name) + _SENT + struct.pack("<d", came_s))
        return await reply

    async def _read(self) -> None:
        async for data in self._stream:
            message = pb.StreamedAnswer.FromString(data)
            if message.HasField("answer"):
                self._pressure.answered(message.answer.request_id)
                self._waiting.pop(message.answer.request_id).set_result(_answered(message.answer))
            else:
                refused = message.refused
                self._pressure.ended(refused.request_id)
                if refused.HasField("retry_after_s"):
                    now_s = time.monotonic()
                    self._pressure.refused(refused.retry_after_s, self._route.deadline_s, now_s)
                self._waiting.pop(refused.request_id).set_result(Reply(refused.code))

    async def close(self) -> None:
        """Disconnect; see Caller."""
        await self._stream.done_writing()
        await self._reader
        await self._channel.close()


class HttpCaller(asyncio.Protocol):
    """One request at a time on one connection that stays open (RFC 9112)."""

    def __init__(self, route: Route) -> None:
        self._host, _, port = route.address.partition(":")
        self._port = int(port)
        head = (
            f"POST /predict HTTP/1.1\r\nHost: {route.address}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {len(route.body)}\r\n\r\n"
        )
        self._message = head.encode() + route.body
        self._received = b""
        self._reply: asyncio.Future[Reply] | None = None

    async def open(self) -> None:
        """Connect; see Caller."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, self._host, self._port)

    async def call(self) -> Reply:
        """Ask; see Caller."""
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(self._message)
        return await self._reply

    def data_received(self, data: bytes) -> None:
        """Take bytes; see asyncio.Protocol."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._received = b""
        if self._reply is not None:
            self._reply.set_result(Reply(0 if head.startswith(_OK) else _REFUSED))

    async def close(self) -> None:
        """Disconnect; see Caller."""
        self._transport.close()


CALLERS: dict[str, Callable[[Route], Caller]] = {
    "unary": UnaryCaller,
    "stream": StreamCaller,
    "echo": EchoCaller,
    "http": HttpCaller,
}


def _tagged(name: str) -> bytes:
    """Return a request id as a field: messages that follow each other are merged."""
    return _REQUEST_ID + bytes([len(name)]) + name.encode()


def _answered(message: pb.ClassifyResponse) -> Reply:
    if not message.answers:
        return Reply(grpc.StatusCode.INTERNAL.value[0])
    return Reply(0, message.execution_s, message.batch_windows)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
