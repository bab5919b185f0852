"""A client that waits for each answer, for commands and tools. Needs no torch and no catalog.

An engine asks by cloud.offloading, which does not wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from cloud.calling import call_of, check_answer, check_size
from cloud.client_stream import ClientStream
from cloud.connection import channel_options
from cloud.credentials import PLAIN, Credentials
from cloud.endpoint import Endpoint
from cloud.errors import CloudTimeout, translated
from cloud.limits import Limits
from cloud.messages import CatalogListing, ClassifyCall, Features, Picture
from cloud.pictures import UInt8, raw_picture
from cloud.piece_chunks import assemble
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadStub
from cloud.wire import answer_from_proto, call_to_proto, listing_from_proto
from engine.offload import OffloadAnswer, OffloadRequest, Question


class CloudClient:
    """Asks one server; safe to share between threads.

    The channel connects when it is first used and again after a loss; a call made meanwhile fails at
    once. Nothing is retried here.

    Args:
        endpoint: of the server.
        encode: how a window (H, W, 3) uint8 RGB becomes a picture.
        limits: what the server takes.
        credentials: what is shown to the server.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        encode: Callable[[UInt8], Picture] = raw_picture,
        limits: Limits | None = None,
        credentials: Credentials = PLAIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = str(endpoint)
        self._encode = encode
        self._limits = limits or Limits()
        self._clock = clock
        self._channel = credentials.channel(endpoint, channel_options(endpoint, self._limits))
        self._metadata = credentials.metadata
        self._stub = OffloadStub(self._channel)

    def classify(self, request: OffloadRequest) -> OffloadAnswer:
        """Return the answers within the request's deadline, encoding included; see engine.offload.Offload.

        Raises:
            CloudError: there is no answer, or not in time; the subclass says why.
        """
        began_s = self._clock()
        where = f"cloud {self._name}: request {request.id}"
        message = call_to_proto(call_of(request, self._encode, request.deadline_s))
        left_s = request.deadline_s - (self._clock() - began_s)
        if not left_s > 0.0:
            raise CloudTimeout(f"{where}: no time left to send it")
        message.deadline_s = left_s
        check_size(message.ByteSize(), self._limits.message_bytes, where)
        with translated(self._name):
            reply = self._stub.Classify(message, timeout=left_s, metadata=self._metadata)
        answer = answer_from_proto(reply)
        check_answer(answer, request, where)
        return replace(
            answer,
            up_bytes=message.ByteSize(),
            down_bytes=reply.ByteSize(),
            round_trip_s=self._clock() - began_s,
        )

    def classify_features(
        self, request_id: str, questions: tuple[Question, ...], features: Features, deadline_s: float
    ) -> OffloadAnswer:
        """Return the answers about windows that have gone through the first parts here.

        Args:
            request_id: comes back in the answer.
            questions: about trunks that begin with those parts.
            features: what the parts gave; see half_precision.
            deadline_s: from now.

        Raises:
            CloudError: there is no answer, or not in time; the subclass says why.
        """
        began_s = self._clock()
        message = call_to_proto(ClassifyCall(request_id, questions, (), deadline_s, features))
        check_size(
            message.ByteSize(), self._limits.message_bytes, f"cloud {self._name}: request {request_id}"
        )
        with translated(self._name):
            reply = self._stub.Classify(message, timeout=deadline_s, metadata=self._metadata)
        return replace(
            answer_from_proto(reply),
            up_bytes=message.ByteSize(),
            down_bytes=reply.ByteSize(),
            round_trip_s=self._clock() - began_s,
        )

    def stream(self) -> ClientStream:
        """Begin a stream; many requests may be under way on it at once.

        Messages are made by classify_message.
        """
        return ClientStream(
            lambda requests: self._stub.ClassifyStream(requests, metadata=self._metadata),
            self._name,
            self._clock,
        )

    def classify_message(self, request: OffloadRequest) -> pb.ClassifyRequest:
        """Return a request, encoded, for a stream.

        Raises:
            CloudRefused: it is larger than the server takes.
        """
        message = call_to_proto(call_of(request, self._encode, request.deadline_s))
        where = f"cloud {self._name}: request {request.id}"
        check_size(message.ByteSize(), self._limits.message_bytes, where)
        return message

    def fetch_piece(self, piece: str, path: Path, most_bytes: int, timeout_s: float) -> None:
        """Fetch a part or a head by id and put it at path when all of it is there and its hash is right.

        What has arrived of it waits beside path for the next attempt.

        Raises:
            CloudError: it did not come, not in time, or is not the piece.
        """
        partial = path.with_name(f"{path.name}.partial")
        held = partial.stat().st_size if partial.exists() else 0
        asked = pb.FetchPieceRequest(id=piece, offset=held)
        with translated(self._name):
            assemble(
                self._stub.FetchPiece(asked, timeout=timeout_s, metadata=self._metadata),
                piece,
                partial,
                most_bytes,
            )
        partial.replace(path)

    def list_catalog(self, timeout_s: float) -> CatalogListing:
        """Return what the server can answer.

        Raises:
            CloudError: there is no answer, or not in time.
        """
        with translated(self._name):
            reply = self._stub.ListCatalog(
                pb.ListCatalogRequest(), timeout=timeout_s, metadata=self._metadata
            )
        return listing_from_proto(reply)

    def close(self) -> None:
        """Close the channel; calls under way fail with CloudUnreachable."""
        self._channel.close()

    def __enter__(self) -> CloudClient:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the channel."""
        self.close()
