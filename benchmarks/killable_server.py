"""mcdnn serve as a process that can be killed, frozen and started again at the same address."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from types import TracebackType

import grpc

from benchmarks.pinned_servers import free_port
from catalog.errors import RunFailed
from cloud.endpoint import Endpoint

_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
_HEALTH_LIMIT_S = 10.0


class KillableServer:
    """Up from entering its context to leaving it, less what is done to it meanwhile.

    Args:
        catalog: its folder.
        memory_mb: that models may hold; inf for no limit.
    """

    def __init__(self, catalog: Path, memory_mb: float = math.inf) -> None:
        self.endpoint = Endpoint("127.0.0.1", free_port())
        self._command = [sys.executable, "-m", "mcdnn", "serve", str(catalog)]
        self._command += ["--listen", str(self.endpoint), "--threads", "1"]
        if math.isfinite(memory_mb):
            self._command += ["--memory-mb", f"{memory_mb:g}"]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and return when it takes requests.

        Raises:
            RunFailed: it does not start; what it said stands above.
        """
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RunFailed("mcdnn serve ended before it was ready: what it said stands above")

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(SIGKILL)
        assert self._process is not None
        self._process.communicate()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(SIGCONT)

    def is_healthy(self) -> bool:
        """Return what the server says of itself."""
        with grpc.insecure_channel(str(self.endpoint)) as channel:
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
            try:
                return ask(b"", timeout=_HEALTH_LIMIT_S, wait_for_ready=True) == _SERVING
            except grpc.RpcError:
                return False

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> KillableServer:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it."""
        self.kill()
