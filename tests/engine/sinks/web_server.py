"""A real web server on loopback that answers, refuses, hangs, goes away and comes back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str]]
HANG: Answer = (0, {})
DRIP: Answer = (1, {})
OK: Answer = (200, {})


class WebServer:
    """Answers each POST with the next of its script, and with 200 at the end of it.

    Args:
        port: 0 for a free one.
    """

    def __init__(self, *script: Answer, port: int = 0) -> None:
        self._script = list(script)
        self.rows: list[dict[str, Any]] = []
        self.posts: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.peers: dict[int, socket.socket] = {}
        self.hanging = threading.Event()
        self.freed = threading.Event()
        self.enough = threading.Event()
        self.enough_at = 1_000_000
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret?key=s3cret"

    def next_answer(self) -> Answer:
        return self._script.pop(0) if self._script else OK

    def has_answered(self) -> None:
        """Say when enough has come, once that is answered: whoever then closes cuts off no answer."""
        if len(self.rows) >= self.enough_at:
            self.enough.set()

    def close(self) -> None:
        self.freed.set()
        self._server.shutdown()
        self._thread.join()
        for peer in self.peers.values():
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


@contextmanager
def web_server(*script: Answer, port: int = 0) -> Iterator[WebServer]:
    server = WebServer(*script, port=port)
    try:
        yield server
    finally:
        server.close()


def _handler(server: WebServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server.peers[self.client_address[1]] = self.connection

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.posts.append(dict(self.headers))
            server.paths.append(self.path)
            status, headers = server.next_answer()
            if status == HANG[0]:
                server.hanging.set()
                server.freed.wait(30.0)
                return
            if status == DRIP[0]:
                self._drip()
                return
            if status == 200:
                server.rows += json.loads(body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            server.has_answered()

        def _drip(self) -> None:
            """Send one byte after the other, for ever and never a whole header."""
            server.hanging.set()
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                while not server.freed.wait(0.01):
                    self.wfile.write(b"x")
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
