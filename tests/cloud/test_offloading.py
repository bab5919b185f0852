"""The engine's way to a server, against real servers on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, wait
from dataclasses import replace

import numpy as np
import pytest

from catalog.backends.table import open_backend
from catalog.errors import BadInput
from catalog.store import Catalog
from cloud.access import Access
from cloud.circuit_breaker import BreakerRules
from cloud.credentials import Credentials
from cloud.encodings import Encodings, JpegChoice
from cloud.endpoint import Endpoint
from cloud.errors import (
    CloudBusy,
    CloudError,
    CloudLacksMemory,
    CloudLacksVariant,
    CloudRefused,
    CloudTimeout,
    CloudUnreachable,
)
from cloud.hosting import HostedCatalog
from cloud.limits import Limits
from cloud.messages import Picture
from cloud.offloading import CloudOffload
from cloud.pictures import UInt8, raw_picture
from cloud.tokens import Tokens
from cloud.window_encoding import PNG, WindowEncoding, jpeg
from engine.offload import ExpectedPicture, LinkState, OffloadRequest, PassedFeatures, Question, Upkeep
from tests.cloud.loopback import STEP_LIMIT_S, GatedHost, Loopback, loopback
from tests.cloud.test_hosting import answered
from tests.cloud.test_server import SMALL, WIDE, request

QUICK = BreakerRules(failures=3, silence_s=0.0, first_pause_s=0.02, longest_pause_s=0.2)
STEP_S = 0.002


def connected(server: Loopback, **settings) -> CloudOffload:
    client = CloudOffload(server.endpoint, rules=QUICK, **settings)
    assert client.wait_connected(STEP_LIMIT_S)
    return client


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that other threads bring about."""
    ends_s = time.monotonic() + STEP_LIMIT_S
    while not holds():
        assert time.monotonic() < ends_s, "it did not come about"
        time.sleep(STEP_S)


def failed(client: CloudOffload, asked: OffloadRequest) -> CloudError:
    error = client.submit(asked).exception(STEP_LIMIT_S)
    assert isinstance(error, CloudError)
    return error


@pytest.fixture
def client(server: Loopback) -> Iterator[CloudOffload]:
    with connected(server) as it:
        yield it


def test_many_requests_at_once_are_each_answered_as_on_the_device(
    hosted: HostedCatalog, client: CloudOffload
) -> None:
    asked = [request(WIDE, SMALL, name=f"r{i}", count=1 + i % 4) for i in range(40)]
    for one, answer in [(one, client.submit(one)) for one in asked]:
        found = answer.result(STEP_LIMIT_S)
        expected = answered(hosted, one.questions, one.windows)
        assert found.request_id == one.id
        assert [[a.class_name for a in row] for row in found.answers] == [
            [a.class_name for a in row] for row in expected
        ]
        assert found.up_bytes > found.down_bytes > 0
        assert found.round_trip_s >= found.queue_s + found.execution_s
    until(lambda: client.under_way == 0)


def test_windows_that_have_gone_through_the_first_part_are_answered_as_whole_ones(
    opened: Catalog, client: CloudOffload
) -> None:
    whole = request(WIDE, count=3)
    first = opened.trunks["wide"].parts[:1]
    values = open_backend("onnxruntime").load(opened.part_path(first[0]))(np.stack(whole.windows))
    split = OffloadRequest("s1", whole.questions, (), STEP_LIMIT_S, PassedFeatures(first, values))
    (found,) = client.submit(split).result(STEP_LIMIT_S).answers
    (expected,) = client.submit(whole).result(STEP_LIMIT_S).answers
    assert [a.confidence for a in found] == pytest.approx([a.confidence for a in expected], abs=0.02)


@pytest.mark.parametrize("encoding", [PNG, jpeg(95)])
def test_encoded_windows_are_answered_and_their_sizes_learnt(server: Loopback, encoding) -> None:
    with connected(server, encodings=Encodings(encoding)) as client:
        asked = request(WIDE, count=2)
        assert client.submit(asked).result(STEP_LIMIT_S).answers
        sizes = [len(encoding.encode(w).data) for w in asked.windows]
        assert client.picture(WIDE.variant, 16).size_bytes == pytest.approx(np.mean(sizes), rel=0.05)


