"""The engine's way to a server: requests begin at once, end in time, and never disturb the caller.

Four threads for each server, whatever the load: one that encodes and sends, one that does what is due
at a time, one that watches the connection, and one in which grpc tells what has ended. Encoding has its
own because it may take a while, and no deadline may wait for it.
"""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from types import TracebackType

import grpc

from cloud.agenda import Agenda
from cloud.calling import call_of, check_answer, check_size
from cloud.circuit_breaker import BreakerRules, CircuitBreaker
from cloud.connection import Connection, Reply
from cloud.credentials import PLAIN, Credentials
from cloud.encodings import Encodings
from cloud.endpoint import Endpoint
from cloud.errors import CloudBroken, CloudError, CloudRefused, CloudTimeout, CloudUnreachable
from cloud.limits import Limits
from cloud.retrying import RetryBudget, retry_pause_s
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.server_link import ServerLink
from cloud.window_encoding import PictureSizes
from cloud.wire import answer_from_proto, call_to_proto
from engine.offload import ExpectedPicture, LinkState, OffloadAnswer, OffloadRequest

# Who stops waiting after this share of the deadline does so because no answer has come.
_LATE_SHARE = 0.5
# grpc ends a call at its deadline; what it never saw, as behind large windows, is ended here.
_GRACE_S = 0.02


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Flight:
    """A request under way; used by the client's own thread, and by grpc's while a call is under way."""

    request: OffloadRequest
    began_s: float
    answer: Future[OffloadAnswer] = field(default_factory=Future)
    message: pb.ClassifyRequest | None = None
    connection: Connection | None = None
    call: grpc.Future[pb.ClassifyResponse] | None = None
    attempts: int = 0
    up_bytes: int = 0
    sent_s: float = 0.0

    @property
    def ends_s(self) -> float:
        return self.began_s + self.request.deadline_s


