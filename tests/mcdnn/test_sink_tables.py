"""[[sink]] tables: what is accepted, and how what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from mcdnn.engine_file import parse_engine_table, read_engine_file, schema

HOOK = {"kind": "webhook", "url": "https://example.org/s3cret"}
MQTT = {"kind": "mqtt", "broker": "box"}


def told(sink: dict[str, Any]) -> str:
    with pytest.raises(BadInput) as raised:
        parse_engine_table({"catalog": "models", "sink": [sink]}, "e.toml")
    return str(raised.value)


def test_each_kind_is_read_and_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text("""
        catalog = "models"
        [[sink]]
        kind = "jsonl"
        path = "out/r.jsonl"
        max_age = "1d"
        [[sink]]
        kind = "sqlite"
        path = "/data/r.db"
        [[sink]]
        kind = "webhook"
        url = "https://example.org/hook"
        token_file = "token"
        when_full = "spool"
        spool = "spool/hook"
        [[sink]]
        kind = "mqtt"
        broker = "box:1884"
        prefix = "/mcdnn/porch/"
        user = "cam"
        password_file = "/run/password"
    """)
    lines, database, hook, mqtt = read_engine_file(path).sink
    assert (lines.path, lines.max_age_s) == (str(tmp_path / "out/r.jsonl"), 86400.0)  # type: ignore[union-attr]
    assert (database.path, database.max_age_s) == ("/data/r.db", float("inf"))  # type: ignore[union-attr]
    assert (hook.token_file, hook.spool) == (str(tmp_path / "token"), str(tmp_path / "spool/hook"))  # type: ignore[union-attr]
    assert (mqtt.prefix, mqtt.password_file) == ("mcdnn/porch", "/run/password")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ({"path": "x"}, "sink.0.kind: expected one of jsonl, sqlite, webhook, mqtt"),
        ({"kind": "kafka"}, "sink.0.kind: expected one of jsonl, sqlite, webhook, mqtt"),
        ({"kind": "jsonl"}, "sink.0.jsonl.path: Field required"),
        (
            {"kind": "jsonl", "path": "x", "batch": 3},
            "sink.0.jsonl.batch: no such key: expected one of",
        ),
        (
            {"kind": "sqlite", "path": "x", "max_mb": 0},
            "sink.0.sqlite.max_mb: Input should be greater than or equal to 1",
        ),
        (
            {"kind": "sqlite", "path": "x", "max_age": "a week"},
            'sink.0.sqlite.max_age: max_age = "a week": expected a number with s, m, h or d',
        ),
        ({**HOOK, "when_full": "wait"}, "sink.0.webhook.when_full: Input should be 'drop' or 'spool'"),
        (
            {**HOOK, "when_full": "spool"},
            'sink.0.webhook: spool: expected a folder with when_full = "spool", and none without',
        ),
        ({**HOOK, "spool": "x"}, "sink.0.webhook: spool: expected a folder with"),
        ({**HOOK, "timeout_s": 0}, "sink.0.webhook.timeout_s: Input should be greater than 0"),
        ({**HOOK, "queue": 0}, "sink.0.webhook.queue: Input should be greater than or equal to 1"),
        ({**MQTT, "password_file": "x"}, "sink.0.mqtt: password_file: expected with user"),
        ({**MQTT, "ca": "x"}, "sink.0.mqtt: ca: expected with tls = true"),
        ({**MQTT, "prefix": "a/#"}, "sink.0.mqtt.prefix: expected a topic without +, # and NUL"),
    ],
)
def test_what_is_wrong_is_told_by_key_and_what_was_expected(sink: dict[str, Any], message: str) -> None:
    assert told(sink).startswith(f"e.toml: {message}")


def test_the_schema_names_every_kind() -> None:
    tables = json.loads(schema())["$defs"]
    assert {"JsonLinesTable", "DatabaseTable", "WebhookTable", "MqttTable"} <= set(tables)
