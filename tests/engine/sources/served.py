"""Starts, freezes and kills a video server, and counts what this process and its children hold."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

LONG_S = 60.0
_ROOT = Path(__file__).parents[3]


class ServerProcess:
    """A server in a process of its own; it may die and come back at the same port.

    Args:
        command: that starts it, but for the port (0 for any), which is put behind it. The first line of its
            output is the port.
        arguments: behind the port.
    """

    def __init__(self, command: Sequence[str], arguments: Sequence[str]) -> None:
        self._command = command
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, at the port that it had before."""
        command = [*self._command, str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def freeze(self) -> None:
        """Stop it where it is; connections stay open and are still accepted by the kernel."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it; may be called twice."""
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
        self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class VideoServer(ServerProcess):
    """Small pictures over HTTP, and the clips of a folder."""

    def __init__(self, folder: Path = Path()) -> None:
        super().__init__(
            [sys.executable, "-m", "tests.engine.sources.video_server"], [str(folder.absolute())]
        )

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}/{path}"


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Held(NamedTuple):
    """What this process holds."""

    descriptors: int
    threads: int
    children: int

    def grown_since(self, before: Held) -> dict[str, int]:
        """Return what has become more, and by how much."""
        pairs = zip(self._fields, self, before, strict=True)
        return {name: now - then for name, now, then in pairs if now > then}


def held() -> Held:
    """Return what this process holds, without what only waits to be collected."""
    gc.collect()
    children = [p for p in Path("/proc").iterdir() if p.name.isdigit() and _parent(p) == os.getpid()]
    return Held(len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(children))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and not yet collected does not."""
    try:
        return _field(Path(f"/proc/{pid}"), 0) not in "ZX"
    except (OSError, IndexError):
        return False


def wait_until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Wait for a condition, which must come true in time."""
    until_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until_s, "did not come true in time"
        threading.Event().wait(0.01)


def _parent(process: Path) -> int:
    try:
        return int(_field(process, 1))
    except (OSError, IndexError):
        return -1


def _field(process: Path, index: int) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[index]
