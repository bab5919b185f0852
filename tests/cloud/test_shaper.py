"""Real connections through a shaped link to a server that echoes."""

from __future__ import annotations

import math
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from cloud.endpoint import Endpoint
from cloud.link_conditions import Cut, LinkConditions
from cloud.link_trace import LinkChange
from cloud.shaper import ShapedLink, shaped
from tests.cloud.loopback import STEP_LIMIT_S


@pytest.fixture(scope="module")
def echo() -> Iterator[Endpoint]:
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(taken: socket.socket) -> None:
        with taken:
            try:
                while data := taken.recv(65536):
                    taken.sendall(data)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(taken,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield Endpoint("127.0.0.1", listening.getsockname()[1])
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def connected(link: ShapedLink) -> socket.socket:
    return socket.create_connection((link.endpoint.host, link.endpoint.port), STEP_LIMIT_S)


def sent_and_back(sock: socket.socket, data: bytes) -> tuple[bytes, float]:
    """Send and read as much again; return that and how long it took."""
    began_s = time.monotonic()
    sender = threading.Thread(target=sock.sendall, args=(data,))
    sender.start()
    found = b""
    while len(found) < len(data):
        piece = sock.recv(65536)
        assert piece, "the connection ended"
        found += piece
    sender.join()
    return found, time.monotonic() - began_s


def test_bytes_arrive_as_they_were_sent_and_so_does_the_end(echo: Endpoint) -> None:
    data = random.Random(1).randbytes(1_000_000)
    with shaped(echo) as link, connected(link) as sock:
        assert sent_and_back(sock, data)[0] == data
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""


def test_delay_holds_in_both_directions(echo: Endpoint) -> None:
    with shaped(echo, LinkConditions(delay_s=0.05)) as link, connected(link) as sock:
        _, took_s = sent_and_back(sock, b"x")
    assert took_s >= 0.1


def test_a_bandwidth_is_shared_by_all_connections(echo: Endpoint) -> None:
    slow = LinkConditions(up_bytes_per_s=200_000.0)
    with shaped(echo, slow) as link, connected(link) as first, connected(link) as second:
        other = threading.Thread(target=sent_and_back, args=(second, bytes(40_000)))
        began_s = time.monotonic()
        other.start()
        sent_and_back(first, bytes(40_000))
        other.join()
    assert time.monotonic() - began_s >= 80_000 / 200_000 - 0.05


def test_what_was_sent_during_a_stall_arrives_after_it(echo: Endpoint) -> None:
    with shaped(echo) as link, connected(link) as sock:
        sent_and_back(sock, b"before")
        link.change(LinkConditions(cut=Cut.STALL))
        sock.sendall(b"during")
        late = connected(link)
        late.sendall(b"new")
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(10)
        sock.settimeout(STEP_LIMIT_S)
        link.change(LinkConditions())
        assert sock.recv(10) == b"during"
        assert late.recv(10) == b"new"
        late.close()


def test_a_reset_breaks_connections_and_refuses_new_ones_until_it_is_over(echo: Endpoint) -> None:
    with shaped(echo) as link:
        with connected(link) as sock:
            sent_and_back(sock, b"before")
            link.change(LinkConditions(cut=Cut.RESET))
            with pytest.raises(ConnectionResetError):
                sock.recv(10)
        with pytest.raises(ConnectionRefusedError):
            connected(link)
        link.change(LinkConditions())
        with connected(link) as sock:
            assert sent_and_back(sock, b"after")[0] == b"after"


def test_losses_delay_and_lose_nothing(echo: Endpoint) -> None:
    data = random.Random(2).randbytes(20_000)
    first_is_lost = iter([0.0])
    lossy = LinkConditions(loss=0.5)
    with shaped(echo, lossy, lambda: next(first_is_lost, 0.9)) as link, connected(link) as sock:
        found, took_s = sent_and_back(sock, b"x")
        assert found == b"x"
        assert took_s >= 0.2
        assert sent_and_back(sock, data)[0] == data


def test_a_link_without_bandwidth_waits_for_some(echo: Endpoint) -> None:
    with shaped(echo, LinkConditions(up_bytes_per_s=0.0)) as link, connected(link) as sock:
        sock.sendall(b"early")
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(10)
        sock.settimeout(STEP_LIMIT_S)
        link.change(LinkConditions(up_bytes_per_s=math.inf))
        assert sock.recv(10) == b"early"


def test_a_trace_is_replayed_as_fast_as_one_likes(echo: Endpoint) -> None:
    changes = (
        LinkChange(0.0, LinkConditions(cut=Cut.STALL)),
        LinkChange(10.0, LinkConditions()),
        LinkChange(20.0, LinkConditions(delay_s=0.03)),
    )
    with shaped(echo) as link:
        replay = link.replay(changes, speed=100.0)
        with connected(link) as sock:
            assert sent_and_back(sock, b"x")[1] >= 0.0
            replay.result(STEP_LIMIT_S)
            assert sent_and_back(sock, b"x")[1] >= 0.06


def test_a_server_that_is_not_there_breaks_the_connection() -> None:
    # The break may come while the connection is still being made.
    with shaped(Endpoint("127.0.0.1", 1)) as link, pytest.raises(OSError), connected(link) as sock:
        if sock.recv(1) == b"":
            raise ConnectionResetError
