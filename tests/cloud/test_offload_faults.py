"""What must not harm a device: every request ends once and in time, and the client finds its way back."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest

from catalog.backends.table import open_backend
from catalog.store import open_catalog
from cloud.access import Access, server_credentials
from cloud.circuit_breaker import BreakerRules
from cloud.client import CloudClient
from cloud.credentials import read_credentials
from cloud.endpoint import Endpoint
from cloud.errors import (
    CloudBroken,
    CloudError,
    CloudIncompatible,
    CloudLacksVariant,
    CloudRefused,
    CloudUnreachable,
)
from cloud.hosting import HostedCatalog
from cloud.limits import Limits
from cloud.link_conditions import Cut, LinkConditions
from cloud.link_trace import read_link_trace
from cloud.offloading import CloudOffload
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadServicer, add_OffloadServicer_to_server
from cloud.shaper import shaped
from engine.offload import OffloadAnswer, OffloadRequest, Question
from tests.catalog_builder import build_catalog
from tests.cloud.loopback import STEP_LIMIT_S, Loopback, loopback
from tests.cloud.serving import ServeProcess
from tests.cloud.test_access import Papers
from tests.cloud.test_offloading import QUICK, connected, failed, until
from tests.cloud.test_server import SMALL, WIDE, request

DEADLINE_S = 0.5
ALLOWANCE_S = 5.0  # for a machine that is busy with something else
HOME = LinkConditions(delay_s=0.005, up_bytes_per_s=1.25e6, down_bytes_per_s=1.25e6)


class Stream:
    """Requests one after another, as a camera makes them; counts how often each of them ended."""

    def __init__(self, client: CloudOffload, count: int = 1) -> None:
        self._client = client
        self._count = count
        self.ended: Counter[str] = Counter()
        self.answers: list[Future[OffloadAnswer]] = []

    def ask(self) -> Future[OffloadAnswer]:
        name = f"r{len(self.answers)}"
        asked = request(WIDE, name=name, count=self._count, deadline_s=DEADLINE_S)
        answer = self._client.submit(asked)
        answer.add_done_callback(lambda _: self.ended.update([name]))
        self.answers.append(answer)
        return answer

    def ask_until(self, outcome: type[CloudError] | None) -> None:
        """Ask again and again until a request ends like that: with an error, or answered."""

        def found() -> bool:
            error = self.ask().exception(DEADLINE_S + ALLOWANCE_S)
            return error is None if outcome is None else isinstance(error, outcome)

        until(found)

    def ask_until_lost(self) -> None:
        """Ask, a few at a time, until the client has given up on the server."""

        def lost() -> bool:
            together = [self.ask() for _ in range(3)]
            wait(together, DEADLINE_S + ALLOWANCE_S)
            return not self._client.state().connected

        until(lost)

    def check(self) -> None:
        """Check that every request has ended, and once."""
        assert not wait(self.answers, DEADLINE_S + ALLOWANCE_S).not_done
        until(lambda: sum(self.ended.values()) >= len(self.answers))
        assert set(self.ended.values()) <= {1}
        for i, answer in enumerate(self.answers):
            if answer.exception() is None:
                assert answer.result().request_id == f"r{i}"
            else:
                assert isinstance(answer.exception(), CloudError)
        until(lambda: self._client.under_way == 0)


def test_a_server_that_is_killed_in_mid_stream_is_found_again(small_catalog: Path) -> None:
    with ServeProcess(small_catalog) as server, connected(server) as client:
        stream = Stream(client)
        stream.ask_until(None)
        for _ in range(20):
            stream.ask()
        server.kill()
        stream.ask_until(CloudError)
        until(lambda: not client.state().connected)
        refused = client.submit(request()).exception(0.0)
        assert isinstance(refused, CloudError)
        with ServeProcess(small_catalog, server.endpoint):
            until(lambda: client.state().connected)
            stream.ask_until(None)
        stream.check()


@pytest.mark.parametrize("cut", [Cut.STALL, Cut.RESET])
def test_a_network_that_is_cut_for_half_a_minute_is_used_again_after_it(
    server: Loopback, tmp_path: Path, cut: Cut
) -> None:
    trace = tmp_path / "connected.csv"
    trace.write_text("t_s,connected\n0,1\n5,0\n35,1\n")
    changes = read_link_trace(trace, None, HOME, cut)
    rules = BreakerRules(failures=3, silence_s=0.05, first_pause_s=0.02, longest_pause_s=0.4)
    with shaped(server.endpoint, HOME) as link, CloudOffload(link.endpoint, rules=rules) as client:
        assert client.wait_connected(STEP_LIMIT_S)
        stream = Stream(client)
        stream.ask_until(None)
        over = link.replay(changes, speed=20.0)
        stream.ask_until_lost()
        over.result(STEP_LIMIT_S)
        until(lambda: client.state().connected)
        stream.ask_until(None)
        stream.check()


def test_lost_packets_lose_no_request_and_answer_none_twice(server: Loopback) -> None:
    lossy = LinkConditions(delay_s=0.005, loss=0.2)
    with shaped(server.endpoint, lossy, random.Random(3).random) as link, connected(link) as client:
        stream = Stream(client)
        for _ in range(10):
            for _ in range(4):
                stream.ask()
            stream.answers[-1].exception(DEADLINE_S + ALLOWANCE_S)
        stream.ask_until(None)
        stream.check()


def test_a_bandwidth_that_falls_is_noticed_and_so_is_its_return(server: Loopback) -> None:
    slow = LinkConditions(delay_s=0.005, up_bytes_per_s=12_500.0, down_bytes_per_s=12_500.0)
    with shaped(server.endpoint, HOME) as link, connected(link) as client:
        stream = Stream(client, count=4)  # 3 KiB, a quarter of a second at 100 kbit/s

        def expected_s() -> float:
            stream.ask().exception(DEADLINE_S + ALLOWANCE_S)
            state = client.state()
            return state.round_trip_s + 3300 / state.up_bytes_per_s

        until(lambda: expected_s() < 0.15)
        link.change(slow)
        until(lambda: expected_s() > 0.2)
        large = Stream(client, count=60)
        large.ask_until(CloudError)
        large.check()
        link.change(HOME)
        until(lambda: expected_s() < 0.15)
        stream.ask_until(None)
        stream.check()


def test_a_catalog_that_was_changed_behind_the_address_is_listed_again(
    small_catalog: Path, hosted: HostedCatalog, tmp_path: Path
) -> None:
    other = HostedCatalog(
        open_catalog(build_catalog(tmp_path / "other", seed=7)), open_backend("onnxruntime"), float("inf"), 16
    )
    with loopback(hosted) as server:
        client = connected(server)
        before = {v.id: v.head_id for v in client.state().offered}
    until(lambda: not client.state().connected)
    with loopback(other, listen=server.endpoint), client:
        until(lambda: client.state().connected)
        after = {v.id: v.head_id for v in client.state().offered}
        assert set(after) == set(before)
        assert not set(after.values()) & set(before.values())
        assert client.submit(request()).result(STEP_LIMIT_S).answers
    other.close()


def test_a_variant_that_has_another_head_than_the_device_knows_is_not_answered(server: Loopback) -> None:
    with grpc.insecure_channel(str(server.endpoint)) as channel:
        call = channel.unary_unary(
            "/cloud.rpc.v1.Offload/Classify",
            pb.ClassifyRequest.SerializeToString,
            pb.ClassifyResponse.FromString,
        )
        asked = pb.ClassifyRequest(
            request_id="r1",
            questions=[pb.Question(app="who", variant="wide/identity", head_id="0" * 16)],
            pictures=[pb.Picture(encoding=1, width_px=2, height_px=2, data=bytes(12))],
            deadline_s=STEP_LIMIT_S,
        )
        with pytest.raises(grpc.RpcError) as raised:
            call(asked, timeout=STEP_LIMIT_S)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    assert "not in this server's catalog as asked" in raised.value.details()


class Scripted(OffloadServicer):
    """A server that says what a test wants; lists one variant whose head is the catalog's hash."""

    def __init__(self) -> None:
        self.catalog_hash = "first"
        self.rows = 1
        self.aborts: list[grpc.StatusCode] = []
        self.asked = 0

    def ListCatalog(self, request, context):  # noqa: N802
        if request.known_hash == self.catalog_hash:
            return pb.ListCatalogResponse(catalog_hash=self.catalog_hash, unchanged=True)
        return pb.ListCatalogResponse(
            trunks=[pb.Trunk(name="wide", input_type="digit", size_px=16, part_ids=["p"])],
            variants=[
                pb.Variant(id="wide/identity", task="identity", trunk="wide", head_id=self.catalog_hash)
            ],
            catalog_hash=self.catalog_hash,
        )

    def Classify(self, request, context):  # noqa: N802
        self.asked += 1
        if self.aborts:
            context.abort(self.aborts.pop(0), "as the script says")
        if request.questions[0].head_id != self.catalog_hash:
            context.abort(grpc.StatusCode.NOT_FOUND, "not as asked")
        row = pb.Answers(windows=[pb.Answer(class_name="1", confidence=0.5)])
        return pb.ClassifyResponse(
            request_id=request.request_id, answers=[row] * self.rows, catalog_hash=self.catalog_hash
        )


