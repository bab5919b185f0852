"""The page about a real engine: what it tells, what it shows, and what it costs while nobody looks."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from catalog.errors import BadInput
from cloud.endpoint import Endpoint
from engine.frames import UInt8
from mcdnn.web.connections import MOST_CONNECTIONS
from mcdnn.web.server import PageServer
from mcdnn.web.watched_run import WatchedRun
from tests.catalog_builder import build_catalog
from tests.mcdnn.web.pages import TIMEOUT_S, Shown, ask, events, open_answer, page, shown_engine, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def shown(folder: Path) -> Iterator[Shown]:
    with shown_engine(folder, budget={"energy_j": 2000.0, "period": "5m"}) as running:
        yield running


def decoded(jpeg: bytes) -> UInt8:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def next_picture(response: HTTPResponse) -> bytes:
    """The next part of a motion JPEG, by its own length."""
    for line in response:
        if line.lower().startswith(b"content-length:"):
            assert response.readline() == b"\r\n"
            return response.read(int(line.partition(b":")[2]))
    raise AssertionError("the stream ended")


def test_while_nobody_looks_nothing_is_encoded(folder: Path) -> None:
    with shown_engine(folder) as running:
        running.after_frames(8)
        assert (running.server.pictures.encoded, running.server.pictures.viewers) == (0, 0)
        assert running.server.topics.listeners == 0


def _all_is_told(told: Mapping[str, Any]) -> bool:
    """Whether both apps have answered by every topic's newest event: they come each at its own pace."""
    return (
        told.keys() >= {"now", "happened", "course", "why"}
        and {a["app"] for a in told["now"]["answers"]} == {"who", "odd"}
        and told["now"]["summary"]["standing"]["budget"]["spent_j"] > 0.0
        and bool(told["why"] and told["why"][0]["chosen"])
        and bool(told["course"]["energy_j"])
        and bool(told["happened"])
    )


def test_answers_figures_and_reasons_are_told_as_they_come(shown: Shown) -> None:
    told: dict[str, Any] = {}
    ends_s = time.monotonic() + TIMEOUT_S
    for name, value in events(shown.at):
        told[name] = value
        if _all_is_told(told) or time.monotonic() > ends_s:
            break
    now = told["now"]
    assert (now["status"], now["wrong"], now["title"]) == ("running", [], "digits paced")
    assert {a["app"] for a in now["answers"]} == {"who", "odd"}
    assert now["answers"][0]["answer"] in shown.engine.classes_of(now["answers"][0]["app"])
    assert now["summary"]["standing"]["budget"]["spent_j"] > 0.0
    assert [w["app"] for w in told["why"]] == ["who", "odd"]
    assert told["why"][0]["why"].endswith(".")
    assert told["course"]["energy_j"] == 2000.0
    assert "The run began" in [h["text"] for h in told["happened"]]


def test_the_newest_events_go_on_coming(shown: Shown) -> None:
    times_s = []
    for name, value in events(shown.at):
        if name == "now":
            times_s.append(value["summary"]["t_s"])
        if len(times_s) == 3:
            break
    assert times_s == sorted(set(times_s))


def test_a_stream_gives_pictures_that_differ(shown: Shown) -> None:
    connection, response = open_answer(shown.at, "/stream/digits.mjpg")
    assert response.getheader("content-type") == "multipart/x-mixed-replace; boundary=picture"
    first, second = next_picture(response), next_picture(response)
    connection.close()
    assert decoded(first).shape == decoded(second).shape == (480 + 24, 640, 3)
    assert first != second


def test_a_stream_that_is_left_is_not_encoded_any_more(shown: Shown) -> None:
    pictures = shown.server.pictures
    connection, response = open_answer(shown.at, "/stream/digits.mjpg")
    next_picture(response)
    assert pictures.viewers > 0
    response.close()
    connection.close()
    until(lambda: not pictures.viewers)
    encoded = pictures.encoded
    shown.after_frames(8)
    assert pictures.encoded <= encoded + 1  # one may have been on its way


