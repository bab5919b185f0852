"""Another configuration and another catalog while the engine runs: nothing lost, nothing answered twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from catalog.errors import BadInput, CatalogError
from catalog.store import open_catalog
from engine.results import Result
from engine.snapshot import Snapshot
from mcdnn.configuration_change import Reloaded
from mcdnn.engine import Engine
from mcdnn.reloading import Reloading
from tests.catalog_builder import build_catalog
from tests.engine.media import write_video
from tests.engine.sources.served import LONG_S, VideoServer, held, wait_until
from tests.mcdnn.notify_socket import NotifySocket

WHO = {"name": "who", "task": "identity"}
ODD = {"name": "odd", "task": "parity"}
FRAMES = 240
FPS = 20.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog, another one, and a clip of twelve seconds."""
    root = tmp_path_factory.mktemp("made")
    build_catalog(root / "first")
    build_catalog(root / "second", seed=1)
    write_video(root / "clip.mp4", frames=FRAMES, fps=FPS)
    return root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "first", tmp_path / "catalog")
    (tmp_path / "clip.mp4").symlink_to(made / "clip.mp4")
    return tmp_path


def replace_catalog(folder: Path, made: Path, by: str = "second") -> None:
    """As a compile or a fetch does it: pieces first, catalog.json renamed over the old one at the end."""
    for name in ("parts", "heads", "profiles", "features"):
        shutil.copytree(made / by / name, folder / "catalog" / name, dirs_exist_ok=True)
    beside = folder / "catalog" / ".catalog.json.new"
    shutil.copy(made / by / "catalog.json", beside)
    beside.replace(folder / "catalog" / "catalog.json")


def clip(folder: Path, **changes: Any) -> dict[str, Any]:
    """A live source of which no frame is ever dropped: what is missing was lost by the engine."""
    return {"uri": str(folder / "clip.mp4"), "name": "clip", "pace": "wall", "drop": "block", **changes}


def camera(name: str, seed: int = 7) -> dict[str, Any]:
    return {"uri": f"digits:?seed={seed}&fps=10", "name": name}


def config(folder: Path, **changes: Any) -> dict[str, Any]:
    extractor = {"digit": "whole-frame"}
    whole = {"catalog": str(folder / "catalog"), "extractor": extractor, "app": [WHO, ODD]}
    return {**whole, "source": [clip(folder)], **changes}