def test_each_request_is_encoded_as_the_variants_that_it_asks_bear(server: Loopback) -> None:
    narrow = Question("third", "narrow/identity")
    choices = {WIDE.variant: JpegChoice(90, jpeg(90)), SMALL.variant: JpegChoice(50, jpeg(50))}
    window = np.linspace(0, 255, 16 * 16 * 3).astype(np.uint8).reshape(16, 16, 3)
    with connected(server, encodings=Encodings(choices=choices, losses={SMALL.variant: 0.004})) as client:

        def sent_bytes(*questions: Question) -> int:
            asked = OffloadRequest("r", questions, (window,), STEP_LIMIT_S)
            return client.submit(asked).result(STEP_LIMIT_S).up_bytes

        small, wide = sent_bytes(SMALL), sent_bytes(WIDE)
        assert small < wide < sent_bytes(SMALL, WIDE) < wide + 100  # for the other question
        assert sent_bytes(SMALL, narrow) > window.nbytes
        for variant, choice in choices.items():
            size_bytes = len(choice.encoding.encode(window).data)
            assert client.picture(variant, 16).size_bytes == pytest.approx(size_bytes, rel=0.05)
        assert client.picture(SMALL.variant, 16).accuracy_loss == 0.004
        assert client.picture(narrow.variant, 16) == ExpectedPicture(window.nbytes)


def test_before_a_server_was_found_requests_fail_at_once_and_nothing_is_offered(server: Loopback) -> None:
    nobody = Endpoint("127.0.0.1", 1)
    with CloudOffload(nobody, rules=QUICK) as client:
        assert replace(client.state(), upkeep=Upkeep()) == LinkState()  # it has begun to look already
        until(lambda: "refused" in str(failed(client, request())))
        assert isinstance(failed(client, request()), CloudUnreachable)
        assert not client.wait_connected(0.0)
        assert client.picture(WIDE.variant, 32) == ExpectedPicture(3 * 32 * 32)


def test_what_is_known_of_the_way_is_there_before_the_first_request(
    opened: Catalog, client: CloudOffload
) -> None:
    state = client.state()
    assert state.connected
    assert state.round_trip_s > 0.0
    assert {v.id: v.head_id for v in state.offered} == {v.id: v.head for v in opened.contents.variants}
    assert {v.id: v.part_ids for v in state.offered} == {
        v.id: opened.trunks[v.trunk].parts for v in opened.contents.variants
    }
    assert all(v.run_s is None for v in state.offered)


def test_what_goes_to_and_fro_beside_requests_is_told(server: Loopback) -> None:
    with connected(server) as client:
        found = client.state().upkeep
        assert found.calls == 4  # a listing, one that is not measured, an empty message, a large one
        assert found.up_bytes >= 4096  # the large one
        assert found.down_bytes > found.calls

        def asked_and_measured() -> bool:  # while answers come, a small message now and then
            client.submit(request()).result(STEP_LIMIT_S)
            return client.state().upkeep.calls > found.calls

        until(asked_and_measured)


def test_run_times_are_learnt_from_answers(client: CloudOffload) -> None:
    execution_s = client.submit(request(WIDE, count=2)).result(STEP_LIMIT_S).execution_s
    run_s = {v.id: v.run_s for v in client.state().offered}
    assert run_s.pop("wide/identity") == pytest.approx(execution_s / 2)
    assert set(run_s.values()) == {None}