def test_a_browser_that_stands_still_holds_one_picture_and_nobody_up(shown: Shown) -> None:
    pictures = shown.server.pictures
    with socket.create_connection((shown.at.host, shown.at.port), TIMEOUT_S) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /stream/digits.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        still, before = 0, -1
        while still < 8:  # until its buffers are full, and longer
            still = still + 1 if pictures.encoded == before else 0
            before = pictures.encoded
            shown.after_frames(3)
        assert ask(shown.at, "/snapshot/digits.jpg").status == 200
        assert ask(shown.at, "/healthz").status == 200
    until(lambda: not pictures.viewers)


def test_a_snapshot_is_a_picture_with_what_was_found(shown: Shown) -> None:
    answer = ask(shown.at, "/snapshot/digits.jpg")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert decoded(answer.body).shape == (480 + 24, 640, 3)
    assert ask(shown.at, "/snapshot/garden.jpg").status == 404
    assert ask(shown.at, "/stream/garden.mjpg").body == b"no source 'garden': there are digits\n"


def test_programs_read_the_state_and_the_metrics(shown: Shown) -> None:
    state = ask(shown.at, "/api/state").json
    assert list(state) == ["now", "happened", "course", "why"]
    metrics = ask(shown.at, "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert b'mcdnn_run_requests_total{app="who"}' in metrics.body


def test_health_turns_with_the_end_of_the_run(folder: Path) -> None:
    with shown_engine(folder) as running:
        began = ask(running.at, "/healthz")
        running.end()
        ended = ask(running.at, "/healthz")
    assert (began.status, began.json) == (200, {"status": "running", "wrong": []})
    assert (ended.status, ended.json["status"]) == (503, "ended")


def test_who_listens_is_told_that_the_run_has_ended(folder: Path) -> None:
    with shown_engine(folder) as running:
        told = events(running.at)
        assert next(told)[0] == "now"
        running.end()
        running.server.close()
        rest = [value["status"] for name, value in told if name == "now"]
    assert rest[-1] == "ended"


def test_before_the_run_begins_it_is_starting() -> None:
    with page() as server:
        answer = ask(server.at, "/healthz")
        assert (answer.status, answer.json["status"]) == (503, "starting")
        assert ask(server.at, "/api/state").json["now"]["answers"] == []


def test_as_many_may_listen_as_are_allowed() -> None:
    with page() as server:
        opened = [open_answer(server.at, "/events") for _ in range(24)]
        assert [response.status for _, response in opened] == [200] * 24
        refused = ask(server.at, "/events")
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        for connection, response in opened:
            response.close()
            connection.close()
        until(lambda: not server.topics.listeners)
        connection, response = open_answer(server.at, "/events")
        assert response.status == 200
        connection.close()


def test_connections_that_say_nothing_take_no_more_files_than_are_spared() -> None:
    with page() as server, ExitStack() as opened:
        where = (server.at.host, server.at.port)
        for _ in range(MOST_CONNECTIONS):
            opened.enter_context(socket.create_connection(where, TIMEOUT_S))
        with socket.create_connection(where, TIMEOUT_S) as beyond, suppress(ConnectionResetError):
            assert beyond.recv(1) == b""
        opened.close()
        until(lambda: answers(server))


def answers(server: PageServer) -> bool:
    try:
        return ask(server.at, "/static/page.css").status == 200
    except OSError:
        return False


def test_an_address_that_is_taken_is_refused() -> None:
    with page() as server, pytest.raises(BadInput, match=r"--web localhost:\d+: Address already in use"):
        PageServer(WatchedRun("other", lambda: None), Endpoint("localhost", server.at.port))


def test_an_event_is_one_line_of_json(shown: Shown) -> None:
    connection, response = open_answer(shown.at, "/events")
    lines = [response.readline() for _ in range(4)]
    connection.close()
    assert lines[:3] == [b"retry: 2000\n", b"\n", b"event: now\n"]
    assert json.loads(lines[3].removeprefix(b"data: "))["status"] == "running"
