"""An engine and a real server on loopback: windows are answered there, or by the device in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.backends.table import open_backend
from catalog.store import open_catalog
from cloud.hosting import HostedCatalog
from engine.frames import Frame, TruthWindow
from engine.results import Result
from engine.sources.frame_list import FrameList
from mcdnn.engine import Engine
from tests.catalog_builder import build_catalog
from tests.cloud.loopback import Loopback, loopback
from tests.engine.media import frame

LIMIT_S = 10.0
WHO = {"name": "who", "task": "identity", "latency_limit_s": 2.0}
ODD = {"name": "odd", "task": "parity", "latency_limit_s": 2.0}
TRUTH = (TruthWindow((0, 0, 64, 48), {"identity": "7", "parity": "odd"}),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Loopback]:
    host = HostedCatalog(open_catalog(folder), open_backend("onnxruntime"), 1e9, 64)
    with loopback(host) as running:
        yield running
    host.close()


def config(folder: Path, server: Loopback, **changes: Any) -> dict[str, Any]:
    """Whatever can be asked of the cloud is; windows are whole frames."""
    known = {
        "catalog": str(folder),
        "policy": "server-first",
        "cloud": {"endpoint": str(server.endpoint)},
        "extractor": {"digit": "whole-frame"},
        "app": [WHO, ODD],
    }
    return known | changes


def has_cloud(engine: Engine) -> bool:
    return any(o.needs_cloud for own in engine.problem.options.values() for o in own)


class Camera:
    """Frames until something is true, and then some more."""

    def __init__(self, until: Callable[[], bool], more: int) -> None:
        self.before = 0
        self.source = FrameList(self._frames(until, more), "camera")

    def _frames(self, until: Callable[[], bool], more: int) -> Iterator[Frame]:
        ends_s = time.monotonic() + LIMIT_S
        while not until():
            assert time.monotonic() < ends_s
            yield self._frame(self.before)
            self.before += 1
            time.sleep(0.01)
        for index in range(more):
            yield self._frame(self.before + index)

    def _frame(self, index: int) -> Frame:
        return replace(frame(index), truth=TRUTH)


def run(engine: Engine, more: int = 20) -> tuple[list[Result], list[Result], Any]:
    """Run until the cloud is offered and then some more; return results without and with it, and the end."""
    results: list[Result] = []
    camera = Camera(lambda: engine._latest_run is not None and has_cloud(engine), more)
    end = engine.on_result(results.append).run(camera.source)
    late = [r for r in results if int(r.window.split(".")[0]) >= camera.before + 5]
    return results, late, end


def test_windows_are_answered_by_the_cloud_as_by_the_device(folder: Path, server: Loopback) -> None:
    engine = Engine(config(folder, server))
    results, late, end = run(engine)
    assert [r.window for r in results] == sorted(
        (r.window for r in results), key=lambda w: int(w.split(".")[0])
    )
    assert {r.place for r in late} == {"cloud"}
    assert {r.app for r in late} == {"who", "odd"}
    assert all(r.served and r.latency_s is not None and r.latency_s > 0.0 for r in late)
    here = {(r.app, r.variant): r.answer for r in results if r.place == "device"}
    alone = Engine(config(folder, server, cloud=None, policy="original")).on_result(results.append)
    alone.run(FrameList([frame(i) for i in range(3)]))
    here |= {(r.app, r.variant): r.answer for r in results if r.place == "device"}
    assert {here[r.app, r.variant] for r in late} == {r.answer for r in late}
    figures = end.standing.cloud
    assert figures.sent == figures.answered == sum(r.place == "cloud" for r in results)
    assert {a.app: a.places.get("cloud") for a in end.apps} == {
        "who": figures.sent // 2,
        "odd": figures.sent // 2,
    }
