from __future__ import annotations

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import grpc
import numpy as np
import pytest

from catalog.backends.table import open_backend
from catalog.errors import BadInput
from catalog.store import Catalog, open_catalog
from cloud.client import CloudClient
from cloud.endpoint import Endpoint
from cloud.errors import (
    CloudBroken,
    CloudBusy,
    CloudLacksVariant,
    CloudRefused,
    CloudTimeout,
    CloudUnreachable,
)
from cloud.hosting import HostedCatalog
from cloud.limits import Limits
from cloud.messages import Encoding, Picture
from cloud.pictures import jpeg_picture, png_picture, raw_picture
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadStub
from engine.offload import OffloadRequest, Question
from tests.cloud.loopback import STEP_LIMIT_S, GatedHost, Loopback, loopback
from tests.cloud.test_hosting import answered
from tests.cloud.test_pictures import png_declaring

GENEROUS_S = 60.0
WIDE = Question("who", "wide/identity")
SMALL = Question("even", "small/parity")


def request(
    *questions: Question, name: str = "r1", count: int = 1, deadline_s: float = GENEROUS_S
) -> OffloadRequest:
    pixels = np.random.default_rng(count).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    return OffloadRequest(name, questions or (WIDE,), tuple(pixels), deadline_s)


def status_of(server: Loopback, message: object, rpc: str = "Classify") -> tuple[grpc.StatusCode, str]:
    """Send any bytes as a message, as a client that is not ours might."""
    with grpc.insecure_channel(str(server.endpoint)) as channel:
        call = channel.unary_unary(f"/cloud.rpc.v1.Offload/{rpc}", request_serializer=lambda m: m)
        data = message if isinstance(message, bytes) else message.SerializeToString()
        with pytest.raises(grpc.RpcError) as raised:
            call(data, timeout=GENEROUS_S)
    return raised.value.code(), raised.value.details()


def message(**fields) -> pb.ClassifyRequest:
    whole = {
        "request_id": "r1",
        "questions": [pb.Question(app="who", variant="wide/identity")],
        "pictures": [pb.Picture(encoding=1, width_px=2, height_px=2, data=bytes(12))],
        "deadline_s": GENEROUS_S,
    }
    return pb.ClassifyRequest(**(whole | fields))


def test_a_window_is_answered_as_on_the_device(hosted: HostedCatalog, client: CloudClient) -> None:
    asked = request(WIDE, SMALL, count=3)
    answer = client.classify(asked)
    assert answer.answers == answered(hosted, asked.questions, asked.windows)
    assert answer.request_id == "r1"
    assert answer.batch_windows == 3
    assert answer.queue_s >= 0.0
    assert answer.execution_s > 0.0
    assert answer.round_trip_s >= answer.queue_s + answer.execution_s
    assert answer.up_bytes > 3 * 16 * 16 * 3
    assert 0 < answer.down_bytes < answer.up_bytes


@pytest.mark.parametrize("encode", [png_picture, partial(jpeg_picture, quality=95)])
def test_encoded_windows_are_answered(server: Loopback, client: CloudClient, encode) -> None:
    asked = request(WIDE)
    with CloudClient(server.endpoint, encode) as other:
        (row,) = other.classify(asked).answers
    ((plain,),) = client.classify(asked).answers
    assert row[0].confidence == pytest.approx(plain.confidence, abs=0.05)


def test_many_threads_share_a_client_and_each_gets_its_own_answer(
    hosted: HostedCatalog, client: CloudClient
) -> None:
    asked = [request(WIDE, SMALL, name=f"r{i}", count=1 + i % 5) for i in range(24)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(client.classify, asked))
    for one, answer in zip(asked, answers, strict=True):
        assert answer.request_id == one.id
        expected = answered(hosted, one.questions, one.windows)
        assert [[a.class_name for a in row] for row in answer.answers] == [
            [a.class_name for a in row] for row in expected
        ]


def test_the_catalog_is_listed(hosted: HostedCatalog, client: CloudClient) -> None:
    assert client.list_catalog(GENEROUS_S) == hosted.listing()


