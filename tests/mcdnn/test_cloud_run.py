"""An engine and a real server on loopback: windows are answered there, or by the device in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import scipy.optimize  # noqa: F401 - loading it in mid-run takes seconds on a busy machine

from catalog.backends.table import open_backend
from catalog.store import Catalog, open_catalog
from cloud.hosting import HostedCatalog
from cloud.link_conditions import Cut, LinkConditions
from cloud.offloading import CloudOffload
from cloud.shaper import shaped
from cloud.tree_run import BatchResult, Job
from engine.frame_results import FrameResults
from engine.frames import Frame, TruthWindow
from engine.ledger import Category
from engine.reachable_cloud import ReachableCloud
from engine.results import Result
from engine.scheduling.decision_replay import DecisionLogReader, replay
from engine.scheduling.policies.table import make_policy
from engine.scheduling.unserved import CLOUD_SILENT
from engine.snapshot import Snapshot
from engine.sources.frame_list import FrameList
from engine.window_groups import Asked
from mcdnn.engine import Engine
from tests.catalog_builder import build_catalog
from tests.cloud.loopback import Loopback, loopback
from tests.engine.media import frame
from tests.engine.rig import Scripted, make_rig, on_trunks, window
from tests.engine.test_cloud_answering import Asks

PATIENCE_S = 10.0
WHO = {"name": "who", "task": "identity", "latency_limit_s": 5.0}
ODD = {"name": "odd", "task": "parity", "latency_limit_s": 5.0}
TRUTH = (TruthWindow((0, 0, 64, 48), {"identity": "7", "parity": "odd"}),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


class GatedCatalog(HostedCatalog):
    """A catalog whose batches wait at a gate, so that a test decides when the server answers."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog, open_backend("onnxruntime"), 1e9, 64)
        self.gate = threading.Event()
        self.gate.set()

    def is_ready(self, job: Job) -> bool:
        return False  # what waits at a gate would hold up the event loop

    def run(self, jobs: Sequence[Job]) -> BatchResult:
        assert self.gate.wait(PATIENCE_S)
        return super().run(jobs)


@pytest.fixture
def host(folder: Path) -> Iterator[GatedCatalog]:
    host = GatedCatalog(open_catalog(folder))
    yield host
    host.close()


@pytest.fixture
def server(host: GatedCatalog) -> Iterator[Loopback]:
    with loopback(host) as running:
        yield running
        host.gate.set()


def config(folder: Path, server: Loopback, **changes: Any) -> dict[str, Any]:
    """Whatever can be asked of the cloud is; windows are whole frames."""
    cloud = {"endpoint": str(server.endpoint), **changes.pop("cloud", {})}
    known = {
        "catalog": str(folder),
        "policy": "server-first",
        "cloud": cloud,
        "extractor": {"digit": "whole-frame"},
        "app": [WHO, ODD],
    }
    return known | changes


class Run:
    """A run whose camera gives frames until a test lets it go on to the next step.

    Args:
        steps: each is waited for with frames coming, and tells whether it is reached.
        more: frames after the last of them.
        every_s: between two frames before.
    """

    def __init__(
        self, engine: Engine, *steps: Callable[[Run], bool], more: int = 20, every_s: float = 0.01
    ) -> None:
        self.engine = engine
        self.results: list[Result] = []
        self.began: list[int] = []  # the first frame after each step
        self._steps = steps
        self._more = more
        self._every_s = every_s
        self.end: Snapshot = engine.on_result(self.results.append).run(FrameList(self._frames(), "camera"))

    def _frames(self) -> Iterator[Frame]:
        index = 0
        for step in self._steps:
            ends_s = time.monotonic() + PATIENCE_S
            while not step(self):
                assert time.monotonic() < ends_s, "a step was not reached"
                yield replace(frame(index), truth=TRUTH)
                index += 1
                time.sleep(self._every_s)
            self.began.append(index)
        for further in range(index, index + self._more):
            yield replace(frame(further), truth=TRUTH)

    def places(self, last: int) -> set[str | None]:
        """Where the latest results came from."""
        return {r.place for r in self.results[-last:]}

    @property
    def since(self) -> list[Result]:
        """Results about frames after the last step."""
        return [r for r in self.results if int(r.window.split(".")[0]) >= self.began[-1]]


def offered(run: Run) -> bool:
    return any(o.needs_cloud for own in run.engine.problem.options.values() for o in own)


def in_cloud(run: Run) -> bool:
    return run.places(6) == {"cloud"}


def at_device(run: Run) -> bool:
    return run.places(6) == {"device"}


def order(results: Sequence[Result]) -> list[tuple[int, str]]:
    return [(int(r.window.split(".")[0]), r.app) for r in results]


def test_the_cloud_answers_as_the_device_does(folder: Path, server: Loopback) -> None:
    run = Run(Engine(config(folder, server)), in_cloud)
    assert {r.place for r in run.since} == {"cloud"}
    assert all(r.served and r.latency_s is not None and r.latency_s > 0.0 for r in run.since)
    frames = run.end.frames
    assert order(run.results) == [(i, app) for i in range(frames) for app in ("who", "odd")]
    alone = config(folder, server, policy="original")
    here: list[Result] = []
    Engine({k: v for k, v in alone.items() if k != "cloud"}).on_result(here.append).run(
        FrameList([frame(r) for r in range(run.began[0], run.end.frames)])
    )
    told = {(r.window, r.app): (r.variant, r.answer) for r in here}
    assert all(told[r.window, r.app] == (r.variant, r.answer) for r in run.since)
    figures = run.end.standing.cloud
    assert figures.sent == figures.answered == sum(r.place == "cloud" for r in run.results)
    assert sum(a.places["cloud"] for a in run.end.apps) == figures.sent


