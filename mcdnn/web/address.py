"""Where the page listens, and when that is refused."""

from __future__ import annotations

import socket

from catalog.errors import BadInput
from cloud.endpoint import Endpoint, parse_endpoint

_HERE = "localhost"
_BUFFER_BYTES = 1 << 17  # of which the kernel makes twice as many
_GIVE_UP_MS = 20_000


def parse_address(text: str) -> Endpoint:
    """Read HOST:PORT, or :PORT for this machine alone.

    Raises:
        BadInput: anything else.
    """
    return parse_endpoint(_HERE + text if text.startswith(":") else text, "--web")


def check_exposure(listen: Endpoint, tokens: bool) -> None:
    """Refuse an address that others can reach, as long as no token is asked for.

    Raises:
        BadInput: not a loopback address, and no tokens.
    """
    if not (listen.loopback or tokens):
        raise BadInput(
            f"--web {listen}: other machines can reach this address: add --web-token-file FILE with one "
            f"NAME:TOKEN a line, or listen on this machine alone with --web :{listen.port}"
        )


def listening_socket(listen: Endpoint) -> socket.socket:
    """Return a socket that listens there.

    A browser that stands still is held by the kernel alone: with a quarter of a megabyte at most, where
    buffers would grow to several, and for 20 s.

    Raises:
        BadInput: the address cannot be had.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.create_server(where[:2], family=family)
    except OSError as e:
        raise BadInput(f"--web {listen}: {e.strerror}: choose another address or port") from e
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVE_UP_MS)
    return listening
