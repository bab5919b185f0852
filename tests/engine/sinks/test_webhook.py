"""Posting to a real server that fails, hangs, asks to wait, goes away and comes back."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from catalog.errors import BadInput
from engine.errors import RecipientAway, ResultsRefused
from engine.sinks.fan_out import FanOut
from engine.sinks.sink_figures import SinkFigures
from engine.sinks.webhook import Webhook, parse_web_address, pause_asked_s
from tests.engine.media import frame, result
from tests.engine.sinks.dated import several
from tests.engine.sinks.recipients import LONG_S, delivery_to
from tests.engine.sinks.web_server import DRIP, HANG, WebServer, web_server


def hook_to(server: WebServer, timeout_s: float = LONG_S) -> Webhook:
    return Webhook(parse_web_address(server.url, "url"), {"Authorization": "Bearer s3cret"}, timeout_s)


def test_a_batch_is_one_post_of_a_json_array_with_the_headers_given_on_one_connection() -> None:
    with web_server() as server:
        hook = hook_to(server)
        hook.deliver(several(3))
        hook.deliver(several(2, first=3))
        hook.close()
    assert [r["window"] for r in server.rows] == [f"{i}.digit.0" for i in range(5)]
    assert {"at", "run", "app", "answer", "confidence"} <= set(server.rows[0])
    assert server.paths == ["/hook/s3cret?key=s3cret"] * 2
    assert server.posts[0]["Authorization"] == "Bearer s3cret"
    assert server.posts[0]["Content-Type"] == "application/json"
    assert len(server.peers) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 407, 408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_to_be_tried_again(status: int) -> None:
    with web_server((status, {"Retry-After": "7"})) as server:
        hook = hook_to(server)
        with pytest.raises(RecipientAway, match=f"answers {status}$") as raised:
            hook.deliver(several(1))
        assert raised.value.retry_after_s == 7.0
        hook.deliver(several(1))
        hook.close()
    assert len(server.rows) == 1


@pytest.mark.parametrize("status", [301, 400, 409, 413, 422])
def test_what_would_come_again_is_refused_and_the_connection_goes_on(status: int) -> None:
    with web_server((status, {"Location": "/other"})) as server:
        hook = hook_to(server)
        with pytest.raises(ResultsRefused, match=f"^answered {status}$"):
            hook.deliver(several(1))
        hook.deliver(several(1))
        hook.close()
    assert len(server.rows) == 1


@pytest.mark.parametrize("stuck", [HANG, DRIP])
def test_a_server_that_never_answers_is_given_up_and_asked_again(stuck: tuple[int, dict[str, str]]) -> None:
    with web_server(stuck) as server:
        hook = hook_to(server, timeout_s=0.2)
        with pytest.raises(RecipientAway, match=r"no answer within 0\.2 s|broke off"):
            hook.deliver(several(1))
        assert server.hanging.is_set()
        hook.deliver(several(1))
        hook.close()
    assert len(server.rows) == 1


def test_an_idle_connection_that_the_server_closed_is_no_failure() -> None:
    with web_server() as first:
        hook = hook_to(first)
        hook.deliver(several(1))
        port = first.port
    with web_server(port=port) as second:
        hook.deliver(several(1))
        hook.close()
    assert (len(first.rows), len(second.rows)) == (1, 1)


def test_a_server_that_is_not_there_is_named_without_its_secrets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hook = Webhook(parse_web_address(f"http://127.0.0.1:{port}/s3cret", "url"), {}, LONG_S)
    with pytest.raises(RecipientAway, match=f"^http://127.0.0.1:{port}: Connection refused$"):
        hook.deliver(several(1))


def test_a_name_that_nobody_knows_is_tried_again() -> None:
    hook = Webhook(parse_web_address("http://nowhere.invalid/", "url"), {}, LONG_S)
    with pytest.raises(RecipientAway, match=r"^http://nowhere\.invalid:80: "):
        hook.deliver(several(1))


def test_interrupting_ends_a_request_that_hangs() -> None:
    with web_server(HANG) as server:
        hook = hook_to(server)
        raised: list[Exception] = []

        def deliver() -> None:
            try:
                hook.deliver(several(1))
            except RecipientAway as e:
                raised.append(e)

        thread = threading.Thread(target=deliver)
        thread.start()
        assert server.hanging.wait(LONG_S)
        hook.interrupt()
        thread.join(LONG_S)
        assert len(raised) == 1


def test_https_is_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    with web_server() as server:
        server._server.socket = server_side.wrap_socket(server._server.socket, server_side=True)
        address = parse_web_address(server.url.replace("http:", "https:"), "url")
        stranger = Webhook(address, {}, LONG_S)
        with pytest.raises(RecipientAway, match="its certificate is not trusted: "):
            stranger.deliver(several(1))
        known = Webhook(address, {}, LONG_S, tmp_path / "ca.pem")
        known.deliver(several(1))
        known.close()
    assert len(server.rows) == 1


def test_a_server_that_fails_goes_away_and_returns_gets_every_result_once_and_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with web_server((500, {}), (429, {}), (503, {})) as server:
        server.enough_at = 20
        sink = delivery_to(hook_to(server))  # type: ignore[arg-type]
        for i in range(20):
            sink.accept(frame(i), [result(i)])
        assert server.enough.wait(LONG_S)
        port = server.port
    for i in range(20, 40):
        sink.accept(frame(i), [result(i)])
    with web_server(port=port) as again:
        again.enough_at = 20
        assert again.enough.wait(LONG_S)
        sink.close()
    rows = server.rows + again.rows
    assert [r["window"] for r in rows] == [f"{i}.digit.0" for i in range(40)]
    figures = sink.figures()
    assert (figures.accepted, figures.delivered, figures.dropped) == (40, 40, {})
    assert figures.retries >= 3
    assert "s3cret" not in caplog.text
    assert "again" in caplog.text


def test_a_hanging_webhook_never_holds_the_engine_up() -> None:
    """While one POST hangs, a thousand live frames are handed over and another sink gets its results."""
    with web_server(HANG) as hanging, web_server() as well:
        stuck = delivery_to(hook_to(hanging), capacity=50, drain_s=0.0)  # type: ignore[arg-type]
        fine = delivery_to(hook_to(well))  # type: ignore[arg-type]
        well.enough_at = 1
        fan_out = FanOut([stuck, fine], live=True)
        fan_out.accept(frame(0), [result(0)])
        assert hanging.hanging.wait(LONG_S)
        for i in range(1, 1000):
            fan_out.accept(frame(i), [result(i)])
        assert not hanging.freed.is_set()
        assert well.enough.wait(LONG_S)
        fan_out.close()
        assert not hanging.freed.is_set()
    of_stuck, of_fine = fan_out.figures
    assert (of_stuck.accepted, of_stuck.delivered, of_stuck.all_dropped) == (1000, 0, 1000)
    assert of_fine.delivered == len(well.rows) == 1000 - of_fine.all_dropped


def test_nothing_secret_is_logged_when_refused(caplog: pytest.LogCaptureFixture) -> None:
    with web_server((422, {})) as server:
        sink = delivery_to(hook_to(server))  # type: ignore[arg-type]
        with caplog.at_level(logging.DEBUG):
            sink.accept(frame(0), [result(0)])
            sink.close()
    assert sink.figures() == SinkFigures("post", 1, 0, {"answered 422": 1}, trouble="answered 422")
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://s3cret/", "expected a URL like https://example.org/results"),
        ("example.org/s3cret", "expected a URL like"),
        ("http:///s3cret", "expected a URL like"),
        ("http://a..b/s3cret", "its host is none that a name server could know"),
        ("http://a:99999/s3cret", "not a URL: Port out of range 0-65535"),
        (
            "http://user:s3cret@a/",
            "a user name in it: put what lets this device in into headers or token_file",
        ),
        ("http://a/s3 cret", "expected no spaces"),
        ("http://a/s3cret\r\nX: y", "expected no spaces"),
    ],
)
def test_what_is_no_url_is_told_without_showing_it(url: str, told: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse_web_address(url, "sink.0.webhook.url")
    assert str(raised.value).startswith(f"sink.0.webhook.url: {told}")
    assert "s3cret" not in str(raised.value)


def test_addresses_are_shown_without_what_follows_the_port() -> None:
    address = parse_web_address("https://example.org/s3cret?s3cret=1", "url")
    assert str(address) == "https://example.org:443"
    assert "s3cret" not in repr(address)
    assert str(parse_web_address("http://[::1]:8080", "url")) == "http://[::1]:8080"


def test_a_server_may_ask_for_a_pause_in_seconds_or_until_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100))
    assert pause_asked_s("12") == 12.0
    assert 50.0 < pause_asked_s(soon) <= 100.0
    assert pause_asked_s("999999") == 3600.0
    assert [pause_asked_s(t) for t in (None, "soon", "-5", format_datetime(datetime(2020, 1, 1)))] == [
        0.0
    ] * 4
