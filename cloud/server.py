"""The server: listens, serves a catalog, and stops in a stated time."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from catalog.errors import BadInput
from cloud.access import OPEN, Access, TokenGate
from cloud.endpoint import Endpoint
from cloud.head_training import HeadTraining, NoTraining
from cloud.limits import Limits
from cloud.metrics import ServerMetrics
from cloud.request_log import RequestLog
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import add_OffloadServicer_to_server
from cloud.service import Host, OffloadService

DRAIN_S = 5.0
_GRPC_LOG = logging.getLogger("grpc._cython.cygrpc")
_CLIENT_GONE = "ExecuteBatchError raised in core"
_PREPARING_THREADS = 2
_LAST_WORDS_S = 0.5
_SERVICE = pb.DESCRIPTOR.services_by_name["Offload"].full_name


class CloudServer:
    """Serves one host on one address; lives on one event loop.

    Parts run in one thread, except for the shortest batches: one batch at a time owns what is in memory,
    and a backend uses as many cores as it was given for each. Other threads decode pictures.

    Args:
        host: answers questions.
        limits: what is taken.
        log: takes one line of JSON for each request that was not answered.
        drain_s: how long requests under way may go on after a stop.
        access: who may ask.
        training: of heads.
    """

    def __init__(
        self,
        host: Host,
        limits: Limits,
        log: Callable[[str], None],
        drain_s: float = DRAIN_S,
        access: Access = OPEN,
        training: HeadTraining | None = None,
    ) -> None:
        _GRPC_LOG.addFilter(_is_worth_a_line)
        self._drain_s = drain_s
        self._preparing = ThreadPoolExecutor(_PREPARING_THREADS, thread_name_prefix="mcdnn-prepare")
        self._credentials = access.credentials
        requests = RequestLog(log, limits.name_chars)
        self._service = OffloadService(
            host, self._preparing, limits, requests, access.client_of, training or NoTraining()
        )
        gates = [] if access.tokens is None else [TokenGate(access.tokens, self._service.denied)]
        self._server = grpc.aio.server(interceptors=gates, options=_server_options(limits))
        add_OffloadServicer_to_server(self._service, self._server)
        self._health = health.aio.HealthServicer()
        add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    @property
    def waiting(self) -> int:
        """Requests that are prepared, queued or running."""
        return self._service.waiting

    @property
    def trainings(self) -> int:
        """Heads that wait to be trained or are."""
        return self._service.trainings

    @property
    def metrics(self) -> ServerMetrics:
        """What an operator watches."""
        return self._service.metrics

    async def start(self, listen: Endpoint) -> Endpoint:
        """Begin to listen and return the address with its real port.

        Raises:
            BadInput: the address cannot be had.
        """
        _check_free(listen)
        try:
            port = self._add_port(str(listen))
        except RuntimeError as e:
            raise BadInput(f"--listen {listen}: cannot listen there") from e
        await self._server.start()
        for name in ("", _SERVICE):
            await self._health.set(name, HealthCheckResponse.SERVING)
        return Endpoint(listen.host, port)

    def _add_port(self, address: str) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, self._credentials)

    async def stop(self) -> None:
        """Say so to those who ask for its health, take nothing new, let requests under way finish.

        What is not done within drain_s is cancelled; what the worker is running then is waited for.
        """
        self._service.drain()
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.ensure_future(self._server.stop(self._drain_s))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._service.drained(), self._drain_s)
        # Who only watches its health would hold it up for all of that time.
        await self._server.stop(min(_LAST_WORDS_S, self._drain_s))
        await stopping
        await asyncio.to_thread(self._service.stop)
        await asyncio.to_thread(self._preparing.shutdown, wait=True, cancel_futures=True)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Leave out the stack trace that grpc writes for each client that goes away as it is answered."""
    return not record.getMessage().startswith(_CLIENT_GONE)


def _check_free(listen: Endpoint) -> None:
    """Bind and let go: the system's reason is clear, grpc's goes to its log only."""
    try:
        family, *_, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        socket.create_server((str(address[0]), listen.port), family=family).close()
    except OSError as e:
        raise BadInput(f"--listen {listen}: {e.strerror}: choose another address or port") from e


async def serve_until_signalled(
    server: CloudServer, listen: Endpoint, ready: Callable[[Endpoint], None]
) -> None:
    """Serve until SIGTERM or SIGINT, then stop.

    Args:
        server: not started yet.
        listen: where.
        ready: told the real address once requests are taken.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    ready(await server.start(listen))
    await stopped.wait()
    await server.stop()


def _server_options(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.message_bytes),
        # A window for a whole message: to estimate one takes a ping and its answer for nearly every request.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", limits.message_bytes),
        # Without this a second server takes half of the first one's connections and nobody notices.
        ("grpc.so_reuseport", 0),
    ]
