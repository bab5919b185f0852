"""A service manager's side of sd_notify: a real datagram socket, and what came to it."""

from __future__ import annotations

import queue
import socket
import threading
from types import TracebackType

TIMEOUT_S = 60.0
_MARK = b"MARK=1"


class NotifySocket:
    """Listens as systemd does: whatever comes is taken at once, for a full queue loses what comes next.

    Args:
        address: a path, or "@name" in the abstract namespace.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._bound = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._bound)
        self._came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> NotifySocket:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._send(b"")
        self._thread.join(TIMEOUT_S)
        self._socket.close()

    def next(self) -> dict[str, str]:
        """Return the next datagram."""
        return _read(self._came.get(timeout=TIMEOUT_S))

    def until(self, name: str) -> list[dict[str, str]]:
        """Return datagrams up to the first one that assigns a name."""
        heard = [self.next()]
        while name not in heard[-1]:
            heard.append(self.next())
        return heard

    def waiting(self) -> list[dict[str, str]]:
        """Return what was sent until now and is not returned yet."""
        self._send(_MARK)
        return self.until("MARK")[:-1]

    def _send(self, data: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(data, self._bound)

    def _listen(self) -> None:
        while data := self._socket.recv(1 << 16):
            self._came.put(data)


def _read(data: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in data.decode().splitlines())