class Running:
    """An engine that runs in a thread, and its results."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.results: list[Result] = []
        self.engine = Engine(table).on_result(self.results.append)
        self.ends: list[Snapshot] = []
        self._thread = threading.Thread(target=lambda: self.ends.append(self.engine.run()))
        self._thread.start()
        self.wait_for(lambda r: True)

    def wait_for(self, wanted: Any, more: int = 1) -> None:
        """Wait for results of some kind that come from now on."""
        seen = len(self.results)
        wait_until(lambda: sum(map(wanted, self.results[seen:])) >= more, LONG_S)

    def stop(self) -> Snapshot:
        self.engine.stop()
        return self.end()

    def end(self) -> Snapshot:
        self._thread.join(LONG_S)
        return self.ends[0]


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    running = Running(config(folder))
    yield running
    running.engine.stop()
    running.end()


def windows_of(results: list[Result], source: str, app: str) -> list[str]:
    return [r.window for r in results if (r.source, r.app) == (source, app)]


def test_a_source_that_stays_loses_no_frame_whatever_else_changes(
    folder: Path, made: Path, running: Running
) -> None:
    """Apps, budget, policy, sources and catalog change; every frame of the clip is answered once."""
    engine, source = running.engine, clip(folder)
    changed = engine.reload(config(folder, source=[source, camera("yard")], app=[WHO]))
    assert changed == Reloaded(("source", "app"), ())
    running.wait_for(lambda r: r.source == "yard")
    budget = {"energy_j": 1e6, "period": "10h", "memory_mb": 5.0}
    changed = engine.reload(
        config(folder, source=[source, camera("yard", 8)], app=[WHO], policy="original", budget=budget)
    )
    assert changed == Reloaded(("policy", "budget", "source"), ())
    running.wait_for(lambda r: r.source == "yard")
    replace_catalog(folder, made)
    assert engine.reload(config(folder, policy="original", budget=budget)) == Reloaded(
        ("catalog", "source", "app"), ()
    )
    running.wait_for(lambda r: r.app == "odd")
    end = running.end()
    expected = [f"{i}.digit.0" for i in range(FRAMES)]
    assert windows_of(running.results, "clip", "who") == expected
    assert Counter((r.source, r.window, r.app) for r in running.results).most_common(1)[0][1] <= 2  # yard
    assert all(r.served for r in running.results)
    figures = {s.source: s for s in end.standing.sources}
    assert (figures["clip"].taken, figures["clip"].dropped, figures["clip"].report.connects) == (
        FRAMES,
        {},
        1,
    )
    assert figures["yard"].report.connects == 2
    for s in figures.values():
        assert s.read == s.taken + sum(s.dropped.values()) + s.left
    assert sum(s.taken for s in figures.values()) == end.frames
    assert end.standing.memory.limit_bytes == 5e6
    assert end.standing.budget.energy_j == 1e6


def test_what_was_spent_stays_spent_and_models_are_really_others(
    folder: Path, made: Path, running: Running
) -> None:
    running.wait_for(lambda r: True, 10)
    before = running.engine._latest_run.summary.latest.standing  # type: ignore[union-attr]
    first = set(open_catalog(folder / "catalog").parts)
    replace_catalog(folder, made)
    running.engine.reload()
    running.wait_for(lambda r: True, 10)
    resident = running.engine._latest_run._memory.resident  # type: ignore[union-attr]
    assert resident
    assert resident.isdisjoint(first)
    end = running.stop()
    assert end.standing.spent_j > before.spent_j > 0.0


def test_a_wrong_configuration_changes_nothing(folder: Path, running: Running) -> None:
    engine = running.engine
    for wrong, message in (
        ({"policy": "greedy"}, "policy = 'greedy': expected one of"),
        ({"app": [{"name": "who", "task": "x"}]}, "app who: task 'x'"),
        ({"app": []}, "no app"),
        ({"source": []}, "no source"),
        ({"source": [clip(folder), {"uri": "nowhere.mp4"}]}, "no such file"),
        ({"source": [clip(folder), clip(folder, fps=2.0)]}, "given twice"),
        ({"budget": {"energy_j": 1.0, "period": "1h"}}, "the base load of 4 W"),
        ({"catalog": str(folder / "none")}, "none"),
    ):
        with pytest.raises(BadInput, match=message):
            engine.reload(config(folder, **wrong))
    running.wait_for(lambda r: r.app == "odd", 3)
    assert {r.app for r in running.results} == {"who", "odd"}
    assert running.stop().served_share == 1.0


def test_a_damaged_catalog_is_refused(folder: Path, running: Running) -> None:
    part = next((folder / "catalog" / "parts").iterdir())
    part.write_bytes(b"damaged")
    with pytest.raises(CatalogError, match=part.name):
        running.engine.reload()
    running.wait_for(lambda r: True, 10)
    assert running.stop().served_share == 1.0


def test_what_needs_a_restart_is_said_by_its_key(folder: Path, running: Running) -> None:
    changed = running.engine.reload(
        config(folder, device={"threads": 2}, state=str(folder / "state"), app=[WHO])
    )
    assert changed == Reloaded(("app",), ("device", "state"))
    assert running.engine.reload(config(folder, app=[WHO])) == Reloaded((), ())
    assert running.engine.reload(
        config(folder, app=[WHO], budget={"energy_j": 1e6, "period": "charge"})
    ) == Reloaded((), ('budget.period to or from "charge"',))


def test_apps_that_a_program_added_stay(folder: Path, running: Running) -> None:
    running.engine.add_app("more", "parity")
    running.engine.reload(config(folder, app=[ODD]))
    running.wait_for(lambda r: r.app == "more")
    running.wait_for(lambda r: r.window.startswith("30."))
    last = running.results[-1].window
    assert {r.app for r in running.results if r.window == last} <= {"odd", "more"}
    assert running.engine.classes_of("who") == tuple("0123456789")


def test_a_still_scene_and_a_known_track_are_asked_again(folder: Path) -> None:
    """Answers of other models, or of an app that asks something else now, do not stand."""
    still = folder / "still"
    still.mkdir()
    first = cv2.VideoCapture(str(folder / "clip.mp4")).read()[1]
    for i in range(400):
        cv2.imwrite(str(still / f"{i:03}.png"), first)
    source = {"uri": f"{still}?fps=20", "name": "still", "pace": "wall", "motion_gate": True}
    table = config(folder, source=[source], app=[WHO], tracking={"input_types": ["digit"]})
    running = Running(table)
    wait_until(lambda: len(running.results) > 1, LONG_S)
    asks_parity = {"name": "who", "task": "parity"}
    running.engine.reload({**table, "app": [asks_parity]})
    wait_until(lambda: any(r.answer in ("even", "odd") for r in running.results), LONG_S)
    changed = next(i for i, r in enumerate(running.results) if r.answer in ("even", "odd"))
    running.stop()
    assert {r.answer for r in running.results[changed:]} <= {"even", "odd"}


def test_many_reloads_leave_nothing_behind_and_a_stream_keeps_its_connection(
    folder: Path, made: Path
) -> None:
    Running(config(folder)).stop()  # onnxruntime opens files of its own, once
    server = VideoServer()
    before = held()
    try:
        door = {"uri": server.url("live.mjpg?fps=20"), "name": "door"}
        table = config(folder, source=[door])
        running = Running(table)
        steady = held()
        for i in range(6):
            replace_catalog(folder, made, ("second", "first")[i % 2])
            sources = [door, {**camera("yard", seed=i), "fps": 5.0}]
            policy = ("original", "paced")[i % 2]
            running.engine.reload({**table, "source": sources, "policy": policy, "specialize": bool(i % 2)})
            running.wait_for(lambda r: r.source == "yard")
        running.engine.reload(table)
        wait_until(lambda: held().grown_since(steady) == {}, LONG_S)
        running.wait_for(lambda r: r.source == "door", 3)
        end = running.stop()
    finally:
        server.kill()
    figures = {s.source: s for s in end.standing.sources}
    report = figures["door"].report
    assert (report.connects, report.failures, report.restarts) == (1, 0, 0)
    assert figures["yard"].report.connects == 6
    assert end.served_share == 1.0
    assert held().grown_since(before) == {}


def test_a_run_of_recordings_keeps_its_sources(folder: Path) -> None:
    table = config(folder, source=[{"uri": str(folder / "clip.mp4")}])
    held, reached = threading.Event(), threading.Event()

    def hold(_: Result) -> None:
        reached.set()
        held.wait(LONG_S)

    engine = Engine(table).on_result(hold)
    changes: list[Reloaded] = []
    run = threading.Thread(target=engine.run)
    run.start()
    assert reached.wait(LONG_S)
    other = config(folder, source=[camera("yard")])
    reload = threading.Thread(target=lambda: changes.append(engine.reload(other)))
    reload.start()
    held.set()
    run.join(LONG_S)
    reload.join(LONG_S)
    assert changes == [Reloaded((), ("source",))]


def test_a_decision_log_is_of_one_policy(folder: Path) -> None:
    engine = Engine(config(folder)).log_decisions(folder / "d.jsonl")
    seen = threading.Event()
    run = threading.Thread(target=engine.on_result(lambda _: seen.set()).run)
    run.start()
    assert seen.wait(LONG_S)
    with pytest.raises(BadInput, match="while a decision log is written"):
        engine.reload(config(folder, policy="original"))
    engine.stop()
    run.join(LONG_S)


def test_where_nothing_runs_everything_may_change(folder: Path) -> None:
    engine = Engine(config(folder))
    engine.reload(config(folder, app=[ODD], device={"threads": 2}, policy="original"))
    assert {a.app for a in engine.run(duration_s=0.2).apps} == {"odd"}


class Told:
    def __init__(self) -> None:
        self.told: list[str] = []

    def reloading(self) -> None:
        self.told.append("reloading")

    def reloaded(self) -> None:
        self.told.append("reloaded")


def test_a_catalog_that_was_replaced_is_followed_by_itself_and_a_damaged_one_refused_once(
    folder: Path, made: Path, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    teller = Told()
    with Reloading(running.engine, lambda: pytest.fail("nobody asked"), teller, 0.05):
        replace_catalog(folder, made)
        wait_until(lambda: "reload: other than before: catalog" in caplog.text, LONG_S)
        catalog_json = folder / "catalog" / "catalog.json"
        beside = catalog_json.with_suffix(".new")
        beside.write_bytes(catalog_json.read_bytes()[:1000])
        beside.replace(catalog_json)
        wait_until(lambda: "the one in use goes on" in caplog.text, LONG_S)
        running.wait_for(lambda r: True, 20)
    assert caplog.text.count("the one in use goes on") == 1
    assert teller.told == []
    assert running.stop().served_share == 1.0


def test_signals_reload_and_stop_a_real_process(folder: Path, made: Path) -> None:
    toml = folder / "e.toml"
    head = 'catalog = "catalog"\n[extractor]\ndigit = "whole-frame"\n'
    source = '[[source]]\nuri = "clip.mp4"\nname = "clip"\npace = "wall"\ndrop = "block"\n'
    who = '[[app]]\nname = "who"\ntask = "identity"\n'
    odd = '[[app]]\nname = "odd"\ntask = "parity"\n'
    toml.write_text(head + source + who)
    out = folder / "r.jsonl"
    with NotifySocket(str(folder / "notify")) as manager:
        command = [sys.executable, "-m", "mcdnn", "run", str(toml), "--out", str(out), "--log", "json"]
        environment = {**os.environ, "NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "3000000"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert manager.next()["READY"] == "1"
        manager.until("WATCHDOG")
        yard = '[[source]]\nuri = "digits:?fps=5"\nname = "yard"\n'
        toml.write_text(head + source + who + odd + yard)
        process.send_signal(signal.SIGHUP)
        assert int(manager.until("RELOADING")[-1]["MONOTONIC_USEC"]) > 0
        manager.until("READY")
        wait_until(lambda: '"odd"' in out.read_text() and '"yard"' in out.read_text(), LONG_S)
        toml.write_text("catalog = 7")
        process.send_signal(signal.SIGHUP)
        manager.until("READY")
        replace_catalog(folder, made)
        toml.write_text(head + source + who + odd + yard)
        process.send_signal(signal.SIGHUP)
        manager.until("READY")
        wait_until(lambda: f'"{FRAMES - 1}.digit.0"' in out.read_text(), LONG_S)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LONG_S)
        assert "STOPPING" in manager.waiting()[-1]
    assert process.returncode == 0
    said = [json.loads(line)["message"] for line in err.splitlines()]
    assert [s for s in said if s.startswith("reload")] == [
        "reload: other than before: source, app",
        f"reload: {toml}: catalog: Input should be a valid string: everything goes on as before",
        "reload: other than before: catalog",
    ]
    results = [json.loads(line) for line in out.read_text().splitlines()]
    answered = [r["window"] for r in results if (r["source"], r["app"]) == ("clip", "who")]
    assert answered == [f"{i}.digit.0" for i in range(FRAMES)]
    assert max(Counter((r["source"], r["window"], r["app"]) for r in results).values()) == 1
    assert all(r["served"] for r in results)
