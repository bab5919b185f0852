"""The device's side of a stream: requests go out without waiting, answers come in any order."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Protocol

from cloud.agenda import Agenda
from cloud.back_pressure import BackPressure
from cloud.errors import (
    CloudBroken,
    CloudBusy,
    CloudError,
    CloudIncompatible,
    CloudTimeout,
    CloudUnreachable,
    translated,
)
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.wire import answer_from_proto, refusal_from_proto
from engine.offload import OffloadAnswer

# What has waited for more than this share of its time before the connection took it is not sent: the server
# would hardly have time left, and what comes behind it would be late as well.
_MOST_UNSENT = 0.5
_GRACE_S = 0.1  # beyond its deadline, for an answer that is on its way
_UNTIMED_S = 5.0  # for a request whose deadline is none, which the server refuses


class AnswersToCome(Protocol):
    """A call of gRPC's."""

    def __iter__(self) -> Iterator[pb.StreamedAnswer]:
        """Return the answers as they come."""

    def cancel(self) -> object:
        """End the call."""


class StreamingStub(Protocol):
    """What the generated stub offers for streams."""

    def __call__(self, requests: Iterator[pb.ClassifyRequest]) -> AnswersToCome:
        """Begin a stream."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sent:
    answer: Future[OffloadAnswer]
    message: pb.ClassifyRequest
    up_bytes: int
    sent_s: float

    @property
    def patience_s(self) -> float:
        deadline_s = self.message.deadline_s
        return deadline_s if deadline_s > 0.0 and math.isfinite(deadline_s) else _UNTIMED_S


class ClientStream:
    """One stream to one server; safe to share between threads. Broken or closed, it stays so.

    Every request ends by its deadline, whatever the server and the way to it do. Where they take less than
    is sent, a request ends at once: see BackPressure. What has waited for half of its time until the
    connection took it is not sent any more.

    Args:
        begin: begins the stream.
        name: of the server, for errors.
        clock: seconds, monotonic.
    """

    def __init__(self, begin: StreamingStub, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._outgoing: queue.SimpleQueue[_Sent | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: dict[str, _Sent] = {}
        self._given_up: set[str] = set()  # sent, and still to be answered by the server
        self._pressure = BackPressure()
        self._latest_s = -math.inf
        self._ended = False
        self._agenda = Agenda("mcdnn-cloud-stream-ends", clock)
        self._call = begin(self._requests())
        self._reader = threading.Thread(target=self._read, name="mcdnn-cloud-stream", daemon=True)
        self._reader.start()

    def send(self, message: pb.ClassifyRequest) -> Future[OffloadAnswer]:
        """Send a request and return its answer to come; it fails with a CloudError.

        It fails at once, with CloudBusy, where the server has too much to do.

        Args:
            message: the stream's from here on: it is told when it was sent.

        Raises:
            CloudUnreachable: the stream has ended.
            ValueError: a request with the same id is under way.
        """
        name, sent = message.request_id, _Sent(Future(), message, message.ByteSize(), self._clock())
        ends_s = sent.patience_s + _GRACE_S
        message.sent_s = sent.sent_s
        with self._lock:
            if self._ended:
                raise CloudUnreachable(f"cloud {self._name}: the stream has ended")
            if name in self._waiting or name in self._given_up:
                raise ValueError(f"request {name}: it is under way on this stream already")
            held_s = self._pressure.held_s(sent.patience_s, sent.sent_s)
            if held_s:
                sent.answer.set_exception(CloudBusy(f"cloud {self._name}: busy: not sent", held_s))
                return sent.answer
            self._pressure.sent(name, sent.patience_s, sent.sent_s)
            self._waiting[name] = sent
            self._latest_s = max(self._latest_s, sent.sent_s + ends_s)
        self._agenda.after(ends_s, partial(self._expire, name, sent.answer))
        self._outgoing.put(sent)
        return sent.answer

    def close(self) -> None:
        """Send no more, and wait for what is under way, as long as that has time."""
        self._outgoing.put(None)
        self._reader.join(max(0.0, self._latest_s - self._clock()) + _GRACE_S)
        self._call.cancel()
        self._reader.join()
        self._agenda.close()

    def __enter__(self) -> ClientStream:
        """Return the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _requests(self) -> Iterator[pb.ClassifyRequest]:
        """Give requests to the connection whenever it takes one; runs in a thread of grpc's."""
        while (sent := self._outgoing.get()) is not None:
            name, waited_s = sent.message.request_id, self._clock() - sent.sent_s
            if waited_s > _MOST_UNSENT * sent.patience_s:
                self._fail(name, sent.answer, f"not sent: the connection took no more for {waited_s:.3f} s")
                with self._lock:
                    self._given_up.discard(name)
                    self._pressure.ended(name)
                continue
            yield sent.message

    def _expire(self, name: str, answer: Future[OffloadAnswer]) -> None:
        if self._fail(name, answer, "its deadline has passed"):
            with self._lock:
                self._given_up.add(name)

    def _fail(self, name: str, answer: Future[OffloadAnswer], why: str) -> bool:
        """End a request that was not answered; return whether it had not ended."""
        with self._lock:
            sent = self._waiting.get(name)
            if sent is None or sent.answer is not answer:
                return False
            del self._waiting[name]
        _end(answer, CloudTimeout(f"cloud {self._name}: request {name}: {why}"))
        return True

    def _read(self) -> None:
        reason: CloudError = CloudUnreachable(f"cloud {self._name}: the stream has ended")
        try:
            with translated(self._name):
                for message in self._call:
                    self._settle(message)
        except CloudError as e:
            reason = e
        except Exception as e:  # whoever waits must hear of it, whatever it is
            reason = CloudBroken(f"cloud {self._name}: an answer that makes no sense")
            reason.__cause__ = e
        self._call.cancel()
        with self._lock:
            self._ended = True
            left, self._waiting = self._waiting, {}
        self._outgoing.put(None)
        for sent in left.values():
            _end(sent.answer, reason)

    def _settle(self, message: pb.StreamedAnswer) -> None:
        refused = message.WhichOneof("outcome") == "refused"
        request_id = message.refused.request_id if refused else message.answer.request_id
        with self._lock:
            if refused:
                self._pressure.ended(request_id)
            else:
                self._pressure.answered(request_id)
            sent = self._waiting.pop(request_id, None)
            if sent is None and request_id in self._given_up:
                self._given_up.discard(request_id)
                return
        if sent is None:
            raise CloudIncompatible(f"cloud {self._name}: an answer to {request_id!r}, which was not asked")
        if refused:
            self._refuse(sent, refusal_from_proto(message.refused, f"cloud {self._name}"))
            return
        answer = replace(
            answer_from_proto(message.answer),
            up_bytes=sent.up_bytes,
            down_bytes=message.ByteSize(),
            round_trip_s=self._clock() - sent.sent_s,
        )
        _end(sent.answer, answer)

    def _refuse(self, sent: _Sent, error: CloudError) -> None:
        if isinstance(error, CloudBusy):
            with self._lock:
                self._pressure.refused(error.retry_after_s, sent.patience_s, self._clock())
        _end(sent.answer, error)


def _end(answer: Future[OffloadAnswer], outcome: OffloadAnswer | CloudError) -> None:
    """End a request, unless who asked has cancelled it."""
    with suppress(InvalidStateError):
        if isinstance(outcome, CloudError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
