"""What must not break a server: clients that go away, send garbage, or ask for more than it can do."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc

from cloud.client import CloudClient
from cloud.errors import CloudBusy, CloudTimeout
from cloud.hosting import HostedCatalog
from cloud.limits import Limits
from cloud.rpc.v1.classify_pb2_grpc import OffloadStub
from engine.offload import Question
from tests.cloud.loopback import STEP_LIMIT_S, GatedHost, Loopback, loopback
from tests.cloud.test_operating import scraped
from tests.cloud.test_server import message, request

CANCELLED = 1000


async def cancel_many(server: Loopback) -> None:
    async with grpc.aio.insecure_channel(str(server.endpoint)) as channel:
        calls = [OffloadStub(channel).Classify(message(request_id=f"r{i}")) for i in range(CANCELLED)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def test_a_thousand_cancelled_requests_leave_nothing_behind(hosted: HostedCatalog) -> None:
    with loopback(hosted) as server, CloudClient(server.endpoint) as client:
        assert client.classify(request()).answers
        before = hosted.memory.resident_bytes
        asyncio.run(cancel_many(server))
        while server.waiting:
            client.list_catalog(STEP_LIMIT_S)
        assert client.classify(request()).answers
        found = scraped(server)
    assert found["mcdnn_requests_waiting"] == found["mcdnn_waiting_bytes"] == 0
    assert found["mcdnn_drained_in_seconds"] == 0
    assert hosted.memory.resident_bytes == before


def test_every_request_of_a_crowd_is_answered_or_refused_and_none_twice() -> None:
    host = GatedHost()
    with (
        loopback(host, Limits(waiting=8)) as server,
        CloudClient(server.endpoint) as client,
        ThreadPoolExecutor(32) as threads,
    ):

        def outcome(i: int) -> str:
            try:
                asked = request(Question(f"a{i}", "v"), name=f"r{i}", deadline_s=STEP_LIMIT_S)
                return client.classify(asked).request_id
            except (CloudBusy, CloudTimeout):
                return ""

        outcomes = [threads.submit(outcome, i) for i in range(32)]
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        while sum(o.done() for o in outcomes) < 32 - 8:
            client.list_catalog(STEP_LIMIT_S)
        host.gate.set()
        answered = [o.result(STEP_LIMIT_S) for o in outcomes]
    assert sum(map(bool, answered)) == 8
    assert sorted(f"r{app[1:]}" for app in host.ran) == sorted(filter(None, answered))
