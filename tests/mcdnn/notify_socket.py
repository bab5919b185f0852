"""A service manager's side of sd_notify: a real datagram socket, and what came to it."""

from __future__ import annotations

import socket
from types import TracebackType

TIMEOUT_S = 60.0


class NotifySocket:
    """Listens as systemd does.

    Args:
        address: a path, or "@name" in the abstract namespace.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(TIMEOUT_S)

    def __enter__(self) -> NotifySocket:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._socket.close()

    def next(self) -> dict[str, str]:
        """Return the next datagram."""
        return dict(line.split("=", 1) for line in self._socket.recv(1 << 16).decode().splitlines())

    def until(self, name: str) -> list[dict[str, str]]:
        """Return datagrams up to the first one that assigns a name."""
        heard = [self.next()]
        while name not in heard[-1]:
            heard.append(self.next())
        return heard

    def waiting(self) -> list[dict[str, str]]:
        """Return what has come already."""
        self._socket.setblocking(False)
        heard = []
        try:
            while True:
                heard.append(self.next())
        except BlockingIOError:
            return heard
        finally:
            self._socket.settimeout(TIMEOUT_S)
