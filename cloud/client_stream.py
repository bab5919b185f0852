"""The device's side of a stream: requests go out without waiting, answers come in any order."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol

from cloud.errors import CloudError, CloudIncompatible, CloudUnreachable, translated
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.wire import answer_from_proto, refusal_from_proto
from engine.offload import OffloadAnswer


class StreamingStub(Protocol):
    """What the generated stub offers for streams."""

    def __call__(self, requests: Iterator[pb.ClassifyRequest]) -> Iterator[pb.StreamedAnswer]:
        """Begin a stream."""


@dataclass(frozen=True, slots=True)
class _Sent:
    answer: Future[OffloadAnswer]
    up_bytes: int
    sent_s: float


class ClientStream:
    """One stream to one server; safe to share between threads. Broken or closed, it stays so.

    Args:
        begin: begins the stream.
        name: of the server, for errors.
        clock: seconds, monotonic.
    """

    def __init__(self, begin: StreamingStub, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._outgoing: queue.SimpleQueue[pb.ClassifyRequest | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: dict[str, _Sent] = {}
        self._ended = False
        self._call = begin(iter(self._outgoing.get, None))
        self._reader = threading.Thread(target=self._read, name="mcdnn-cloud-stream", daemon=True)
        self._reader.start()

    def send(self, message: pb.ClassifyRequest) -> Future[OffloadAnswer]:
        """Send a request and return its answer to come; it fails with a CloudError.

        Raises:
            CloudUnreachable: the stream has ended.
            ValueError: a request with the same id is under way.
        """
        sent = _Sent(Future(), message.ByteSize(), self._clock())
        with self._lock:
            if self._ended:
                raise CloudUnreachable(f"cloud {self._name}: the stream has ended")
            if message.request_id in self._waiting:
                raise ValueError(f"request {message.request_id}: it is under way on this stream already")
            self._waiting[message.request_id] = sent
        self._outgoing.put(message)
        return sent.answer

    def close(self) -> None:
        """Send no more, and wait for what is under way."""
        self._outgoing.put(None)
        self._reader.join()

    def __enter__(self) -> ClientStream:
        """Return the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _read(self) -> None:
        reason: CloudError = CloudUnreachable(f"cloud {self._name}: the stream has ended")
        try:
            with translated(self._name):
                for message in self._call:
                    self._settle(message)
        except CloudError as e:
            reason = e
        with self._lock:
            self._ended = True
            left, self._waiting = self._waiting, {}
        self._outgoing.put(None)
        for sent in left.values():
            sent.answer.set_exception(reason)

    def _settle(self, message: pb.StreamedAnswer) -> None:
        refused = message.WhichOneof("outcome") == "refused"
        request_id = message.refused.request_id if refused else message.answer.request_id
        with self._lock:
            sent = self._waiting.pop(request_id, None)
        if sent is None:
            raise CloudIncompatible(f"cloud {self._name}: an answer to {request_id!r}, which was not asked")
        if refused:
            sent.answer.set_exception(refusal_from_proto(message.refused, f"cloud {self._name}"))
            return
        answer = replace(
            answer_from_proto(message.answer),
            up_bytes=sent.up_bytes,
            down_bytes=message.ByteSize(),
            round_trip_s=self._clock() - sent.sent_s,
        )
        sent.answer.set_result(answer)
