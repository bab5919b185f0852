"""How many connections the page takes: they are files of the engine's process, which needs some itself."""

from __future__ import annotations

from asyncio import BaseTransport, WriteTransport
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 128


class BoundedProtocol(H11Protocol):
    """Uvicorn's own protocol that takes no more than so many connections, idle ones included."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Take a connection, or drop it at once."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > MOST_CONNECTIONS:
            cast(WriteTransport, transport).abort()