def test_what_is_sent_and_run_is_paid_for(folder: Path, server: Loopback) -> None:
    prices = {"usd_per_s": 2.0, "usd_per_byte": 1e-6, "processor_s": 0.0005}
    run = Run(Engine(config(folder, server, cloud=prices)), in_cloud)
    away = [r for r in run.results if r.place == "cloud"]
    assert all(r.cost_usd > 1e-6 * 16 * 16 * 3 / 2 for r in away)
    lines = {line.category: line for line in run.end.standing.spent}
    assert lines[Category.RADIO].cost_usd == pytest.approx(sum(r.cost_usd for r in away))
    calls_j = 6.0 * 0.0005 * len(away) / 2
    assert lines[Category.RADIO].energy_j + calls_j == pytest.approx(sum(r.energy_j for r in away))
    assert lines[Category.EXECUTION].energy_j > calls_j
    assert lines[Category.RADIO].origin == "modelled"


def test_what_is_too_large_for_the_device_runs_in_the_cloud(folder: Path, server: Loopback) -> None:
    """Of the device's memory the smallest model takes nearly all: it stands by."""
    budget = {"memory_mb": 0.005}
    run = Run(Engine(config(folder, server, policy="paced", budget=budget)), in_cloud)
    assert {r.variant for r in run.results if r.place == "cloud"} <= {"wide/identity", "wide/parity"}
    assert {r.variant for r in run.results if r.place == "device"} <= {"small/identity", "small/parity"}
    assert 0 < run.end.standing.memory.peak_bytes <= 5000


def test_a_silent_server_is_answered_for_by_the_device(
    folder: Path, server: Loopback, host: GatedCatalog
) -> None:
    def silent(run: Run) -> bool:
        if in_cloud(run):
            host.gate.clear()
        return not host.gate.is_set()

    run = Run(Engine(config(folder, server, app=[WHO, ODD])), silent, more=5)
    frames = run.end.frames
    assert order(run.results) == [(i, app) for i in range(frames) for app in ("who", "odd")]
    stood_in = [r for r in run.since if r.place == "device"]
    assert stood_in
    assert {r.reason for r in stood_in} == {CLOUD_SILENT}
    assert all(r.served for r in run.results)
    figures = run.end.standing.cloud
    assert figures.stood_in >= len(stood_in)
    assert (figures.lost, figures.sent) == (0, figures.answered + figures.stood_in)


def test_a_server_that_goes_and_comes_back_is_followed(folder: Path, host: GatedCatalog) -> None:
    first: list[AbstractContextManager[Loopback]] = [loopback(host)]
    server = first[0].__enter__()

    def gone(run: Run) -> bool:
        if in_cloud(run) and first:
            first.pop().__exit__(None, None, None)
        return not first and at_device(run)

    def back(run: Run) -> bool:
        if not first:
            first.append(loopback(host, listen=server.endpoint))
            first[0].__enter__()
        return in_cloud(run)

    run = Run(Engine(config(folder, server)), gone, back)
    first.pop().__exit__(None, None, None)
    frames = run.end.frames
    assert order(run.results) == [(i, app) for i in range(frames) for app in ("who", "odd")]
    assert all(r.answer is not None for r in run.results)


def test_a_cut_link_costs_quality_and_nothing_else(folder: Path, server: Loopback) -> None:
    with shaped(server.endpoint) as link:

        def cut(run: Run) -> bool:
            if in_cloud(run):
                link.change(LinkConditions(cut=Cut.STALL))
            return at_device(run)

        def back(run: Run) -> bool:
            link.change(LinkConditions())
            return in_cloud(run)

        engine = Engine(config(folder, server, cloud={"endpoint": str(link.endpoint)}))
        run = Run(engine, cut, back, more=5, every_s=0.05)
    frames = run.end.frames
    assert order(run.results) == [(i, app) for i in range(frames) for app in ("who", "odd")]
    assert all(r.answer is not None for r in run.results)


def test_a_split_network_answers_as_the_device_does(folder: Path, server: Loopback) -> None:
    catalog = open_catalog(folder)
    about = window()
    with CloudOffload(server.endpoint) as offload:
        assert offload.wait_connected(PATIENCE_S)
        policy = Asks({"who": "small", "odd": "small"}, split=True)
        rig = make_rig(catalog, policy, cloud=ReachableCloud(offload))
        rig.answerer.plan(0.0)
        split = FrameResults(about.frame)
        rig.answerer.answer(Asked(about, ["who", "odd"], 0.0, rig.clock.now_s, split))
        rig.answerer.wait(PATIENCE_S)
        rig.answerer.attend(0.0)
    whole = make_rig(catalog, Scripted(on_trunks(catalog, who="small", odd="small"))).ask()
    assert [(r.place, r.app, r.answer) for r in split.results] == [("split", r.app, r.answer) for r in whole]
    confidence = [r.confidence for r in split.results]
    assert confidence == pytest.approx([r.confidence for r in whole], abs=1e-2)  # half precision


def test_decisions_about_a_cloud_can_be_replayed(folder: Path, server: Loopback, tmp_path: Path) -> None:
    engine = Engine(config(folder, server, policy="paced", budget={"memory_mb": 0.005}))
    run = Run(engine.log_decisions(tmp_path / "log.jsonl"), in_cloud)
    assert run.end.standing.cloud.sent > 0
    log = DecisionLogReader(tmp_path / "log.jsonl")
    replayed = replay(log, partial(make_policy, "paced"))
    assert (replayed.differing, replayed.choices) == (0, run.end.frames)
