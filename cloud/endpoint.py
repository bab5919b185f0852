"""Addresses HOST:PORT: where a server listens and what a device connects to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from catalog.errors import BadInput

_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port.

    Args:
        host: a name or an address, an IPv6 address without brackets.
        port: 0 for any free one, where a server listens.
    """

    host: str
    port: int

    def __str__(self) -> str:
        """Return HOST:PORT, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it; a name other than localhost is not trusted to."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_endpoint(text: str, where: str) -> Endpoint:
    """Read HOST:PORT or [IPV6]:PORT.

    Args:
        text: what the user wrote.
        where: the flag or key, for the error.

    Raises:
        BadInput: no port, a port out of range, or no host.
    """
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not host or not (port.isascii() and port.isdigit()) or (":" in host and not bracketed):
        raise BadInput(f"{where} {text!r}: expected HOST:PORT, for example localhost:50051 or [::1]:50051")
    if int(port) > _LARGEST_PORT:
        raise BadInput(f"{where} {text!r}: port {port}: expected 0 to {_LARGEST_PORT}")
    return Endpoint(host, int(port))