def test_an_unknown_variant_is_told_apart_from_a_bad_request(client: CloudClient) -> None:
    with pytest.raises(CloudLacksVariant, match="'deep/identity': not in this server's catalog"):
        client.classify(request(Question("who", "deep/identity")))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (message(request_id=""), "request_id: 0 characters"),
        (message(questions=[]), "questions: 0"),
        (message(pictures=[]), "pictures: 0"),
        (message(deadline_s=math.nan), "deadline_s = nan"),
        (message(pictures=[pb.Picture(encoding=7)]), "encoding 7"),
        (message(pictures=[pb.Picture(encoding=1, width_px=9, height_px=9)]), "0 bytes: expected 243"),
        (message(pictures=[pb.Picture(encoding=2, width_px=9, height_px=9, data=b"x")]), "not a PNG"),
        (message(pictures=[pb.Picture(encoding=3, width_px=9, height_px=9, data=b"x")]), "not a JPEG"),
        (
            message(
                pictures=[
                    pb.Picture(encoding=2, width_px=16, height_px=16, data=png_declaring(30_000, 30_000))
                ]
            ),
            "a picture of 30000 x 30000 was declared as 16 x 16",
        ),
        (message(pictures=[pb.Picture(encoding=2, width_px=30_000, height_px=9, data=b"x")]), "30000 x 9"),
    ],
)
def test_a_bad_request_is_refused_with_one_line(
    server: Loopback, wrong: pb.ClassifyRequest, told: str
) -> None:
    code, details = status_of(server, wrong)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert told in details
    assert "\n" not in details


def test_garbage_and_unknown_calls_leave_the_server_healthy(server: Loopback, client: CloudClient) -> None:
    code, _ = status_of(server, b"\xff" * 100)
    assert code is not grpc.StatusCode.OK
    code, _ = status_of(server, b"", rpc="Destroy")
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert client.classify(request()).answers


def test_a_message_over_the_limit_is_refused_on_either_side(hosted: HostedCatalog) -> None:
    large = request(WIDE, count=40)
    strict = Limits(message_bytes=20_000)
    with loopback(hosted, strict) as server, CloudClient(server.endpoint, limits=strict) as client:
        with pytest.raises(CloudRefused, match=r"request r1: 3\d{4} bytes: the limit is 20000"):
            client.classify(large)
        with CloudClient(server.endpoint) as unaware, pytest.raises(CloudRefused, match="larger than max"):
            unaware.classify(large)
        assert client.classify(request()).answers


def test_a_variant_over_the_memory_limit_is_refused_and_others_go_on(opened: Catalog) -> None:
    host = HostedCatalog(opened, open_backend("onnxruntime"), 60_000, 4)
    with loopback(host) as server, CloudClient(server.endpoint) as client:
        with pytest.raises(CloudRefused, match="wide/identity: needs more memory than this server gives"):
            client.classify(request(WIDE))
        assert client.classify(request(SMALL)).answers
        assert host.memory.resident_bytes <= 60_000
    host.close()


