"""ENGINE.toml: what is accepted, and how what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from mcdnn.engine_file import parse_engine_table, read_engine_file, schema

WHOLE = """
catalog = "models"
policy = "best-static"
[budget]
energy_j = 6840
period = "10h"
memory_mb = 600
[device]
profile = "board.toml"
threads = 2
[cloud]
endpoint = "box:50051"
ca = "ca.pem"
token_file = "/run/token"
usd_per_s = 0.0001
[extractor]
digit = "contours"
[[source]]
uri = "clips/a.mp4"
name = "door"
pace = "wall"
[[app]]
name = "who"
task = "identity"
rate_hz = [1, 5.0]
latency_limit_s = 0.5
weight = 2
accuracy_floor = 0.7
"""


def told(changes: dict[str, Any]) -> str:
    with pytest.raises(BadInput) as raised:
        parse_engine_table({"catalog": "models", **changes}, "e.toml")
    return str(raised.value)


def app(**settings: Any) -> dict[str, Any]:
    return {"app": [{"name": "who", "task": "identity", **settings}]}


def test_everything_is_read_and_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(WHOLE)
    file = read_engine_file(path)
    assert (file.catalog, file.policy, file.where) == (str(tmp_path / "models"), "best-static", str(path))
    assert (file.budget.energy_j, file.budget.period, file.budget.memory_mb) == (6840.0, "10h", 600.0)
    assert (file.device.profile, file.device.threads) == (str(tmp_path / "board.toml"), 2)
    assert (file.source[0].uri, file.source[0].name) == (str(tmp_path / "clips/a.mp4"), "door")
    assert file.cloud is not None
    assert (file.cloud.endpoint, file.cloud.tls, file.cloud.usd_per_s) == ("box:50051", None, 1e-4)
    assert (file.cloud.ca, file.cloud.token_file) == (str(tmp_path / "ca.pem"), "/run/token")
    assert (file.app[0].rate_hz, file.app[0].weight) == ((1.0, 5.0), 2.0)


@pytest.mark.parametrize("uri", ["digits:?seed=7", "0", "rtsp://camera/stream", "/abs/a.mp4"])
def test_what_is_no_relative_path_stays_as_it_is(tmp_path: Path, uri: str) -> None:
    path = tmp_path / "e.toml"
    path.write_text(f'catalog = "/models"\n[[source]]\nuri = "{uri}"\n')
    file = read_engine_file(path)
    assert (file.catalog, file.source[0].uri) == ("/models", uri)


def test_a_copy_with_another_policy_still_knows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text('catalog = "models"')
    assert read_engine_file(path).model_copy(update={"policy": "original"}).where == str(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sorce": []}, "e.toml: sorce: no such key: expected one of catalog, policy, budget"),
        (
            {"budget": {"energy": 1}},
            "e.toml: budget.energy: no such key: expected one of energy_j, cloud_usd",
        ),
        (app(rate=1), "e.toml: app.0.rate: no such key: expected one of name, task, rate_hz"),
        (
            {"source": [{"uri": "a", "rate": 1}]},
            "e.toml: source.0.rate: no such key: expected one of uri, name",
        ),
        ({"catalog": 5}, "e.toml: catalog: Input should be a valid string"),
        ({"budget": {"energy_j": float("nan"), "period": "1h"}}, "e.toml: budget.energy_j: "),
        ({"budget": {"memory_mb": 0}}, "e.toml: budget.memory_mb: Input should be greater than 0"),
        ({"budget": {"energy_j": 5}}, 'e.toml: budget: a budget needs its period: period = "10h"'),
        (app(weight=float("nan")), "e.toml: app.0.weight: Input should be a finite number"),
        (app(weight=float("inf")), "e.toml: app.0.weight: Input should be a finite number"),
        (app(accuracy_floor=1.5), "e.toml: app.0.accuracy_floor: Input should be less than or equal to 1"),
        (app(accuracy_floor=float("nan")), "e.toml: app.0.accuracy_floor: "),
        (app(latency_limit_s=0), "e.toml: app.0.latency_limit_s: Input should be greater than 0"),
        (app(rate_hz=3), "e.toml: app.0.rate_hz: expected [least, wanted] in windows a second, got 3"),
        (app(rate_hz=[3]), "e.toml: app.0.rate_hz: expected [least, wanted] in windows a second, got [3]"),
        (app(rate_hz=[3, 1]), "e.toml: app.0.rate_hz: expected [least, wanted] with least <= wanted"),
        (app(rate_hz=[1, float("nan")]), "e.toml: app.0.rate_hz.1: "),
        ({"cloud": {}}, "e.toml: cloud.endpoint: Field required"),
        (
            {"cloud": {"endpoint": "a:1", "usd": 1}},
            "e.toml: cloud.usd: no such key: expected one of endpoint",
        ),
        (
            {"cloud": {"endpoint": "a:1", "usd_per_s": -1}},
            "e.toml: cloud.usd_per_s: Input should be greater than or equal to 0",
        ),
        (
            {"cloud": {"endpoint": "a:1", "key": "k.pem"}},
            "e.toml: cloud: certificate and key: expected both or neither",
        ),
        (
            {"cloud": {"endpoint": "a:1", "tls": False, "ca": "ca.pem"}},
            "e.toml: cloud: ca and certificate need TLS",
        ),
        ({"app": 2 * app()["app"]}, "e.toml: app: app names ['who'] are given twice"),
        (
            {"source": [{"uri": "a", "name": "door"}, {"uri": "b", "name": "door"}]},
            "e.toml: source: source names ['door'] are given twice",
        ),
        (
            {"source": [{"uri": "a", "drop": "oldest"}]},
            "e.toml: source.0.drop: Input should be 'latest' or 'block'",
        ),
        ({"source": [{"uri": "a", "fps": 0}]}, "e.toml: source.0.fps: Input should be greater than 0"),
        (
            {"source": [{"uri": "a", "pace": "fast"}]},
            "e.toml: source.0.pace: Input should be 'max' or 'wall'",
        ),
    ],
)
def test_what_is_wrong_is_told_by_file_key_and_what_was_expected(
    changes: dict[str, Any], message: str
) -> None:
    assert told(changes).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"catalog = ", "not TOML: "), (b"\xff\xfe", "not a text file: "), (None, "No such file or directory")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "e.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as raised:
        read_engine_file(path)
    assert str(raised.value).startswith(f"{path}: {message}")


def test_the_schema_names_every_table() -> None:
    assert {"BudgetTable", "DeviceTable", "CloudTable", "SourceTable", "AppTable"} <= set(
        json.loads(schema())["$defs"]
    )
