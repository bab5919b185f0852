"""mcdnn serve as a process that can be killed, frozen and started again at the same address."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import grpc

from benchmarks.pinned_servers import free_port
from benchmarks.server_process import ServerProcess
from catalog.errors import RunFailed
from cloud.endpoint import Endpoint

_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
_HEALTH_LIMIT_S = 10.0


class KillableServer(ServerProcess):
    """A server that says of itself whether it is well.

    Args:
        catalog: its folder.
        memory_mb: that models may hold; inf for no limit.
    """

    def __init__(self, catalog: Path, memory_mb: float = math.inf) -> None:
        super().__init__()
        self.endpoint = Endpoint("127.0.0.1", free_port())
        self._command = [sys.executable, "-m", "mcdnn", "serve", str(catalog)]
        self._command += ["--listen", str(self.endpoint), "--threads", "1"]
        if math.isfinite(memory_mb):
            self._command += ["--memory-mb", f"{memory_mb:g}"]

    def start(self) -> None:
        """Start it and return when it takes requests.

        Raises:
            RunFailed: it does not start; what it said stands above.
        """
        if not self._launch(self._command):
            raise RunFailed("mcdnn serve ended before it was ready: what it said stands above")

    def is_healthy(self) -> bool:
        """Return what the server says of itself."""
        with grpc.insecure_channel(str(self.endpoint)) as channel:
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
            try:
                return ask(b"", timeout=_HEALTH_LIMIT_S, wait_for_ready=True) == _SERVING
            except grpc.RpcError:
                return False
