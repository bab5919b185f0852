"""A page on loopback, by itself or about an engine that runs on the digit camera; and who asks it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from cloud.endpoint import Endpoint
from cloud.tokens import Tokens
from engine.summary import Summary
from mcdnn.engine import Engine
from mcdnn.web.server import PageServer
from mcdnn.web.watched_run import WatchedRun

TIMEOUT_S = 60.0
HERE = Endpoint("localhost", 0)
APPS = [{"name": "who", "task": "identity"}, {"name": "odd", "task": "parity", "latency_limit_s": 5.0}]
CAMERA = "digits:?seed=7&fps=15"


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookie(self) -> str:
        return self.headers.get("set-cookie", "").partition(";")[0]


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that other threads bring about."""
    ends_s = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < ends_s, "it did not come about"
        time.sleep(0.01)


def open_answer(
    at: Endpoint, path: str, headers: dict[str, str] | None = None, form: str | None = None
) -> tuple[HTTPConnection, HTTPResponse]:
    """Ask, and return the connection and an answer that may not end."""
    connection = HTTPConnection(at.host, at.port, timeout=TIMEOUT_S)
    connection.request("GET" if form is None else "POST", path, form, headers or {})
    return connection, connection.getresponse()


def ask(at: Endpoint, path: str, headers: dict[str, str] | None = None, form: str | None = None) -> Answer:
    """Ask, and return the whole answer."""
    connection, response = open_answer(at, path, headers, form)
    found = {name.lower(): value for name, value in response.getheaders()}
    body = response.read()
    connection.close()
    return Answer(response.status, found, body)


def events(at: Endpoint) -> Iterator[tuple[str, Any]]:
    """Listen, and give events by name."""
    connection, response = open_answer(at, "/events")
    name = ""
    try:
        for line in response:
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = value
            if key == "data":
                yield name, json.loads(value)
    finally:
        response.close()
        connection.close()


@contextmanager
def page(tokens: Tokens | None = None) -> Iterator[PageServer]:
    """A page about a run that does not begin."""
    server = PageServer(WatchedRun("test", lambda: None), HERE, tokens)
    try:
        yield server
    finally:
        server.close()


@dataclass
class Shown:
    """An engine that runs in a thread, and its page."""

    engine: Engine
    server: PageServer
    summaries: list[Summary]
    thread: threading.Thread

    @property
    def at(self) -> Endpoint:
        return self.server.at

    @property
    def frames(self) -> int:
        return self.summaries[0].latest.frames

    def after_frames(self, count: int) -> None:
        """Wait until so many more frames are processed."""
        goal = self.frames + count
        until(lambda: self.frames >= goal)

    def end(self) -> None:
        self.engine.stop()
        self.thread.join(TIMEOUT_S)
        assert not self.thread.is_alive()


@contextmanager
def shown_engine(catalog: Path, camera: str | None = CAMERA, **config: Any) -> Iterator[Shown]:
    """Run an engine on the digit camera, or else its configured sources, and a page beside it."""
    engine = Engine({"catalog": str(catalog), "app": APPS, **config})
    run = WatchedRun("digits paced", engine.silent_s, engine.cloud_connected)
    server = PageServer(run, HERE)
    engine.add_sink(run.board).watch_policy(run.choices)
    begun, summaries = threading.Event(), list[Summary]()

    def follow(summary: Summary) -> None:
        summaries.append(summary)
        server.follow(summary)
        begun.set()

    thread = threading.Thread(target=engine.run, args=(camera,), kwargs={"on_start": follow})
    thread.start()
    assert begun.wait(TIMEOUT_S)
    shown = Shown(engine, server, summaries, thread)
    try:
        yield shown
    finally:
        shown.end()
        server.close()
