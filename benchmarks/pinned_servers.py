"""Servers as processes of their own, each on a core of its own choice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from time import monotonic, sleep
from urllib.request import urlopen

from catalog.errors import RunFailed

_HOST = "127.0.0.1"
_START_LIMIT_S, _STOP_LIMIT_S = 60.0, 15.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Cores:
    """Where who asks and who answers run; the same where there is only one.

    Args:
        clients: number of the core of all clients.
        server: of all of a server's processes, and of the bare backend.
    """

    clients: int
    server: int


def two_cores() -> Cores:
    """Return the first and the last core that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[-1])


def pin(core: int) -> None:
    """Keep the calling thread, and what it starts, on one core."""
    os.sched_setaffinity(0, {core})


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep what is started meanwhile on one core."""
    before = os.sched_getaffinity(0)
    pin(core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that takes requests.

    Args:
        process: the first of its process group.
        address: HOST:PORT.
        metrics: where it is asked for its metrics; "" where it has none.
    """

    process: subprocess.Popen[bytes]
    address: str
    metrics: str = ""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let none of its processes run meanwhile."""
        os.killpg(self.process.pid, SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, SIGCONT)

    def resident_bytes(self) -> int:
        """Return the resident memory of its first process."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return 1024 * int(line.split()[1])
        raise RunFailed(f"process {self.process.pid}: it has ended")

    def open_files(self) -> int:
        """Return how many files, connections among them, its first process has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def metric(self, name: str) -> float:
        """Return one of its metrics."""
        with urlopen(f"http://{self.metrics}/metrics") as page:
            for line in page.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise RunFailed(f"the server has no metric {name}")


@contextmanager
def mcdnn_server(catalog: Path, core: int) -> Iterator[RunningServer]:
    """Serve a catalog as an operator does, one thread for inference."""
    port, metrics = free_port(), f"{_HOST}:{free_port()}"
    words = ["mcdnn", "serve", str(catalog), "--listen", f"{_HOST}:{port}", "--threads", "1"]
    with _running([*words, "--metrics", metrics], port, core) as process:
        yield RunningServer(process, f"{_HOST}:{port}", metrics)


@contextmanager
def module_server(
    module: str, words: Sequence[str], core: int, health: str | None = None
) -> Iterator[RunningServer]:
    """Run a module that listens on the port that it is given.

    Args:
        module: its name.
        words: further arguments.
        core: for all of its processes.
        health: path that answers once requests are taken; None where listening says so.
    """
    port = free_port()
    with _running([module, "--port", str(port), *words], port, core) as process:
        server = RunningServer(process, f"{_HOST}:{port}")
        if health is not None:
            _await(lambda: _healthy(f"http://{server.address}{health}"), process, module)
        yield server


@contextmanager
def _running(words: Sequence[str], port: int, core: int) -> Iterator[subprocess.Popen[bytes]]:
    with pinned(core):
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        _await(lambda: _listening(port), process, words[0])
        yield process
    finally:
        _end(process)


def _await(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str) -> None:
    given_up_s = monotonic() + _START_LIMIT_S
    while not ready():
        if process.poll() is not None:
            raise RunFailed(f"{name}: it ended with status {process.returncode} instead of serving")
        if monotonic() > given_up_s:
            raise RunFailed(f"{name}: it takes no requests after {_START_LIMIT_S:g} s")
        sleep(_POLL_S)


def _listening(port: int) -> bool:
    try:
        socket.create_connection((_HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _healthy(url: str) -> bool:
    try:
        urlopen(url, timeout=1.0).close()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End all of its processes: some leave theirs behind when they are asked politely."""
    if process.poll() is None:
        process.send_signal(SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_LIMIT_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, SIGKILL)
    process.wait()