@contextmanager
def scripted() -> Iterator[tuple[Scripted, Endpoint]]:
    with ThreadPoolExecutor(2) as threads:
        service = Scripted()
        server = grpc.server(threads)
        add_OffloadServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield service, Endpoint("127.0.0.1", port)
        server.stop(None).wait()


def heads(client: CloudOffload) -> list[str]:
    return [v.head_id for v in client.state().offered]


def test_a_server_without_health_whose_catalog_changes_as_it_runs_is_followed() -> None:
    with scripted() as (service, endpoint), CloudOffload(endpoint, rules=QUICK) as client:
        assert client.wait_connected(STEP_LIMIT_S)
        assert heads(client) == ["first"]
        assert client.submit(request()).result(STEP_LIMIT_S).answers
        service.catalog_hash = "second"
        assert isinstance(failed(client, request()), CloudLacksVariant)
        until(lambda: heads(client) == ["second"])
        assert client.submit(request()).result(STEP_LIMIT_S).answers
        assert client.state().lost_share == 0.0


def test_a_request_whose_connection_is_lost_is_sent_once_more_and_answered_once() -> None:
    with scripted() as (service, endpoint), CloudOffload(endpoint, rules=QUICK) as client:
        assert client.wait_connected(STEP_LIMIT_S)
        once = client.submit(request()).result(STEP_LIMIT_S)
        service.aborts = [grpc.StatusCode.UNAVAILABLE]
        stream = Stream(client)
        twice = stream.ask().result(STEP_LIMIT_S)
        assert service.asked == 3
        assert twice.up_bytes == pytest.approx(2 * once.up_bytes, abs=20)
        service.aborts = [grpc.StatusCode.UNAVAILABLE] * 2
        assert isinstance(stream.ask().exception(STEP_LIMIT_S), CloudUnreachable)
        assert service.asked == 5
        stream.check()


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_what_broke_the_server_is_not_asked_of_it_again(code: grpc.StatusCode) -> None:
    with scripted() as (service, endpoint), CloudOffload(endpoint, rules=QUICK) as client:
        assert client.wait_connected(STEP_LIMIT_S)
        service.aborts = [code]
        assert isinstance(failed(client, request()), CloudBroken)
        assert service.asked == 1
        assert heads(client) == []
        assert client.state().connected


