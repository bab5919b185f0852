"""What an operator sees of a server: health, reflection, metrics, its log and its end."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from catalog.errors import BadInput
from cloud.client import CloudClient
from cloud.endpoint import Endpoint
from cloud.errors import CloudLacksVariant, CloudTimeout, CloudUnreachable
from cloud.hosting import HostedCatalog
from cloud.metrics_page import exposed
from engine.offload import Question
from tests.cloud.loopback import ANY_PORT, STEP_LIMIT_S, GatedHost, Loopback, loopback
from tests.cloud.test_server import SMALL, WIDE, request

SERVICE = "cloud.rpc.v1.Offload"


def scraped(server: Loopback, query: str = "") -> dict[str, float]:
    url = f"http://{{}}/metrics{query}"
    with exposed(server.metrics.registry, ANY_PORT) as where, urlopen(url.format(where)) as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, value in (li.rsplit(" ", 1) for li in lines if li[0] != "#")}


@pytest.mark.parametrize("name", ["", SERVICE])
def test_a_server_says_that_it_serves_and_what(server: Loopback, name: str) -> None:
    with grpc.insecure_channel(str(server.endpoint)) as channel:
        answer = HealthStub(channel).Check(HealthCheckRequest(service=name), timeout=STEP_LIMIT_S)
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert answer.status == HealthCheckResponse.SERVING
    assert SERVICE in services


def test_a_stop_is_told_to_who_watches_and_new_requests_are_refused() -> None:
    host = GatedHost()
    with (
        loopback(host, drain_s=STEP_LIMIT_S) as server,
        CloudClient(server.endpoint) as client,
        grpc.insecure_channel(str(server.endpoint)) as channel,
        ThreadPoolExecutor(1) as threads,
    ):
        watched = HealthStub(channel).Watch(HealthCheckRequest(service=SERVICE), timeout=STEP_LIMIT_S)
        assert next(watched).status == HealthCheckResponse.SERVING
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        stopping = server.begin_stop()
        assert next(watched).status == HealthCheckResponse.NOT_SERVING
        with pytest.raises(CloudUnreachable):
            client.classify(request(Question("late", "v")))
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        stopping.result(STEP_LIMIT_S / 2)
    assert host.ran == ["first"]


def test_requests_windows_batches_and_memory_are_counted(hosted: HostedCatalog, server: Loopback) -> None:
    with CloudClient(server.endpoint) as client:
        client.classify(request(WIDE, SMALL, count=3))
        client.classify(request(WIDE))
        with pytest.raises(CloudLacksVariant):
            client.classify(request(Question("a", "wide/other")))
    found = scraped(server)
    assert found['mcdnn_requests_total{status="OK"}'] == 2
    assert found['mcdnn_requests_total{status="NOT_FOUND"}'] == 1
    assert found["mcdnn_windows_total"] == 4
    assert found["mcdnn_batch_windows_sum"] == 7
    assert found["mcdnn_batch_windows_count"] == found["mcdnn_batch_seconds_count"] == 3
    assert found["mcdnn_queue_seconds_count"] == found["mcdnn_execution_seconds_count"] == 2
    assert found["mcdnn_resident_bytes"] == hosted.memory.resident_bytes > 0
    assert found["mcdnn_loads_total"] == hosted.memory.loads > 0
    assert found["mcdnn_requests_waiting"] == found["mcdnn_evictions_total"] == 0


def test_metrics_that_are_asked_by_name_leave_no_answer_out(server: Loopback) -> None:
    with CloudClient(server.endpoint) as client:
        client.classify(request(WIDE, count=2))
    found = scraped(server, "?name[]=mcdnn_windows_total&name[]=mcdnn_batch_windows_count")
    assert found == {"mcdnn_windows_total": 2, "mcdnn_batch_windows_count": 1}


def test_cancelled_requests_are_counted_and_leave_nothing_behind() -> None:
    host = GatedHost()
    with loopback(host) as server, CloudClient(server.endpoint) as client, ThreadPoolExecutor(1) as threads:
        first = threads.submit(client.classify, request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        assert scraped(server)["mcdnn_requests_waiting"] == 1
        for _ in range(3):
            with pytest.raises(CloudTimeout):
                client.classify(request(Question("gone", "v"), deadline_s=0.05))
        while server.waiting > 1:
            client.list_catalog(STEP_LIMIT_S)
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        found = scraped(server)
    assert found['mcdnn_requests_total{status="CANCELLED"}'] == 3
    assert found["mcdnn_requests_waiting"] == found["mcdnn_waiting_bytes"] == 0
    assert host.ran == ["first"]


def test_a_refused_request_is_one_line_in_the_log(server: Loopback) -> None:
    with CloudClient(server.endpoint) as client, pytest.raises(CloudLacksVariant):
        client.classify(request(Question("a", "wide/other"), name="r7"))
    (line,) = server.lines
    logged = json.loads(line)
    assert (logged["request_id"], logged["status"]) == ("r7", "NOT_FOUND")
    assert logged["client"].startswith("ipv4:127.0.0.1:")


def test_a_client_that_goes_away_as_it_is_answered_leaves_no_stack_trace(
    server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    grpcs_own = logging.getLogger("grpc._cython.cygrpc")
    grpcs_own.error("ExecuteBatchError raised in core by servicer method [/cloud.rpc.v1.Offload/Classify]")
    grpcs_own.error("something else")
    assert [r.message for r in caplog.records] == ["something else"]


def test_an_address_for_metrics_that_cannot_be_had_is_bad_input(server: Loopback) -> None:
    with (
        exposed(server.metrics.registry, ANY_PORT) as where,
        pytest.raises(BadInput, match=f"--metrics {where}: Address already in use"),
        exposed(server.metrics.registry, where or Endpoint("nowhere", 1)),
    ):
        pass