def test_a_request_ends_by_its_deadline_and_is_gone_at_the_server() -> None:
    host = GatedHost()
    with loopback(host) as server, connected(server) as client:
        first = client.submit(request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        late = failed(client, request(Question("late", "v"), deadline_s=0.05))
        assert isinstance(late, CloudTimeout)
        until(lambda: server.waiting == 1)
        assert client.state().lost_share > 0.0
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
    assert host.ran == ["first"]


def test_a_request_that_waits_behind_windows_that_take_long_to_encode_ends_by_its_deadline(
    server: Loopback,
) -> None:
    gate = threading.Event()

    def slowly(window: UInt8) -> Picture:
        assert gate.wait(STEP_LIMIT_S)
        return raw_picture(window)

    with connected(server, encodings=Encodings(WindowEncoding(slowly, 0.0, 3.0))) as client:
        first = client.submit(request(name="first"))
        late = failed(client, request(name="late", deadline_s=0.02))
        assert isinstance(late, CloudTimeout)
        assert "late: its deadline has passed" in str(late)
        gate.set()
        assert first.result(STEP_LIMIT_S).answers


@pytest.mark.parametrize("deadline_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_deadline_that_is_none_is_not_sent(client: CloudOffload, deadline_s: float) -> None:
    assert isinstance(failed(client, request(deadline_s=deadline_s)), CloudTimeout)


def test_a_cancelled_request_is_taken_out_at_the_server_and_who_waits_for_it_goes_on() -> None:
    host = GatedHost()
    with loopback(host) as server, connected(server) as client:
        first = client.submit(request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        others = [client.submit(request(Question(f"a{i}", "v"), name=f"r{i}")) for i in range(5)]
        until(lambda: server.waiting == 6)
        assert all(o.cancel() for o in others)
        assert not wait(others, STEP_LIMIT_S).not_done
        with pytest.raises(CancelledError):
            others[0].result(STEP_LIMIT_S)
        until(lambda: server.waiting == 1)
        assert client.state().lost_share == 0.0
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        until(lambda: client.under_way == 0)
    assert host.ran == ["first"]


def test_who_gives_up_late_again_and_again_has_lost_the_server() -> None:
    host = GatedHost()
    with loopback(host) as server, connected(server) as client:
        for i in range(QUICK.failures):
            asked = request(Question("a", "v"), name=f"r{i}", deadline_s=1.0)  # sent within half of it
            answer, began_s = client.submit(asked), time.monotonic()
            until(lambda since_s=began_s: time.monotonic() - since_s > 0.6)
            answer.cancel()
        error = failed(client, request(Question("b", "v")))
        assert "no answers in time" in str(error)
        assert client.state().lost_share > 0.5
        until(lambda: client.state().connected)
        host.gate.set()


def test_a_busy_server_is_asked_again_when_it_said() -> None:
    host = GatedHost()
    with loopback(host, Limits(waiting=1)) as server, connected(server) as client:
        first = client.submit(request(Question("first", "v")))
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        assert isinstance(failed(client, request(Question("second", "v"))), CloudBusy)
        labels = {"status": "RESOURCE_EXHAUSTED"}
        assert server.metrics.registry.get_sample_value("mcdnn_requests_total", labels) == 3
        state = client.state()
        assert state.connected
        assert state.lost_share > 0.0
        host.gate.set()
        assert first.result(STEP_LIMIT_S).answers
        assert client.submit(request(Question("third", "v"))).result(STEP_LIMIT_S).answers
    assert host.ran == ["first", "third"]


def test_a_variant_that_does_not_fit_is_not_offered_for_a_while_and_others_go_on(opened: Catalog) -> None:
    host = HostedCatalog(opened, open_backend("onnxruntime"), 60_000, 4)
    with loopback(host) as server, connected(server) as client:
        assert isinstance(failed(client, request(WIDE)), CloudLacksMemory)
        state = client.state()
        assert state.connected
        assert state.lost_share == 0.0
        assert "wide/identity" not in {v.id for v in state.offered}
        assert client.submit(request(SMALL)).result(STEP_LIMIT_S).answers
    host.close()


def test_an_unknown_variant_is_refused_and_the_client_goes_on(client: CloudOffload) -> None:
    assert isinstance(failed(client, request(Question("who", "deep/identity"))), CloudLacksVariant)
    assert client.submit(request(WIDE)).result(STEP_LIMIT_S).answers
    assert client.state().connected


def test_what_cannot_be_encoded_or_is_too_large_harms_nobody_else(server: Loopback) -> None:
    strict = Limits(message_bytes=20_000)
    with connected(server, limits=strict, encodings=Encodings(PNG)) as client:
        wrong = OffloadRequest("w", (WIDE,), (np.zeros((0, 3, 3), np.uint8),), STEP_LIMIT_S)
        assert "request w: it cannot be encoded" in str(failed(client, wrong))
        large = failed(client, request(WIDE, count=40))
        assert isinstance(large, CloudRefused)
        assert "the limit is 20000" in str(large)
        assert client.submit(request(WIDE)).result(STEP_LIMIT_S).answers
        assert client.state().lost_share == 0.0


def test_a_close_ends_what_is_under_way_and_all_threads() -> None:
    host = GatedHost()
    with loopback(host) as server:
        client = connected(server)
        waiting = [client.submit(request(Question(f"a{i}", "v"), name=f"r{i}")) for i in range(4)]
        assert host.entered.acquire(timeout=STEP_LIMIT_S)
        client.close()
        client.close()
        for one in waiting:
            assert isinstance(one.exception(STEP_LIMIT_S), CloudUnreachable)
        assert "closed" in str(failed(client, request()))
        assert not client.state().connected
        until(lambda: not any(t.name.startswith("mcdnn-cloud") for t in threading.enumerate()))
        host.gate.set()


def test_a_token_that_the_server_does_not_know_is_told_with_every_request(
    hosted: HostedCatalog,
) -> None:
    access = Access(None, Tokens({"a-token-of-the-porch-camera": "porch"}))
    with loopback(hosted, access=access) as server:
        wrong = Credentials(token="a-token-of-somebody-else")
        with CloudOffload(server.endpoint, credentials=wrong, rules=QUICK) as client:
            until(lambda: "a token that this server knows is needed" in str(failed(client, request())))
            assert not client.state().connected
        right = Credentials(token="a-token-of-the-porch-camera")
        with connected(server, credentials=right) as client:
            assert client.submit(request()).result(STEP_LIMIT_S).answers


def test_a_token_for_another_machine_is_bad_input_without_encryption() -> None:
    with pytest.raises(BadInput, match="a token would travel unencrypted"):
        CloudOffload(Endpoint("198.51.100.1", 1), credentials=Credentials(token="x"))
