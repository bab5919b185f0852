"""Many requests on one stream, against a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
import pytest

from cloud.client import CloudClient
from cloud.client_stream import ClientStream
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
from cloud.rpc.v1 import classify_pb2 as pb
from cloud.rpc.v1.classify_pb2_grpc import OffloadStub
from engine.offload import Question
from tests.cloud.loopback import STEP_LIMIT_S, GatedHost, loopback
from tests.cloud.test_server import SMALL, WIDE, message, request


def test_requests_of_a_stream_are_answered_as_alone(client: CloudClient) -> None:
    asked = [request(WIDE, SMALL, name=f"r{i}", count=1 + i % 4) for i in range(40)]
    with client.stream() as stream:
        answers = [stream.send(client.classify_message(one)) for one in asked]
        for one, answer in zip(asked, answers, strict=True):
            found = answer.result(STEP_LIMIT_S)
            assert found.request_id == one.id
            assert [[a.class_name for a in row] for row in found.answers] == [
                [a.class_name for a in row] for row in client.classify(one).answers
            ]
            assert found.up_bytes > found.down_bytes > 0
            assert found.round_trip_s > 0.0


def test_a_refusal_ends_one_request_and_not_the_stream(client: CloudClient) -> None:
    with client.stream() as stream:
        lacking = stream.send(client.classify_message(request(Question("a", "wide/other"), name="r1")))
        wrong = stream.send(message(request_id="r2", deadline_s=-1.0))
        right = stream.send(client.classify_message(request(name="r3")))
        with pytest.raises(CloudLacksVariant, match="not in this server's catalog"):
            lacking.result(STEP_LIMIT_S)
        with pytest.raises(CloudRefused, match="deadline_s"):
            wrong.result(STEP_LIMIT_S)
        assert right.result(STEP_LIMIT_S).answers


def test_a_full_queue_is_told_in_the_stream() -> None:
    host = GatedHost()
    with (
        loopback(host, Limits(waiting=1)) as server,
        CloudClient(server.endpoint) as client,
        client.stream() as stream,
    ):
        first = stream.send(message(request_id="r1"))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        with pytest.raises(CloudBusy) as busy:
            stream.send(message(request_id="r2")).result(STEP_LIMIT_S)
        assert busy.value.retry_after_s > 0.0
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers


def test_an_id_that_is_under_way_is_refused_on_either_side() -> None:
    host = GatedHost()
    with loopback(host) as server, CloudClient(server.endpoint) as client, client.stream() as stream:
        first = stream.send(message())
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        with pytest.raises(ValueError, match="r1: it is under way"):
            stream.send(message())
        with grpc.insecure_channel(str(server.endpoint)) as channel:
            raw = OffloadStub(channel).ClassifyStream(iter([message(), message()]), timeout=STEP_LIMIT_S)
            assert next(raw).refused.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
            host.gate.set()
            assert next(raw).answer.request_id == "r1"
            assert list(raw) == []
        assert first.result(STEP_LIMIT_S).answers


def test_a_client_that_goes_away_takes_its_work_out() -> None:
    host = GatedHost()
    with loopback(host) as server, CloudClient(server.endpoint) as client:
        with grpc.insecure_channel(str(server.endpoint)) as channel:
            questions = [{"app": f"a{i}", "variant": "v"} for i in range(20)]
            asked = [message(request_id=f"r{i}", questions=[q]) for i, q in enumerate(questions)]
            gone = OffloadStub(channel).ClassifyStream(iter(asked))
            assert host.entered.acquire(timeout=STEP_LIMIT_S)
            while server.waiting < 20:
                client.list_catalog(STEP_LIMIT_S)
            gone.cancel()
        while server.waiting:
            client.list_catalog(STEP_LIMIT_S)
        host.gate.set()
        assert client.classify(request(Question("last", "v"))).answers
    assert len(host.batches) == 2  # what had begun, and the last


def test_a_server_that_stops_ends_the_stream_after_its_answers(hosted: HostedCatalog) -> None:
    host = GatedHost()
    with loopback(host, drain_s=STEP_LIMIT_S) as server, CloudClient(server.endpoint) as client:
        stream = client.stream()
        first = stream.send(message())
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        stopping = server.begin_stop()
        with pytest.raises(CloudUnreachable):
            stream.send(message(request_id="late")).result(STEP_LIMIT_S)
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        stopping.result(STEP_LIMIT_S)
        stream.close()
        with pytest.raises(CloudUnreachable, match="the stream has ended"):
            stream.send(message())


def test_a_request_ends_by_its_deadline_and_its_late_answer_disturbs_nobody() -> None:
    host = GatedHost()
    with loopback(host) as server, CloudClient(server.endpoint) as client, client.stream() as stream:
        silent = stream.send(message(request_id="r1", deadline_s=0.2))
        with pytest.raises(CloudTimeout, match="request r1: its deadline has passed"):
            silent.result(STEP_LIMIT_S)
        with pytest.raises(ValueError, match="r1: it is under way"):
            stream.send(message(request_id="r1"))
        host.gate.set()
        while isinstance((sent := stream.send(message(request_id="r2"))).exception(STEP_LIMIT_S), CloudBusy):
            pass  # held until the late answer has come
        assert sent.result().answers


def test_a_stream_to_a_silent_server_closes_when_nothing_has_time_left() -> None:
    host = GatedHost()
    with loopback(host) as server, CloudClient(server.endpoint) as client:
        with client.stream() as stream:
            silent = stream.send(message(deadline_s=0.2))
        assert isinstance(silent.exception(STEP_LIMIT_S), CloudTimeout)
        host.gate.set()


def test_what_waited_unread_for_longer_than_its_deadline_is_given_up_at_once(hosted: HostedCatalog) -> None:
    with loopback(hosted) as server, grpc.insecure_channel(str(server.endpoint)) as channel:
        asked = [
            message(request_id=name, questions=[{"app": "a", "variant": SMALL.variant}], sent_s=sent_s)
            for name, sent_s in (("soon", 5000.0), ("long ago", 4000.0), ("now", 5000.0))
        ]
        answers = list(OffloadStub(channel).ClassifyStream(iter(asked), timeout=STEP_LIMIT_S))
    found = {a.answer.request_id or a.refused.request_id: a.refused for a in answers}
    assert found["soon"].code == found["now"].code == 0
    assert found["long ago"].code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert "before it was read" in found["long ago"].message


def test_who_cancels_a_request_leaves_the_others_alone() -> None:
    host = GatedHost()
    with loopback(host) as server, CloudClient(server.endpoint) as client, client.stream() as stream:
        cancelled = stream.send(message(request_id="r1"))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        assert cancelled.cancel()
        host.gate.set()
        assert stream.send(message(request_id="r2")).result(STEP_LIMIT_S).answers


class Connected:
    """A call that takes requests and gives what comes when it is told to."""

    def __init__(self, comes: Exception | None = None) -> None:
        self.taken: list[pb.ClassifyRequest] = []
        self._comes = comes
        self._told, self._cancelled = threading.Event(), threading.Event()

    def __call__(self, requests: Iterator[pb.ClassifyRequest]) -> Connected:
        self.requests = requests
        return self

    def __iter__(self) -> Iterator[pb.StreamedAnswer]:
        self._told.wait(STEP_LIMIT_S)
        if self._comes is not None:
            raise self._comes
        self._cancelled.wait(STEP_LIMIT_S)
        yield from ()

    def take(self) -> pb.ClassifyRequest:
        return next(self.requests)

    def tell(self) -> None:
        self._told.set()

    def cancel(self) -> None:
        self._told.set()
        self._cancelled.set()


def test_what_the_connection_took_no_more_in_half_of_its_time_is_not_sent() -> None:
    """Else all that comes behind it would be late as well, and the server would work for nobody."""
    now_s = [0.0]
    call = Connected()
    stream = ClientStream(call, "there", lambda: now_s[0])
    waited = stream.send(message(request_id="r1", deadline_s=60.0))
    now_s[0] = 30.5
    fresh = stream.send(message(request_id="r2", deadline_s=60.0))
    now_s[0] = 31.5
    taken = call.take()
    assert (taken.request_id, taken.deadline_s, taken.sent_s) == ("r2", 60.0, 30.5)
    with pytest.raises(CloudTimeout, match=r"r1: not sent: the connection took no more for 31\.500 s"):
        waited.result(STEP_LIMIT_S)
    assert not fresh.done()
    stream.send(message(request_id="r1"))  # the name is free again
    call.cancel()
    with pytest.raises(CloudUnreachable):
        fresh.result(STEP_LIMIT_S)
    stream.close()


def test_a_stream_to_a_server_that_is_behind_sends_no_more_and_says_so_at_once() -> None:
    now_s = [0.0]
    call = Connected()
    stream = ClientStream(call, "there", lambda: now_s[0])
    stream.send(message(request_id="r1", deadline_s=60.0))
    assert call.take().request_id == "r1"
    now_s[0] = 50.0
    with pytest.raises(CloudBusy, match="not sent"):
        stream.send(message(request_id="r2", deadline_s=60.0)).result(0.0)
    call.cancel()
    stream.close()


def test_an_answer_that_cannot_be_read_ends_all_that_wait() -> None:
    call = Connected(TypeError("nonsense"))
    stream = ClientStream(call, "there")
    waiting = stream.send(message())
    call.tell()
    with pytest.raises(CloudBroken, match="makes no sense"):
        waiting.result(STEP_LIMIT_S)
    with pytest.raises(CloudUnreachable):
        stream.send(message(request_id="r2"))
    stream.close()
