"""One connection to a server: calls that are begun and end later, and a watch over its health."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from cloud.credentials import Credentials
from cloud.endpoint import Endpoint
from cloud.errors import CloudBroken, CloudError, CloudIncompatible, translated
from cloud.limits import Limits
from cloud.link_estimates import Exchange
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadStub

# First and longest pause between attempts to connect, and how long one may last: on a slow link the
# handshake alone takes seconds. grpc's own longest pause is two minutes.
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS, _CONNECTING_MS = 100, 2000, 10_000

# The standard health service is spoken without its package, which only servers install: an empty
# request asks about the server as a whole, and an answer whose first field is 1 says that it serves.
_WATCH = "/grpc.health.v1.Health/Watch"
_SERVING = b"\x08\x01"

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Reply(Generic[M]):
    """What came back, and what the way there and back was like."""

    message: M
    exchange: Exchange


Ended = Callable[[Reply[M] | CloudError], None]


def channel_options(endpoint: Endpoint, limits: Limits) -> list[tuple[str, int]]:
    """Return the settings of a channel to a server."""
    options = [
        ("grpc.initial_reconnect_backoff_ms", _FIRST_PAUSE_MS),
        # The name misleads: this is how long an attempt to connect may take.
        ("grpc.min_reconnect_backoff_ms", _CONNECTING_MS),
        ("grpc.max_reconnect_backoff_ms", _LONGEST_PAUSE_MS),
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_receive_message_length", limits.message_bytes),
        # A new channel means a new connection: the old one may wait a minute for TCP to try again.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    # A proxy from the environment cannot reach this machine's own loopback address.
    return [*options, ("grpc.enable_http_proxy", 0)] if endpoint.loopback else options


class Connection:
    """Begins calls; may be used by several threads. What ends is told in a thread of grpc's.

    Args:
        endpoint: of the server; connected to with the first call.
        credentials: what is shown to the server.
        limits: what the server takes.
        clock: seconds, monotonic.
        kept_up: told, in any thread, the bytes that listings send and receive.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        limits: Limits,
        clock: Callable[[], float],
        kept_up: Callable[[int, int], None],
    ) -> None:
        self._name = str(endpoint)
        self._kept_up = kept_up
        self._clock = clock
        self._metadata = credentials.metadata
        self._channel = credentials.channel(endpoint, channel_options(endpoint, limits))
        self._stub = OffloadStub(self._channel)

    def classify(
        self, message: pb.ClassifyRequest, timeout_s: float, ended: Ended[pb.ClassifyResponse]
    ) -> grpc.Future[pb.ClassifyResponse] | None:
        """Begin a request; the call that is returned can be cancelled."""
        return self._begin(self._stub.Classify, message, timeout_s, ended)

    def list_catalog(
        self, known_hash: str, padding_bytes: int, timeout_s: float, ended: Ended[pb.ListCatalogResponse]
    ) -> None:
        """Ask what the server can answer.

        Args:
            known_hash: of the catalog that is known already, "" for none.
            padding_bytes: by which the message is made larger.
            timeout_s: until it ends in any case.
            ended: told the listing, or why there is none.
        """
        message = pb.ListCatalogRequest(known_hash=known_hash, padding=bytes(padding_bytes))

        def told(outcome: Reply[pb.ListCatalogResponse] | CloudError) -> None:
            if isinstance(outcome, Reply):
                self._kept_up(0, outcome.exchange.down_bytes)
            ended(outcome)

        self._kept_up(message.ByteSize(), 0)
        self._begin(self._stub.ListCatalog, message, timeout_s, told)

    def train_head(
        self, message: pb.TrainHeadRequest, timeout_s: float, ended: Ended[pb.TrainHeadResponse]
    ) -> grpc.Future[pb.TrainHeadResponse] | None:
        """Begin an order of a head; the call that is returned can be cancelled."""
        return self._begin(self._stub.TrainHead, message, timeout_s, ended)

    def watch(self, gone: Callable[[str], None]) -> None:
        """Tell, from a thread that lasts as long as the connection, that the server stops or was lost.

        It also keeps grpc from starting a thread for every call that is alone on its channel.
        """
        threading.Thread(target=self._watch, args=(gone,), name="mcdnn-cloud-watch", daemon=True).start()

    def close(self) -> None:
        """Let go of the connection; what is under way ends with CloudUnreachable."""
        self._channel.close()

    def _begin(self, rpc: Any, message: Any, timeout_s: float, ended: Ended[Any]) -> grpc.Future[Any] | None:
        sent_s = self._clock()
        up_bytes = message.ByteSize()

        def told(call: grpc.Future[Any]) -> None:
            ended(self._outcome(call, sent_s, up_bytes))

        try:
            with translated(self._name):
                call: grpc.Future[Any] = rpc.future(message, timeout=timeout_s, metadata=self._metadata)
        except CloudError as e:
            ended(e)
            return None
        call.add_done_callback(told)
        return call

    def _outcome(self, call: grpc.Future[Any], sent_s: float, up_bytes: int) -> Reply[Any] | CloudError:
        received_s = self._clock()
        try:
            with translated(self._name):
                reply = call.result()
        except CloudError as e:
            return e
        except grpc.FutureCancelledError as e:
            cancelled = CloudBroken(f"cloud {self._name}: cancelled")
            cancelled.__cause__ = e
            return cancelled
        return Reply(reply, Exchange(sent_s, received_s, up_bytes, reply.ByteSize()))

    def _watch(self, gone: Callable[[str], None]) -> None:
        try:
            with translated(self._name):
                watch: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(_WATCH)
                for status in watch(b"", metadata=self._metadata):
                    if status != _SERVING:
                        gone(f"cloud {self._name}: the server is stopping")
        except CloudError as e:
            if not isinstance(e, CloudIncompatible):  # it does not know the health service
                gone(str(e))
            return
        gone(f"cloud {self._name}: the server has stopped")
