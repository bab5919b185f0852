"""[[sink]] tables that change while the engine runs: every result is where it belongs, once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from engine.sinks.sink_figures import SinkFigures
from engine.snapshot import Snapshot
from mcdnn.configuration_change import Reloaded
from tests.catalog_builder import build_catalog
from tests.engine.media import write_video
from tests.engine.sinks.web_server import web_server
from tests.engine.sources.served import LONG_S, wait_until
from tests.mcdnn.test_reload import FPS, FRAMES, WHO, Running, clip

EXPECTED = [f"{i}.digit.0" for i in range(FRAMES)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    build_catalog(root / "catalog")
    write_video(root / "clip.mp4", frames=FRAMES, fps=FPS)
    return root


def config(made: Path, *sinks: dict[str, Any]) -> dict[str, Any]:
    whole = {"catalog": str(made / "catalog"), "extractor": {"digit": "whole-frame"}, "app": [WHO]}
    return {**whole, "source": [clip(made)], "sink": list(sinks)}


def windows_in(path: Path) -> list[str]:
    return [json.loads(line)["window"] for line in path.read_text().splitlines()]


def figures_of(end: Snapshot) -> dict[str, SinkFigures]:
    figures = {f.sink: f for f in end.standing.sinks}
    for f in figures.values():
        assert f.accepted + f.recovered == f.delivered + f.all_dropped + f.waiting + f.spooled
    return figures


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[dict[str, Any]]:
    yield {"kind": "jsonl", "path": str(tmp_path / "r.jsonl")}


def test_sinks_come_go_and_change_and_none_that_stays_loses_a_result(
    made: Path, tmp_path: Path, lines: dict[str, Any]
) -> None:
    other = {"kind": "jsonl", "path": str(tmp_path / "other.jsonl")}
    base = {"kind": "sqlite", "path": str(tmp_path / "r.db")}
    running = Running(config(made, lines, other))
    running.wait_for(lambda _: True, 20)
    assert running.engine.reload(config(made, lines, base)) == Reloaded(("sink",), ())
    running.wait_for(lambda _: True, 20)
    for keep in (1, 2):
        running.engine.reload(config(made, {**lines, "keep": keep}, base))
        running.wait_for(lambda _: True, 20)
    end = running.end()
    assert windows_in(tmp_path / "r.jsonl") == EXPECTED
    left = windows_in(tmp_path / "other.jsonl")
    assert left == EXPECTED[: len(left)]
    connection = sqlite3.connect(tmp_path / "r.db")
    rows = [w for (w,) in connection.execute("SELECT window FROM results ORDER BY t_s")]
    connection.close()
    assert rows == EXPECTED[len(left) :]
    figures = figures_of(end)
    counted = {Path(name).name: (f.accepted, f.delivered) for name, f in figures.items() if "/" in name}
    assert counted == {
        "r.jsonl": (FRAMES, FRAMES),
        "other.jsonl": (len(left), len(left)),
        "r.db": (len(rows), len(rows)),
    }


def test_what_waits_in_a_spool_is_taken_over_by_the_sink_that_takes_its_place(
    made: Path, tmp_path: Path
) -> None:
    with web_server() as server:
        port = server.port
    hook = {
        "kind": "webhook", "url": f"http://127.0.0.1:{port}/", "when_full": "spool",
        "spool": str(tmp_path / "spool"), "name": "hook", "gather_s": 0.0,
    }  # fmt: skip
    running = Running(config(made, hook))
    running.wait_for(lambda _: True, 20)
    running.engine.reload(config(made, {**hook, "batch": 7}))
    running.wait_for(lambda _: True, 20)
    with web_server(port=port) as server:
        end = running.end()
        delivered = [r["window"] for r in server.rows]
    assert delivered == EXPECTED
    figures = figures_of(end)["hook"]
    assert (figures.accepted, figures.delivered, figures.recovered, figures.spooled) == (FRAMES, FRAMES, 0, 0)


def test_a_sink_that_cannot_be_had_leaves_everything_as_it_was(
    made: Path, tmp_path: Path, lines: dict[str, Any]
) -> None:
    running = Running(config(made, lines))
    twice = {**lines, "name": "another"}
    for wrong, message in (
        ({**lines, "path": str(tmp_path)}, "is a folder"),
        ({"kind": "webhook", "url": "nowhere"}, "url"),
        (twice, "r.jsonl"),
    ):
        with pytest.raises(BadInput, match=message):
            running.engine.reload(config(made, lines, wrong))
    running.engine.reload(config(made))
    running.wait_for(lambda _: True, 5)
    end = running.stop()
    left = windows_in(tmp_path / "r.jsonl")
    assert left == EXPECTED[: len(left)]
    assert figures_of(end)[lines["path"]].delivered == len(left)


def test_the_next_run_has_the_sinks_of_the_last_reload(
    made: Path, tmp_path: Path, lines: dict[str, Any]
) -> None:
    running = Running(config(made))
    running.engine.reload(config(made, lines))
    running.stop()
    size = (tmp_path / "r.jsonl").stat().st_size
    running.engine.run(duration_s=0.5)
    wait_until(lambda: (tmp_path / "r.jsonl").stat().st_size > size, LONG_S)
