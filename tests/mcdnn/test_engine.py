"""The public API on a real catalog: apps that come and go, runs one after another, what is refused."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput, CatalogError
from engine.errors import SinkError, SourceBroke, SourceError
from engine.frames import Frame, TruthWindow
from engine.results import Result
from engine.scheduling.latest_choices import LatestChoices
from engine.sources.frame_list import FrameList
from engine.summary import Summary
from mcdnn.engine import Engine
from mcdnn.engine_file import parse_engine_table
from tests.catalog_builder import build_catalog
from tests.engine.media import frame, write_video

TIMEOUT_S = 60.0
WHO = {"name": "who", "task": "identity"}
ODD = {"name": "odd", "task": "parity"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def config(folder: Path, **changes: Any) -> dict[str, Any]:
    """Windows are whole frames, so that every frame has one."""
    whole = {"catalog": str(folder), "extractor": {"digit": "whole-frame"}, "app": [WHO, ODD]}
    return {**whole, **changes}


def frames(count: int) -> Iterator[Frame]:
    truth = (TruthWindow((0, 0, 64, 48), {"identity": "7", "parity": "odd"}),)
    return (replace(frame(i), truth=truth) for i in range(count))


def source(count: int = 20) -> FrameList:
    return FrameList(frames(count), "clip")


def paced(frames: Iterator[Frame]) -> Iterator[Frame]:
    """A hundred frames a second."""
    for f in frames:
        time.sleep(0.01)
        yield replace(f, t_s=0.01 * f.index)


class Gate:
    """A source whose frames come once they are let through, so that something can happen in between."""

    def __init__(self, before: int, after: int) -> None:
        self.opened = threading.Event()
        self.reached = threading.Event()
        self.source = FrameList(self._frames(before, after), "gated")

    def _frames(self, before: int, after: int) -> Iterator[Frame]:
        for f in frames(before + after):
            if f.index == before:
                self.reached.set()
                self.opened.wait(TIMEOUT_S)
            yield f


class Kept:
    def __init__(self, breaks_at: int | None = None) -> None:
        self.results: list[Result] = []
        self.closed = 0
        self._breaks_at = breaks_at

    def __str__(self) -> str:
        return "shelf"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        if frame.index == self._breaks_at:
            raise SinkError("shelf: full")
        self.results += results

    def close(self) -> None:
        self.closed += 1


def test_a_video_file_is_answered_to_its_end(folder: Path, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=12)
    results: list[Result] = []
    end = Engine(config(folder)).on_result(results.append).run(str(clip))
    assert (end.frames, end.requests, end.served_share, end.accuracy) == (12, 24, 1.0, None)
    assert [(r.window, r.app, r.source) for r in results[:2]] == [
        ("0.digit.0", "who", "clip.mp4"),
        ("0.digit.0", "odd", "clip.mp4"),
    ]
    assert len(results) == 24


def test_the_digit_camera_tells_recall_and_accuracy(folder: Path) -> None:
    engine = Engine({"catalog": str(folder), "app": [WHO, ODD]})
    end = engine.run("digits:?seed=7&seconds=1&pace=max")
    assert end.frames == 15
    assert end.standing.truth.recall is not None
    assert end.standing.truth.recall > 0.8
    assert end.accuracy is not None
    assert engine.course[-1].memory_bytes == end.standing.memory.used_bytes > 0


def test_an_engine_runs_again_with_a_full_budget_and_the_same_callbacks(folder: Path) -> None:
    results: list[Result] = []
    shelf = Kept()
    budget = {"energy_j": 1000.0, "period": "100s"}
    engine = Engine(config(folder, budget=budget)).on_result(results.append).add_sink(shelf)
    first, second = engine.run(source(5)), engine.run(source(5))
    assert (first.requests, second.requests, len(results)) == (10, 10, 20)
    assert (len(shelf.results), shelf.closed) == (10, 1)
    execution_j = [sum(line.energy_j for line in end.standing.spent) for end in (first, second)]
    assert execution_j[1] < 2 * execution_j[0]


def test_a_run_can_be_looked_at_from_outside(folder: Path) -> None:
    choices, engine = LatestChoices(), Engine(config(folder))
    silent: list[float | None] = [engine.silent_s()]
    engine.watch_policy(choices).run(source(5), on_start=lambda _: silent.append(engine.silent_s()))
    silent.append(engine.silent_s())
    assert (silent[0], silent[2]) == (None, None) and silent[1] is not None
    explained = choices.explain()
    assert list(explained) == ["who", "odd"]
    assert explained["who"][1].chosen is not None


@pytest.mark.parametrize("live", [True, False])
def test_a_policy_is_told_what_a_camera_leaves_of_the_processor_for_models(
    folder: Path, tmp_path: Path, live: bool
) -> None:
    log = tmp_path / "decisions.jsonl"
    engine = Engine(config(folder, budget={"energy_j": 1e6, "period": "100s"}))  # plans every .25 s
    engine.log_decisions(log).run(FrameList(paced(frames(100)), "camera", live=live))
    states = [
        line["state"] for line in map(json.loads, log.read_text().splitlines()) if line.get("call") == "plan"
    ]
    told = [state["carried"] for state in states if "carried" in state]
    assert "carried" not in states[0]
    assert bool(told) is live
    assert all(0.0 <= carried <= 0.9 for carried in told)


def test_a_search_for_garbage_stops_nobody_for_long_while_a_run_goes_on(folder: Path) -> None:
    """The libraries that an engine loads hold a hundred thousand objects, and requests have deadlines."""
    frozen: list[int] = []
    gate = Gate(10, 10)

    def note(_: Result) -> None:
        frozen.append(gc.get_freeze_count())
        gate.opened.set()  # the run goes on until something was told, which another thread does

    Engine(config(folder)).on_result(note).run(gate.source)
    assert frozen[0] > 10_000
    assert gc.get_freeze_count() == 0


def test_one_run_goes_on_at_a_time(folder: Path) -> None:
    engine, gate = Engine(config(folder)), Gate(1, 1)
    running = threading.Thread(target=engine.run, args=(gate.source,))
    running.start()
    assert gate.reached.wait(TIMEOUT_S)
    for verb, call in (
        ("run", lambda: engine.run(source())),
        ("on_result", lambda: engine.on_result(print)),
        ("add_sink", lambda: engine.add_sink(Kept())),
    ):
        with pytest.raises(BadInput, match=f"{verb}: the engine is running"):
            call()
    gate.opened.set()
    running.join(TIMEOUT_S)
    assert engine.run(source()).frames == 20


def test_apps_come_and_go_while_the_engine_runs(folder: Path) -> None:
    results: list[Result] = []
    engine, gate = Engine(config(folder)).on_result(results.append), Gate(38, 30)
    running = threading.Thread(target=engine.run, args=(gate.source,))
    running.start()
    assert gate.reached.wait(TIMEOUT_S)
    engine.add_app("again", "identity", rate_hz=[0.0, 1000.0]).remove_app("odd")
    gate.opened.set()
    running.join(TIMEOUT_S)
    asked = [{r.app for r in results if r.window == f"{i}.digit.0"} for i in range(68)]
    before, between, after = {"who", "odd"}, {"who", "odd", "again"}, {"who", "again"}
    came, went = asked.index(after) - asked.count(between), asked.index(after)
    assert asked == came * [before] + (went - came) * [between] + (68 - went) * [after]
    assert went >= 5  # of 38 frames at most the 32 of the queue, and one in between, were still to come
    assert engine.classes_of("odd") == ("even", "odd")


def test_a_callback_may_change_apps_and_stop(folder: Path) -> None:
    engine = Engine(config(folder))
    done = threading.Event()

    def change(result: Result) -> None:
        if result.window == "3.digit.0" and result.app == "who":
            engine.remove_app("odd").add_app("more", "parity")
        if result.app == "more":
            engine.stop()
            done.set()

    def endless() -> Iterator[Frame]:
        for f in frames(1_000_000):
            if done.is_set():
                return
            yield f

    end = engine.on_result(change).run(FrameList(endless()))
    assert done.is_set()
    assert {a.app for a in end.apps} == {"who", "odd", "more"}


def test_without_any_app_left_frames_are_still_processed(folder: Path) -> None:
    engine, gate = Engine(config(folder, app=[WHO])), Gate(40, 8)
    ends = []
    running = threading.Thread(target=lambda: ends.append(engine.run(gate.source)))
    running.start()
    assert gate.reached.wait(TIMEOUT_S)
    engine.remove_app("who")
    gate.opened.set()
    running.join(TIMEOUT_S)
    assert ends[0].frames == 48
    assert 0 < ends[0].requests < 48
    assert ends[0].standing.memory.used_bytes == 0


def test_apps_may_all_be_added_by_the_program(folder: Path) -> None:
    engine = Engine(config(folder, app=[]))
    with pytest.raises(BadInput, match=r"config: no app: add an \[\[app\]\], or call add_app"):
        engine.run(source())
    assert engine.add_app("who", "identity").run(source()).requests == 20


@pytest.mark.parametrize(
    ("name", "task", "settings", "message"),
    [
        ("who", "identity", {}, "add_app: an app 'who' is there already"),
        ("new", "identty", {}, r"add_app: app new: task 'identty': the catalog has \['identity', 'parity'\]"),
        ("new", "identity", {"rate": 3}, "add_app: app.0.rate: no such key: expected one of name, task"),
        ("new", "identity", {"weight": -1}, "add_app: app.0.weight: Input should be greater than 0"),
    ],
)
def test_an_app_that_is_refused_changes_nothing(
    folder: Path, name: str, task: str, settings: dict[str, Any], message: str
) -> None:
    engine = Engine(config(folder))
    with pytest.raises(BadInput, match=message):
        engine.add_app(name, task, **settings)
    assert {a.app for a in engine.run(source()).apps} == {"who", "odd"}


def test_an_app_that_is_not_there_cannot_be_removed(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"remove_app: no app 'x': there are \['odd', 'who'\]"):
        Engine(config(folder)).remove_app("x")


def test_a_callback_that_fails_stops_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Result] = []

    def fails(result: Result) -> None:
        seen.append(result)
        raise RuntimeError("not today")

    end = Engine(config(folder)).on_result(fails).run(source())
    assert (end.frames, len(seen)) == (20, 40)
    assert sum("a result callback failed" in r.message for r in caplog.records) == 1


def test_a_source_that_breaks_leaves_what_came_before(folder: Path) -> None:
    def breaking() -> Iterator[Frame]:
        yield from frames(5)
        raise SourceError("clip: breaks off")

    shelf = Kept()
    summaries: list[Summary] = []
    with pytest.raises(SourceBroke, match="clip: breaks off"):
        Engine(config(folder)).add_sink(shelf).run(FrameList(breaking()), on_start=summaries.append)
    assert (len(shelf.results), shelf.closed) == (10, 1)
    assert summaries[0].latest.requests == 10


def test_a_sink_that_breaks_does_not_take_the_others_with_it(folder: Path) -> None:
    broken, sound = Kept(breaks_at=3), Kept()
    engine = Engine(config(folder)).add_sink(broken).add_sink(sound)
    with pytest.raises(SinkError, match="shelf: full"):
        engine.run(source())
    assert len(sound.results) == 40
    assert engine.run(source()).frames == 20


def test_sinks_of_a_run_that_could_not_begin_wait_for_the_next(folder: Path) -> None:
    shelf = Kept()
    engine = Engine(config(folder)).add_sink(shelf)
    with pytest.raises(SourceError):
        engine.run("nowhere.mp4")
    engine.run(source())
    assert (len(shelf.results), shelf.closed) == (40, 1)


def test_what_fails_at_the_start_ends_the_run_cleanly(folder: Path) -> None:
    engine, clip = Engine(config(folder)), source()

    def fails(_: object) -> None:
        raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        engine.run(clip, on_start=fails)
    assert clip.closed
    assert engine.run(source()).frames == 20


def test_memory_is_never_exceeded_and_what_does_not_fit_is_said(folder: Path) -> None:
    end = Engine(config(folder, budget={"memory_mb": 0.005}, policy="original")).run(source())
    assert {v for a in end.apps for v in a.variants} == {"small/identity", "small/parity"}
    assert 0 < end.standing.memory.peak_bytes <= 5000
    none = Engine(config(folder, budget={"memory_mb": 0.001})).run(source())
    assert none.unserved == {"no variant fits the memory alone": 40}


def test_a_charge_ends_when_the_battery_says_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    budget = {"energy_j": 4 * 36_000 + 1e-6, "period": "charge"}  # 4 W for ten hours, and next to nothing
    engine, gate = Engine(config(folder, budget=budget)), Gate(40, 8)
    running = threading.Thread(target=engine.run, args=(gate.source,))
    running.start()
    assert gate.reached.wait(TIMEOUT_S)
    engine.battery_charged()
    gate.opened.set()
    running.join(TIMEOUT_S)
    said = [r.message.split(" at ")[0] for r in caplog.records if r.name == "engine.notices"]
    assert said == ["energy budget gone", "budget renewed", "energy budget gone"]


def test_several_threads_are_charged_as_several_cores(folder: Path) -> None:
    end = Engine(config(folder, device={"threads": 2})).run(source())
    assert end.served_share == 1.0
    assert all(a.energy_j["modelled"] > 0.0 for a in end.apps)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"policy": "greedy"},
            "e.toml: policy = 'greedy': expected one of best-static, client-only, mcdnn2016",
        ),
        ({"extractor": {"digit": "magic"}}, "e.toml: extractor.digit = 'magic': expected one of whole-frame"),
        ({"extractor": {"face": "faces"}}, "e.toml: extractor.face: not an input type of the catalog"),
        ({"device": {"profile": "hots"}}, r"e.toml: device profile 'hots': expected one of \['host'"),
        ({"budget": {"energy_j": 1, "period": "1h"}}, "e.toml: budget.energy_j = 1: the base load of 4 W"),
        ({"budget": {"energy_j": 1e6, "period": "soon"}}, 'e.toml: budget.period = "soon": expected'),
        ({"app": [{"name": "who", "task": "x"}]}, r"e.toml: app who: task 'x': the catalog has \['identity'"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_starts(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    file = parse_engine_table(config(folder, **changes), "e.toml")
    with pytest.raises(BadInput, match=message):
        Engine(file)


def test_a_catalog_that_was_not_measured_here_names_the_remedy(folder: Path) -> None:
    with pytest.raises(CatalogError, match=r"profiles/attic.json: missing .*mcdnn catalog profile"):
        Engine(config(folder, device={"measured_on": "attic"}))


def test_a_damaged_catalog_is_named(tmp_path: Path) -> None:
    folder = build_catalog(tmp_path)
    part = next((folder / "parts").iterdir())
    part.write_bytes(b"damaged")
    with pytest.raises(CatalogError, match=part.name):
        Engine(config(folder))


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan")])
def test_a_duration_must_be_positive(folder: Path, duration_s: float) -> None:
    with pytest.raises(BadInput, match=r"duration_s = .*: expected a positive number"):
        Engine(config(folder)).run(source(), duration_s)


def test_without_a_source_the_remedy_is_told(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"config: no source: add a \[\[source\]\]"):
        Engine(config(folder)).run()