class CloudOffload:
    """Implements engine.offload.Offload over one gRPC channel; begins to connect when it is made.

    A request that cannot be sent now fails at once. One that was sent ends by its deadline: with an
    answer, with a CloudError, or cancelled, which cancels it at the server too. What is done with a
    future runs in a thread of grpc's and should be quick.

    Args:
        endpoint: of the server.
        encodings: of windows. They are read after submit has returned and must not be changed.
        credentials: what is shown to the server.
        limits: what the server takes.
        rules: when the server is given up, and when it is looked for.
        clock: seconds, monotonic.
        draw: a number in [0, 1), evenly spread.

    Raises:
        BadInput: a token would travel unencrypted between machines.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        encodings: Encodings | None = None,
        credentials: Credentials = PLAIN,
        limits: Limits | None = None,
        rules: BreakerRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        credentials.check(endpoint)
        self._where = f"cloud {endpoint}"
        self._encodings = encodings or Encodings()
        self._limits = limits or Limits()
        self._clock = clock
        self._draw = draw
        self._lock = threading.Lock()
        self._sizes = {encoding: PictureSizes(encoding) for encoding in self._encodings.every}
        self._budget = RetryBudget()
        self._flights: set[_Flight] = set()
        self._closed = False
        self._agenda = Agenda("mcdnn-cloud", clock)
        self._sending = Agenda("mcdnn-cloud-send", clock)
        breaker = CircuitBreaker(rules or BreakerRules(), draw)
        connect = partial(Connection, endpoint, credentials, self._limits, clock)
        self._link = ServerLink(str(endpoint), connect, breaker, self._agenda, clock)

    def submit(self, request: OffloadRequest) -> Future[OffloadAnswer]:
        """Begin a request and return at once; see engine.offload.Offload."""
        flight = _Flight(request, self._clock())
        try:
            self._check(request)
            with self._lock:
                if self._closed:
                    raise CloudUnreachable(f"{self._where}: closed")
                self._flights.add(flight)
        except CloudError as e:
            flight.answer.set_exception(e)
            return flight.answer
        flight.answer.add_done_callback(partial(self._over, flight))
        # Not kept alive by its deadline: it holds windows, and most requests end long before.
        self._agenda.after(request.deadline_s + _GRACE_S, partial(self._expire, weakref.ref(flight)))
        self._sending.soon(partial(self._send, flight))
        return flight.answer

    def state(self) -> LinkState:
        """Return what is known of the way to the server; see engine.offload.Offload."""
        return self._link.state()

    def picture(self, variant: str, size_px: int, /) -> ExpectedPicture:
        """Return as what a window travels; see engine.offload.Offload."""
        sizes = self._sizes[self._encodings.chosen((variant,))]
        return ExpectedPicture(sizes.expected_bytes(size_px), self._encodings.accuracy_loss(variant))

    def wait_connected(self, timeout_s: float) -> bool:
        """Return whether the server can be asked, as soon as it can."""
        return self._link.wait_connected(timeout_s)

    @property
    def under_way(self) -> int:
        """Requests that have not ended."""
        return len(self._flights)

    def close(self) -> None:
        """End what is under way and let go of the connection; see engine.offload.Offload."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            flights = list(self._flights)
        for flight in flights:
            self._end(flight, CloudUnreachable(f"{self._where}: closed"))
        self._sending.close()
        self._agenda.close()
        self._link.close()

    def __enter__(self) -> CloudOffload:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _check(self, request: OffloadRequest) -> None:
        if not (isfinite(request.deadline_s) and request.deadline_s > 0.0):
            raise CloudTimeout(f"{self._named(request)}: no time left to send it")
        self._link.check()

    def _named(self, request: OffloadRequest) -> str:
        return f"{self._where}: request {request.id}"

    def _send(self, flight: _Flight) -> None:
        if flight.answer.done():
            return
        try:
            self._begin(flight)
        except CloudError as e:
            self._end(flight, e)
        except Exception as e:  # one that is not ended here would never end
            broken = CloudBroken(f"{self._named(flight.request)}: it could not be sent")
            broken.__cause__ = e
            self._end(flight, broken)

    def _begin(self, flight: _Flight) -> None:
        connection = self._link.connection
        assert connection is not None  # requests are taken once there is one
        message = self._message(flight)
        left_s = flight.ends_s - self._clock()
        if not left_s > 0.0:
            raise CloudTimeout(f"{self._named(flight.request)}: no time left to send it")
        message.deadline_s = left_s
        flight.connection = connection
        flight.sent_s = flight.sent_s or self._clock()
        flight.attempts += 1
        flight.up_bytes += message.ByteSize()
        self._link.sending(message.ByteSize())
        flight.call = connection.classify(message, left_s, partial(self._returned, flight, connection))
        if flight.call is not None and flight.answer.cancelled():
            flight.call.cancel()

    def _expire(self, expired: weakref.ref[_Flight]) -> None:
        flight = expired()
        if flight is not None and not flight.answer.done():
            self._link.lost()
            self._end(flight, CloudTimeout(f"{self._named(flight.request)}: its deadline has passed"))
            if flight.call is not None:
                flight.call.cancel()

    def _message(self, flight: _Flight) -> pb.ClassifyRequest:
        """Return the request's message, made once.

        Raises:
            CloudRefused: it cannot be encoded, or is larger than the server takes.
        """
        if flight.message is None:
            request = flight.request
            heads = self._link.head_ids(request.questions)
            encoding = self._encodings.chosen(q.variant for q in request.questions)
            try:
                call = call_of(request, encoding.encode, request.deadline_s, heads)
                message = call_to_proto(call)
            except Exception as e:  # whatever is wrong with a window, it is this request's alone
                raise CloudRefused(f"{self._named(request)}: it cannot be encoded: {e}") from e
            check_size(message.ByteSize(), self._limits.message_bytes, self._named(request))
            if call.pictures:
                self._sizes[encoding].learn(call.pictures, self._clock())
            flight.message = message
        return flight.message

    def _returned(
        self, flight: _Flight, connection: Connection, outcome: Reply[pb.ClassifyResponse] | CloudError
    ) -> None:
        if flight.answer.done():  # cancelled: how its call ends tells nothing
            return
        try:
            if isinstance(outcome, CloudError):
                raise outcome
            answer = self._read(flight, outcome)
        except CloudError as e:
            self._failed(flight, connection, e)
        except Exception as e:
            broken = CloudBroken(f"{self._named(flight.request)}: an answer that makes no sense")
            broken.__cause__ = e
            self._failed(flight, connection, broken)
        else:
            self._end(flight, answer)

    def _read(self, flight: _Flight, reply: Reply[pb.ClassifyResponse]) -> OffloadAnswer:
        request = flight.request
        answer = answer_from_proto(reply.message)
        check_answer(answer, request, self._named(request))
        windows = len(request.windows) if request.features is None else 0
        self._link.answered(reply.exchange, request.questions, windows, reply.message)
        with self._lock:
            self._budget.answered()
        return replace(
            answer,
            up_bytes=flight.up_bytes,
            down_bytes=reply.exchange.down_bytes,
            round_trip_s=reply.exchange.received_s - flight.sent_s,
        )

    def _failed(self, flight: _Flight, connection: Connection, error: CloudError) -> None:
        variants = [q.variant for q in flight.request.questions]
        self._link.attempt_failed(connection, error, variants)
        left_s = flight.ends_s - self._clock()
        needed_s = self._link.expected_s(flight.up_bytes // flight.attempts)
        pause_s = retry_pause_s(error, flight.attempts, left_s, needed_s, self._draw())
        with self._lock:
            again = pause_s is not None and self._budget.spend()
        if pause_s is not None and again:
            self._agenda.after(pause_s, partial(self._sending.soon, partial(self._send, flight)))
            return
        if not isinstance(error, CloudRefused):
            self._link.lost()
        self._end(flight, error)

    def _end(self, flight: _Flight, outcome: OffloadAnswer | CloudError) -> None:
        """End a request, unless it has ended: the first outcome stands."""
        with suppress(InvalidStateError):
            if isinstance(outcome, CloudError):
                flight.answer.set_exception(outcome)
            else:
                flight.answer.set_result(outcome)

    def _over(self, flight: _Flight, answer: Future[OffloadAnswer]) -> None:
        with self._lock:
            self._flights.discard(flight)
        if not answer.cancelled():
            return
        answer.set_running_or_notify_cancel()  # else who waits for several futures never learns of it
        if flight.call is not None:
            flight.call.cancel()
        late_s = flight.began_s + _LATE_SHARE * flight.request.deadline_s
        if flight.connection is not None and self._clock() > late_s:
            self._link.given_up(flight.connection)
