"""The engine on several sources at once: files, streams of real servers that die, and what is counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from engine.capture import SourceFigures
from engine.errors import SourceBroke
from engine.results import Result
from engine.snapshot import Snapshot
from engine.summary import Summary
from mcdnn.cli import main
from mcdnn.engine import Engine
from tests.catalog_builder import build_catalog
from tests.engine.media import write_video
from tests.engine.sources.served import LONG_S, VideoServer, held, is_alive, wait_until
from tests.outside_data import outside_file

WHO = {"name": "who", "task": "identity"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("several")
    build_catalog(root / "catalog")
    write_video(root / "long.mp4", frames=12)
    write_video(root / "short.mp4", frames=7)
    (root / "cut.avi").write_bytes(_first_half(write_video(root / "whole.avi", frames=40, codec="MJPG")))
    return root


def _first_half(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: len(content) // 2]


@pytest.fixture
def server() -> Iterator[VideoServer]:
    server = VideoServer()
    yield server
    server.kill()


def config(folder: Path, *sources: dict[str, Any]) -> dict[str, Any]:
    """Windows are whole frames, none of which is passed over, so that every frame has one."""
    return {
        "catalog": str(folder / "catalog"),
        "extractor": {"digit": "whole-frame"},
        "motion_gate": {"on": False},
        "source": list(sources),
        "app": [WHO],
    }


def by_source(end: Snapshot) -> dict[str, SourceFigures]:
    """Return the figures of each source, which must add up, with each other and with the results."""
    sources = end.standing.sources
    for s in sources:
        assert s.read == s.taken + sum(s.dropped.values()) + s.left
    captured = end.standing.captured
    assert captured.read == sum(s.read for s in sources)
    assert captured.taken == sum(s.taken for s in sources) == end.frames == end.requests
    return {s.source: s for s in sources}


def test_files_are_answered_in_step_until_all_have_ended(folder: Path) -> None:
    results: list[Result] = []
    sources = [{"uri": str(folder / f"{n}.mp4"), "name": n} for n in ("long", "short")]
    end = Engine(config(folder, *sources)).on_result(results.append).run()
    figures = by_source(end)
    assert {n: f.taken for n, f in figures.items()} == {"long": 12, "short": 7}
    assert end.standing.captured.dropped == 0
    assert [(r.source, r.t_s) for r in results[:4]] == [
        ("long", 0.0), ("short", 0.0), ("long", 0.1), ("short", 0.1),
    ]  # fmt: skip
    assert [r.source for r in results[14:]] == 5 * ["long"]


def test_two_moving_pictures_do_not_disturb_one_anothers_windows(folder: Path) -> None:
    alone = Engine({"catalog": str(folder / "catalog"), "app": [WHO]})
    uris = [f"digits:?seed={seed}&seconds=1&pace=max" for seed in (7, 8)]
    apart = sum(alone.run(uri).requests for uri in uris)
    table = {**config(folder, *({"uri": u, "name": u} for u in uris)), "extractor": {}}
    assert Engine(table).run().requests == apart


def test_a_file_that_breaks_ends_the_run_in_an_error_after_the_others(folder: Path) -> None:
    summaries: list[Summary] = []
    sources = [{"uri": str(folder / "cut.avi")}, {"uri": str(folder / "long.mp4")}]
    with pytest.raises(SourceBroke, match=r"cut\.avi: breaks off after frame"):
        Engine(config(folder, *sources)).run(on_start=summaries.append)
    assert by_source(summaries[0].latest)["long.mp4"].taken == 12


def test_a_rate_and_a_length_leave_nothing_uncounted(folder: Path) -> None:
    sources = [{"uri": str(folder / "long.mp4"), "fps": 5.0}, {"uri": str(folder / "short.mp4")}]
    end = Engine(config(folder, *sources)).run(duration_s=0.45)
    figures = by_source(end)
    assert (figures["long.mp4"].taken, figures["short.mp4"].taken) == (3, 5)
    assert figures["long.mp4"].dropped


def test_sources_of_the_same_name_are_refused(folder: Path) -> None:
    uri = str(folder / "long.mp4")
    with pytest.raises(BadInput, match=r"several sources are called 'long\.mp4'"):
        Engine(config(folder, {"uri": uri}, {"uri": uri})).run()


def test_a_dead_and_a_frozen_stream_slow_no_other_and_come_back(folder: Path, server: VideoServer) -> None:
    other = VideoServer()
    before = held()
    seen: Counter[str] = Counter()
    paths = {"door": server.url("live.mjpg?fps=20"), "yard": other.url("live.mjpg?fps=20")}
    sources = [{"uri": uri, "name": name, "timeout_s": 1.0} for name, uri in paths.items()]
    engine = Engine(config(folder, *sources)).on_result(lambda r: seen.update([r.source]))
    ends: list[Snapshot] = []
    running = threading.Thread(target=lambda: ends.append(engine.run()))
    running.start()
    try:
        wait_until(lambda: min(seen["door"], seen["yard"]) > 5, LONG_S)
        for harm, remedy in ((server.kill, server.start), (server.freeze, server.thaw)):
            harm()
            yard = seen["yard"]
            wait_until(lambda yard=yard: seen["yard"] > yard + 40, LONG_S)
            remedy()
            door = seen["door"]
            wait_until(lambda door=door: seen["door"] > door + 10, LONG_S)
    finally:
        engine.stop()
        running.join(LONG_S)
        other.kill()
    figures = by_source(ends[0])
    assert figures["door"].report.failures > 0
    assert figures["yard"].report.connects == 1
    assert (figures["yard"].report.failures, figures["yard"].report.restarts) == (0, 0)
    assert [seen[n] for n in paths] == [figures[n].taken for n in paths]
    assert held().grown_since(before) == {}


def test_a_stream_that_is_not_there_yet_does_not_keep_the_engine_from_starting(
    folder: Path, server: VideoServer
) -> None:
    server.kill()
    url, seen = server.url("live.mjpg"), threading.Event()
    engine = Engine(config(folder, {"uri": url})).on_result(lambda _: seen.set())
    summaries: list[Summary] = []
    running = threading.Thread(target=lambda: engine.run(on_start=summaries.append))
    running.start()
    wait_until(lambda: bool(summaries), LONG_S)
    server.start()
    assert seen.wait(LONG_S)
    engine.stop()
    running.join(LONG_S)
    (figures,) = summaries[0].latest.standing.sources
    assert figures.report.trouble == ""
    assert figures.report.failures >= 1


def test_the_command_writes_results_and_a_video_for_each_source(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = "".join(f'[[source]]\nuri = "{n}.mp4"\n' for n in ("long", "short"))
    app = '[[app]]\nname = "who"\ntask = "identity"\n[extractor]\ndigit = "whole-frame"\n'
    (folder / "e.toml").write_text(f'catalog = "catalog"\n{tables}{app}')
    out = folder / "out"
    sinks = ["--out", str(out / "r.jsonl"), "--video", str(out / "v.mp4")]
    assert main(["run", str(folder / "e.toml"), *sinks]) == 0
    lines = [json.loads(line) for line in (out / "r.jsonl").read_text().splitlines()]
    assert Counter(line["source"] for line in lines) == {"long.mp4": 12, "short.mp4": 7}
    assert {p.name for p in out.glob("*.mp4")} == {"v-1-long.mp4", "v-2-short.mp4"}
    printed = capsys.readouterr().out
    assert "source long.mp4: 12 taken of 12" in printed
    assert "source short.mp4: 7 taken of 7" in printed


def test_an_engine_that_is_killed_leaves_no_process_behind(folder: Path, server: VideoServer) -> None:
    tables = "".join(f'[[source]]\nuri = "{server.url("live.mjpg")}"\nname = "{n}"\n' for n in "ab")
    app = '[[app]]\nname = "who"\ntask = "identity"\n[extractor]\ndigit = "whole-frame"\n'
    (folder / "k.toml").write_text(f'catalog = "catalog"\n{tables}{app}')
    out = folder / "killed.jsonl"
    command = [sys.executable, "-m", "mcdnn", "run", str(folder / "k.toml"), "--out", str(out)]
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: out.exists() and out.stat().st_size > 0, LONG_S)
    decoders = _children_of(engine.pid)
    assert len(decoders) == 2
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    wait_until(lambda: not any(map(is_alive, decoders)))


def _children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.data
def test_real_clips_served_live_are_answered_side_by_side(folder: Path) -> None:
    clips = [outside_file(f"videos/{n}") for n in ("store_aisle_4s.mp4", "faces_two_people_headpose_5s.mp4")]
    server = VideoServer(clips[0].parent)
    sources = [{"uri": server.url(f"live.mkv?clip={c.name}"), "name": c.stem, "fps": 5.0} for c in clips]
    engine, seen = Engine(config(folder, *sources)), Counter[str]()

    def count(result: Result) -> None:
        seen.update([result.source])
        if len(seen) == len(clips) and min(seen.values()) > 25:  # past the end of the shorter clip
            engine.stop()

    try:
        end = engine.on_result(count).run(duration_s=LONG_S)
    finally:
        server.kill()
    figures = by_source(end)
    assert all(f.taken > 25 for f in figures.values())
    assert all(f.report.failures == 0 for f in figures.values())
