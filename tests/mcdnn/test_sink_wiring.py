"""From [[sink]] tables to running sinks: real files and a real server, and errors that name the key."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput, MissingExtra
from engine.frames import Frame
from engine.sinks.delivery import RUN_ENDED
from engine.sinks.outbox import QUEUE_FULL
from engine.sinks.sink_figures import SinkFigures
from engine.sources.choosing import OpenSource
from engine.sources.frame_list import FrameList
from mcdnn.engine import Engine
from mcdnn.engine_file import parse_engine_table
from mcdnn.sink_wiring import Occasion, open_sinks, read_sinks
from tests.catalog_builder import build_catalog
from tests.engine.media import frame
from tests.engine.sinks.mqtt_broker import mqtt_broker, seen_at
from tests.engine.sinks.web_server import HANG, WebServer, web_server

ONCE = Occasion("run-a", live=False, several=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def config(folder: Path, *sinks: dict[str, Any]) -> dict[str, Any]:
    app = {"name": "who", "task": "identity"}
    whole = {"catalog": str(folder), "extractor": {"digit": "whole-frame"}, "app": [app]}
    return {**whole, "sink": list(sinks)}


def source(count: int = 20) -> FrameList:
    return FrameList((replace(frame(i), captured_s=0.0) for i in range(count)), "clip")


def told(sink: dict[str, Any]) -> str:
    with pytest.raises(BadInput) as raised:
        read_sinks(parse_engine_table({"catalog": "models", "sink": [sink]}, "e.toml").sink)
    return str(raised.value)


def test_a_run_feeds_all_sinks_and_their_accounts_are_in_its_snapshot(folder: Path, tmp_path: Path) -> None:
    lines, base = tmp_path / "r.jsonl", tmp_path / "r.db"
    with web_server() as server:
        sinks = (
            {"kind": "jsonl", "path": str(lines)},
            {"kind": "sqlite", "path": str(base), "name": "history"},
            {"kind": "webhook", "url": server.url, "gather_s": 0.0},
        )
        end = Engine(config(folder, *sinks)).run(source())
    names = [str(lines), "history", f"webhook http://127.0.0.1:{server.port}"]
    assert end.standing.sinks == tuple(SinkFigures(name, 20, 20) for name in names)
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [r["window"] for r in rows] == [f"{i}.digit.0" for i in range(20)]
    assert [{**r, "at": ""} for r in server.rows] == [{**r, "at": ""} for r in rows]
    connection = sqlite3.connect(base)
    assert connection.execute("SELECT count(*), count(DISTINCT run) FROM results").fetchone() == (20, 1)
    connection.close()


def test_what_a_dead_server_did_not_take_is_delivered_by_the_next_run(folder: Path, tmp_path: Path) -> None:
    with web_server() as server:
        port = server.port
    hook = {
        "kind": "webhook", "url": f"http://127.0.0.1:{port}/", "when_full": "spool",
        "spool": str(tmp_path / "spool"), "name": "hook", "gather_s": 0.0,
    }  # fmt: skip
    engine = Engine(config(folder, hook))
    (first,) = engine.run(source()).standing.sinks
    assert (first.accepted, first.delivered, first.spooled, first.dropped) == (20, 0, 20, {})
    assert first.trouble == f"http://127.0.0.1:{port}: Connection refused"
    with web_server(port=port) as server:
        (second,) = engine.run(source(5)).standing.sinks
    assert second == SinkFigures("hook", 5, 25, recovered=20)
    assert [r["window"] for r in server.rows] == [f"{i}.digit.0" for i in (*range(20), *range(5))]
    assert len({r["run"] for r in server.rows}) == 2


def test_a_webhook_that_hangs_takes_no_frame_from_a_live_run(folder: Path, tmp_path: Path) -> None:
    """A live source gives its next frame when the one before was answered; one POST never ends."""
    answered = threading.Semaphore(0)

    def frames(server: WebServer) -> Iterator[Frame]:
        for i in range(30):
            yield frame(i)
            assert answered.acquire(timeout=30.0)
            assert i or server.hanging.wait(30.0)

    with web_server(HANG) as server:
        sinks = (
            {"kind": "webhook", "url": server.url, "name": "hook", "queue": 10, "gather_s": 0.0},
            {"kind": "jsonl", "path": str(tmp_path / "r.jsonl"), "name": "lines", "gather_s": 0.0},
        )
        engine = Engine(config(folder, *sinks)).on_result(lambda _: answered.release())
        end = engine.run((OpenSource(FrameList(frames(server), "clip"), drops=True),))
        assert not server.freed.is_set()
    _, hook, lines = end.standing.sinks
    assert (end.frames, lines.delivered) == (30, 30)
    assert (hook.accepted, hook.delivered) == (30, 0)
    assert hook.dropped == {QUEUE_FULL: 19, RUN_ENDED: 11}
    assert hook.trouble


def test_a_broker_and_its_sensors_follow_a_run(folder: Path) -> None:
    with mqtt_broker() as broker, seen_at(broker) as seen:
        sink = {"kind": "mqtt", "broker": f"127.0.0.1:{broker.port}", "prefix": "box", "gather_s": 0.0}
        (figures,) = Engine(config(folder, sink)).run(source()).standing.sinks
        seen.wait_for(lambda m: ("box/status", b"offline") in m)
    assert figures == SinkFigures(f"mqtt 127.0.0.1:{broker.port}", 20, 20)
    assert len(seen.of("box/clip/who/result")) == 20
    assert seen.of("homeassistant/sensor/box/clip_who/config")


def test_without_its_package_a_kind_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "engine.sinks.mqtt", raising=False)
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    tables = parse_engine_table({"catalog": "m", "sink": [{"kind": "mqtt", "broker": "box"}]}, "e").sink
    with pytest.raises(MissingExtra, match=r"pip install 'mcdnn\[mqtt\]'"):
        read_sinks(tables)


def test_kill_9_of_a_run_with_a_spool_loses_nothing_and_the_next_run_delivers_it_in_order(
    folder: Path, tmp_path: Path
) -> None:
    with web_server() as server:
        port = server.port
    config_file = tmp_path / "e.toml"
    config_file.write_text(f"""
        catalog = "{folder}"
        [[source]]
        uri = "digits:?seed=7&pace=max"
        [[app]]
        name = "who"
        task = "identity"
        [[sink]]
        kind = "webhook"
        url = "http://127.0.0.1:{port}/"
        when_full = "spool"
        spool = "spool"
        [[sink]]
        kind = "jsonl"
        path = "r.jsonl"
        gather_s = 0.0
    """)
    words = [sys.executable, "-m", "mcdnn", "run", str(config_file)]
    lines = tmp_path / "r.jsonl"
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (lines.exists() and lines.read_bytes().count(b"\n") > 200):
            assert process.poll() is None
        process.kill()
    with web_server(port=port) as server:
        done = subprocess.run(
            [*words, "--duration", "0.5", "--json"], capture_output=True, text=True, check=True
        )
    hook, _ = json.loads(done.stdout)["standing"]["sinks"]
    assert hook["recovered"] >= 150
    assert hook["delivered"] == hook["recovered"] + hook["accepted"] == len(server.rows)
    times_s = [r["t_s"] for r in server.rows[: hook["recovered"]]]
    assert times_s == sorted(times_s)
    kept = {(r["window"], r["app"]) for r in map(json.loads, lines.read_bytes().splitlines()[:150])}
    assert kept <= {(r["window"], r["app"]) for r in server.rows[: hook["recovered"]]}


def test_where_one_sink_cannot_be_opened_the_others_are_let_go(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    hook = {
        "kind": "webhook",
        "url": "http://127.0.0.1:9/",
        "when_full": "spool",
        "spool": str(tmp_path / "s"),
    }
    tables = parse_engine_table({"catalog": "m", "sink": [hook, {"kind": "sqlite", "path": str(other)}]}, "e")
    for _ in range(2):  # the spool is free again
        with pytest.raises(BadInput, match=r"other\.db: not one of results"):
            open_sinks(read_sinks(tables.sink), ONCE)


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ({"kind": "webhook", "url": "example.org/s3cret"}, "sink.0.webhook.url: expected a URL like"),
        (
            {"kind": "webhook", "url": "http://a/", "token_file": "/nowhere/token"},
            "sink.0.webhook.token_file: /nowhere/token: No such file or directory",
        ),
        (
            {"kind": "webhook", "url": "http://a/", "headers": {"X-Key": "s3cret\r\nX: y"}},
            "sink.0.webhook.headers.X-Key: expected one line of ASCII letters",
        ),
        (
            {"kind": "webhook", "url": "http://a/", "headers": {"X Key": "s3cret"}},
            "sink.0.webhook.headers: 'X Key' is no name of a header",
        ),
        (
            {"kind": "webhook", "url": "https://a/", "ca": "/nowhere/ca"},
            "sink.0.webhook.ca: /nowhere/ca: No such",
        ),
        (
            {"kind": "mqtt", "broker": "mqtt://box"},
            "sink.0.mqtt.broker: expected HOST or HOST:PORT, got",
        ),
        ({"kind": "mqtt", "broker": "a..b"}, "sink.0.mqtt.broker: expected HOST or HOST:PORT, got 'a..b'"),
        ({"kind": "mqtt", "broker": "box:0"}, "sink.0.mqtt.broker: expected a port from 1 to 65535, got 0"),
        ({"kind": "jsonl", "path": "/"}, "sink.0.jsonl.path: / is a folder: expected the name of a file"),
        ({"kind": "sqlite", "path": "/dev/null/r.db"}, "sink.0.sqlite.path: /dev/null is no folder"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(sink: dict[str, Any], message: str) -> None:
    said = told(sink)
    assert said.startswith(message)
    assert "s3cret" not in said


def test_a_token_of_several_lines_is_refused_without_showing_it(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\nmore\n")
    said = told({"kind": "webhook", "url": "https://a/", "token_file": str(token)})
    assert said.endswith("expected one line with the secret and nothing else")
    assert "s3cret" not in said


def test_a_token_goes_with_every_post_and_is_in_no_log(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")
    with web_server((500, {})) as server:
        hook = {"kind": "webhook", "url": server.url, "token_file": str(token), "gather_s": 0.0}
        Engine(config(folder, hook)).run(source(3))
    assert server.posts[-1]["Authorization"] == "Bearer s3cret-token"
    assert "s3cret" not in caplog.text
    assert "the token goes to http://127.0.0.1" in caplog.text


def test_an_engine_names_its_file_when_a_sink_is_wrong(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(f'catalog = "{folder}"\n[[sink]]\nkind = "webhook"\nurl = "nothing"\n')
    with pytest.raises(BadInput, match=r"^.*e\.toml: sink\.0\.webhook\.url: expected a URL like"):
        Engine(path)
