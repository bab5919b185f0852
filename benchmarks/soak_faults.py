"""What a soak does to a run: servers die and freeze, a receiver of results falls asleep, signals come."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from benchmarks.stream_server import StreamServer

_POLL_S = 0.05


class Fault(NamedTuple):
    """One thing that may be done.

    Args:
        name: for the report.
        begin: does it.
        end: undoes it.
        silences: whether the source that it strikes gives nothing meanwhile, so that its return is awaited.
    """

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    silences: bool = False


class Struck(NamedTuple):
    """A fault that was over.

    Args:
        fault: its name.
        at_s: since the soak began.
        back_after_s: from its end to the first answer about the source; None where none was awaited, or
            none came.
        awaited: whether one was.
    """

    fault: str
    at_s: float
    back_after_s: float | None
    awaited: bool


class ResultTail:
    """Follows a results file as it grows, and knows when each source was last answered.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._latest_s: dict[str, float] = {}
        self.lines = 0

    def look(self) -> None:
        """Read what has been added."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        self.lines += len(lines)
        for line in lines:
            self._latest_s[json.loads(line)["source"]] = time.monotonic()

    def latest_s(self, source: str) -> float:
        """Return when the latest answer about a source was seen, on the monotonic clock."""
        return self._latest_s.get(source, 0.0)


class SleepyReceiver(BaseHTTPRequestHandler):
    """Takes posted results, or sleeps over them while it is told to."""

    awake = threading.Event()
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take what is posted, once awake."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.awake.wait()
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def receiving() -> Iterator[str]:
    """Take results over HTTP while the context is open; gives the address."""
    SleepyReceiver.awake.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), SleepyReceiver) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/results"
        finally:
            SleepyReceiver.awake.set()
            server.shutdown()
            thread.join()


def faults(server: StreamServer, hang_up: Callable[[], None] | None) -> list[Fault]:
    """Return what is done in turn.

    Args:
        server: that is struck.
        hang_up: has the run read its configuration again; None where it does not do that.
    """
    found = [
        Fault("server killed", server.kill, server.start, silences=True),
        Fault("server frozen", server.freeze, server.thaw, silences=True),
        Fault("receiver of results asleep", SleepyReceiver.awake.clear, SleepyReceiver.awake.set),
    ]
    return found if hang_up is None else [*found, Fault("configuration read again", hang_up, lambda: None)]


class FaultPlan:
    """Strikes with one fault after the other, each for a part of the time between two.

    Args:
        of: the faults, in turn.
        every_s: from the beginning of one to that of the next.
        source: that is silenced.
        tail: tells when it is back.
    """

    def __init__(self, of: list[Fault], every_s: float, source: str, tail: ResultTail) -> None:
        self._turns = cycle(of)
        self._every_s = every_s
        self._source = source
        self._tail = tail
        self.struck: list[Struck] = []

    def strike(self, began_s: float, watch: Callable[[], None]) -> None:
        """Strike once, wait for the source, and return when the next is due.

        Args:
            began_s: of the soak, on the monotonic clock.
            watch: is called again and again meanwhile.
        """
        due_s, fault = time.monotonic(), next(self._turns)
        fault.begin()
        self._pass_time(due_s + self._every_s / 4, watch)
        fault.end()
        ended_s = time.monotonic()
        back_s = self._back_s(due_s + self._every_s, ended_s, watch) if fault.silences else None
        self._pass_time(due_s + self._every_s, watch)
        self.struck.append(Struck(fault.name, due_s - began_s, back_s, fault.silences))

    def _back_s(self, until_s: float, ended_s: float, watch: Callable[[], None]) -> float | None:
        """Return how long the source took to be answered again; None where it did not come in time."""
        while time.monotonic() < until_s:
            watch()
            if self._tail.latest_s(self._source) > ended_s:
                return self._tail.latest_s(self._source) - ended_s
            time.sleep(_POLL_S)
        return None

    def _pass_time(self, until_s: float, watch: Callable[[], None]) -> None:
        while time.monotonic() < until_s:
            watch()
            time.sleep(_POLL_S)
