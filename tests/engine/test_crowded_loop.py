"""What the default policy makes of a loop that has more to do than time: on clocks that are set by hand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from catalog.store import Catalog
from engine.clocks import Clocks
from engine.frame_results import FrameResults
from engine.frames import Frame
from engine.loop_load import LoopLoad
from engine.pipeline import Pipeline
from engine.rates import RateGates
from engine.results import Result
from engine.scheduling.problem import App
from engine.summary import Summary
from engine.window_finding import WindowFinder
from engine.window_groups import Asked
from engine.window_results import unserved
from tests.engine.rig import PROFILE, WHO, OneBox, Rig, Scripted, make_rig, on_trunks, still


@dataclass
class Camera:
    """Frames by the clock of a rig, of which the last four wait."""

    rig: Rig
    fps: float
    length_s: float
    live: bool = True
    _index: int = field(default=0, init=False)

    def get(self, timeout_s: float | None = None) -> Frame | None:
        newest = int(self.rig.clock.now_s * self.fps)
        oldest = max(self._index, newest - 3)
        if oldest >= self.fps * self.length_s:
            return None
        missed, self._index = oldest - self._index, oldest + 1
        self.rig.clock.now_s = max(self.rig.clock.now_s, oldest / self.fps)
        at_s = oldest / self.fps
        return replace(still(oldest, self.fps), t_s=at_s, captured_s=at_s, missed=missed)

    def more(self) -> Frame | None:
        return None

    def put_back(self, frame: Frame) -> None:
        self._index = frame.index

    def take_busy_s(self) -> float:
        return 0.0

    def wake(self) -> None:
        pass


@dataclass
class Kept:
    results: list[Result] = field(default_factory=list)

    def accept(self, frame: Frame, results: list[Result]) -> None:
        self.results += results

    def close(self) -> None:
        pass


class AnsweredLater:
    """An answerer whose answers come while somebody waits for them, and not before."""

    def __init__(self, rig: Rig, after_s: float) -> None:
        self._rig = rig
        self._after_s = after_s
        self._open: list[FrameResults] = []
        self.waited_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rig.answerer, name)

    def answer(self, asked: Asked) -> None:
        asked.into.expect(unserved(asked.window, WHO, "under way"))
        self._open.append(asked.into)

    def wait(self, most_s: float) -> None:
        self._rig.clock.now_s += self._after_s
        self.waited_s += self._after_s
        for into in self._open:
            into.fill(0, into.results[0])
        self._open.clear()

    def attend(self, now: float) -> bool:
        return True


def run(
    rig: Rig, camera: Camera, apps: tuple[App, ...], finding_s: float, answerer: Any = None
) -> list[Result]:
    kept = Kept()
    Pipeline(
        camera,
        WindowFinder({"digit": OneBox(rig.clock, finding_s)}),
        rig.answerer if answerer is None else answerer,
        RateGates(apps),
        rig.ledger,
        PROFILE,
        kept,
        Summary(),
        clocks=rig.clocks,
        load=rig.load,
    ).run(threading.Event(), camera.length_s)
    return kept.results


def test_frames_that_come_more_often_than_apps_ask_take_nothing_from_their_models(
    built_catalog: Catalog,
) -> None:
    apps = (replace(WHO, wanted_hz=300.0),)
    rig = make_rig(built_catalog, "paced", apps, period_s=100.0, timed=True)
    results = run(rig, Camera(rig, fps=2000.0, length_s=20.0), apps, finding_s=0.5e-3)  # all of the time
    assert len(results) == pytest.approx(6000, abs=10)
    assert {(r.variant, r.served) for r in results[100:]} == {("wide/identity", True)}


def test_what_is_loaded_once_is_none_of_what_each_frame_takes(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted(on_trunks(built_catalog, who="wide")), (WHO,), timed=True)
    run(rig, Camera(rig, fps=500.0, length_s=0.1), (WHO,), finding_s=0.0)
    assert rig.pieces.loads
    assert rig.load.carried() == pytest.approx(0.9)


def test_waiting_for_a_cloud_is_no_sign_of_others_on_the_processor(built_catalog: Catalog) -> None:
    rig = make_rig(built_catalog, Scripted({}), (WHO,))
    later = AnsweredLater(rig, after_s=1.0)
    load = LoopLoad(Clocks(rig.clock, lambda: rig.clock.now_s - later.waited_s))
    run(replace(rig, load=load), Camera(rig, fps=1000.0, length_s=3.0), (WHO,), 0.5e-3, later)
    assert later.waited_s > 0.0
    assert load.carried() > 0.9 - 0.5e-3 * 1000.0 - 0.01