def test_answers_that_make_no_sense_are_no_answers() -> None:
    with scripted() as (service, endpoint), CloudOffload(endpoint, rules=QUICK) as client:
        assert client.wait_connected(STEP_LIMIT_S)
        service.rows = 2
        for i in range(QUICK.failures):
            assert isinstance(failed(client, request(name=f"r{i}")), CloudIncompatible)
        service.rows = 1
        until(lambda: client.state().connected)
        assert client.submit(request()).result(STEP_LIMIT_S).answers


def test_a_server_that_speaks_something_else_is_never_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                    taken.sendall(b"220 garbage\r\n" * 100)
                    taken.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        endpoint = Endpoint("127.0.0.1", listening.getsockname()[1])
        with CloudOffload(endpoint, rules=QUICK) as client:
            assert not client.wait_connected(0.3)
            assert isinstance(failed(client, request()), CloudError)
        listening.shutdown(socket.SHUT_RDWR)


def test_a_server_that_takes_connections_and_says_nothing_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint("127.0.0.1", silent.getsockname()[1])
        with CloudOffload(endpoint, rules=QUICK) as client:
            assert not client.wait_connected(0.1)
            assert "not connected yet" in str(failed(client, request()))


def test_fifty_megabytes_are_refused_by_either_side_and_both_go_on(server: Loopback) -> None:
    pixels = np.zeros((4096, 4069, 3), np.uint8)
    asked = OffloadRequest("big", (WIDE,), (pixels,), STEP_LIMIT_S)
    with connected(server) as client:
        refused = failed(client, asked)
        assert isinstance(refused, CloudRefused)
        assert "the limit is 8388608" in str(refused)
        unaware = Limits(message_bytes=100_000_000)
        with CloudClient(server.endpoint, limits=unaware) as other, pytest.raises(CloudRefused):
            other.classify(asked)
        assert client.submit(request()).result(STEP_LIMIT_S).answers
    assert server.waiting == 0


def test_a_server_whose_certificate_has_expired_is_not_trusted(hosted: HostedCatalog, tmp_path: Path) -> None:
    papers = Papers(tmp_path)
    with loopback(hosted, access=Access(server_credentials(*papers.expired, None))) as server:
        shown = read_credentials(papers.ca)
        with CloudOffload(server.endpoint, credentials=shown, rules=QUICK) as client:
            until(lambda: "not connected yet" not in str(failed(client, request())))
            assert not client.state().connected
    access = Access(server_credentials(*papers.server, None))
    with (
        loopback(hosted, access=access) as server,
        connected(server, credentials=shown) as client,
    ):
        assert client.submit(request()).result(STEP_LIMIT_S).answers


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_a_thousand_requests_that_are_cancelled_leave_nothing_on_either_side(server: Loopback) -> None:
    with connected(server) as client:

        def cancel_many() -> None:
            asked = [client.submit(request(SMALL, name=f"r{i}")) for i in range(1000)]
            for i, one in enumerate(asked):
                one.cancel()
                assert one.done(), i
            until(lambda: client.under_way == 0 and server.waiting == 0)
            client.submit(request(Question("last", "small/parity"))).result(STEP_LIMIT_S)

        cancel_many()
        before = resident_bytes()
        cancel_many()
        assert resident_bytes() - before < 16e6
        assert client.state().connected
        assert client.state().lost_share == 0.0


def test_clients_come_and_go_without_leaving_threads(server: Loopback) -> None:
    before = threading.active_count()
    for _ in range(5):
        with connected(server) as client:
            assert client.submit(request()).result(STEP_LIMIT_S).answers
    until(lambda: threading.active_count() <= before)