def test_a_failure_inside_is_logged_and_reveals_nothing(small_catalog: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(small_catalog, tmp_path / "copy"))
    catalog = open_catalog(root)
    broken = catalog.part_path(catalog.trunks["wide"].parts[1])
    broken.write_bytes(b"overwritten while the server runs")
    host = HostedCatalog(catalog, open_backend("onnxruntime"), math.inf, 4)
    with loopback(host) as server, CloudClient(server.endpoint) as client:
        with pytest.raises(CloudBroken) as raised:
            client.classify(request(WIDE))
        assert str(raised.value) == f"cloud {server.endpoint}: the server failed; its log says how"
        assert client.classify(request(SMALL)).answers
    host.close()
    (line,) = server.lines
    logged = json.loads(line)
    assert (logged["request_id"], logged["status"]) == ("r1", "INTERNAL")
    assert logged["variants"] == ["wide/identity"]
    assert broken.name in logged["error"]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    host = GatedHost()
    with (
        loopback(host, Limits(waiting=1)) as server,
        CloudClient(server.endpoint) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        with pytest.raises(CloudBusy, match="the queue is full: requests waiting: 1") as busy:
            client.classify(request(Question("second", "v")))
        assert busy.value.retry_after_s > 0.0
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        assert client.classify(request(Question("third", "v"))).answers
    assert host.ran == ["first", "third"]


def test_windows_of_several_clients_and_apps_run_in_one_batch() -> None:
    host = GatedHost()
    with (
        loopback(host) as server,
        CloudClient(server.endpoint) as client,
        CloudClient(server.endpoint) as other,
        ThreadPoolExecutor(4) as threads,
    ):
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        waiting = [
            threads.submit(each.classify, request(Question(name, "v"), count=2))
            for each, name in ((client, "second"), (other, "third"), (other, "fourth"))
        ]
        while server.waiting < 4:
            client.list_catalog(STEP_LIMIT_S)
        client.list_catalog(STEP_LIMIT_S)  # the last one to be counted is in the queue by now
        host.gate.set()
        assert first.result(STEP_LIMIT_S).batch_windows == 1
        assert [w.result(STEP_LIMIT_S).batch_windows for w in waiting] == [6, 6, 6]
    assert [sorted(batch) for batch in host.batches] == [["first"], ["fourth", "second", "third"]]


def test_a_request_with_more_windows_than_run_together_is_answered_in_pieces(hosted: HostedCatalog) -> None:
    with loopback(hosted, Limits(batch_windows=4)) as server, CloudClient(server.endpoint) as client:
        asked = request(WIDE, SMALL, count=11)
        answer = client.classify(asked)
    assert answer.batch_windows == 4
    plain = answered(hosted, asked.questions, asked.windows)
    assert [[a.class_name for a in row] for row in answer.answers] == [
        [a.class_name for a in row] for row in plain
    ]


def test_a_request_that_cannot_be_done_in_time_is_refused_at_once() -> None:
    host = GatedHost(claimed_s=50.0)
    host.gate.set()
    with loopback(host) as server, CloudClient(server.endpoint) as client, ThreadPoolExecutor(1) as threads:
        assert client.classify(request(Question("teacher", "v"))).answers
        host.gate.clear()
        first = threads.submit(client.classify, request(Question("first", "v")))
        while "first" not in host.ran:
            client.list_catalog(STEP_LIMIT_S)
        with pytest.raises(CloudBusy, match="cannot be answered in time") as busy:
            client.classify(request(Question("second", "v"), deadline_s=20.0))
        assert 20.0 < busy.value.retry_after_s <= 50.0
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
    assert host.ran == ["teacher", "first"]


def test_work_whose_client_has_gone_is_not_run() -> None:
    host = GatedHost()
    with (
        loopback(host) as server,
        CloudClient(server.endpoint) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        with pytest.raises(CloudTimeout):
            client.classify(request(Question("gone", "v"), deadline_s=0.1))
        while server.waiting > 1:
            client.list_catalog(STEP_LIMIT_S)
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        assert client.classify(request(Question("last", "v"))).answers
    assert host.ran == ["first", "last"]


def test_work_whose_deadline_passed_in_the_queue_is_not_run() -> None:
    host = GatedHost()
    host.gate.set()
    with loopback(host) as server:
        code, details = status_of(server, message(deadline_s=1e-9))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "deadline passed" in details
    assert host.ran == []


def test_a_request_without_time_left_is_not_sent(client: CloudClient) -> None:
    with pytest.raises(CloudTimeout, match="no time left"):
        client.classify(request(deadline_s=0.0))


def test_a_stop_lets_requests_under_way_finish_and_takes_no_new_ones() -> None:
    host = GatedHost()
    with (
        loopback(host, drain_s=STEP_LIMIT_S) as server,
        CloudClient(server.endpoint) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        stopping = server.begin_stop()
        with CloudClient(server.endpoint) as late, pytest.raises(CloudUnreachable):
            late.classify(request(Question("late", "v")))
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        stopping.result(STEP_LIMIT_S)
    assert host.ran == ["first"]


def test_a_stop_cancels_what_is_not_done_within_its_time() -> None:
    host = GatedHost()
    with (
        loopback(host, drain_s=0.05) as server,
        CloudClient(server.endpoint) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        stopping = server.begin_stop()
        with pytest.raises(CloudUnreachable):
            first.result(STEP_LIMIT_S)
        host.gate.set()
        stopping.result(STEP_LIMIT_S)


def test_a_client_finds_a_server_again_that_was_restarted(hosted: HostedCatalog) -> None:
    with loopback(hosted) as server:
        client = CloudClient(server.endpoint)
        assert client.classify(request()).answers
    with pytest.raises(CloudUnreachable):
        client.classify(request())
    with loopback(hosted, listen=server.endpoint):
        for attempt in range(1_000_000):
            try:
                assert client.classify(request(name=f"r{attempt}")).answers
                break
            except CloudUnreachable:
                continue
    client.close()
    with pytest.raises(CloudUnreachable):
        client.classify(request())


def test_a_port_in_use_is_bad_input(server: Loopback, hosted: HostedCatalog) -> None:
    with (
        pytest.raises(BadInput, match=f"--listen {server.endpoint}: Address already in use"),
        loopback(hosted, listen=server.endpoint),
    ):
        pass


def test_an_address_of_another_machine_is_bad_input(hosted: HostedCatalog) -> None:
    elsewhere = Endpoint("203.0.113.1", 1)
    with (
        pytest.raises(BadInput, match=f"--listen {elsewhere}: .*choose another address or port"),
        loopback(hosted, listen=elsewhere),
    ):
        pass


def test_a_raw_picture_is_what_a_device_sends_by_default(server: Loopback) -> None:
    pixels = np.zeros((3, 2, 3), np.uint8)
    assert raw_picture(pixels) == Picture(Encoding.RAW_RGB, 2, 3, bytes(18))
    with grpc.insecure_channel(str(server.endpoint)) as channel:
        reply = OffloadStub(channel).Classify(
            message(pictures=[pb.Picture(encoding=1, width_px=2, height_px=3, data=pixels.tobytes())])
        )
    assert len(reply.answers) == 1
