"""Signs of life: given while the loop comes round, and not while it is stuck in a part."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.capture import SourceFigures
from engine.frames import Frame, TruthWindow
from engine.snapshot import BudgetFigures, Snapshot, Standing
from engine.sources.frame_list import FrameList
from engine.sources.protocol import SourceReport
from mcdnn.engine import Engine
from mcdnn.life_signs import LifeSigns
from mcdnn.service_manager import NotifySocket, Supervision
from mcdnn.supervised_run import SupervisedRun, status_line
from tests.catalog_builder import build_catalog
from tests.engine.media import frame
from tests.engine.sources.served import wait_until
from tests.mcdnn.notify_socket import NotifySocket as Listener

TIMEOUT_S = 60.0
SOON = 0.6  # seconds of a watchdog: signs come often


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with Listener(str(tmp_path / "notify")) as listener:
        yield listener


def test_a_sign_is_given_only_if_the_loop_came_round(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    silent_s = iter([0.0, 9.9, 10.1, 20.0, 0.5, 11.0, None])
    signs = LifeSigns(Supervision(NotifySocket(listener.address), 30.0), silent_s.__next__, lambda: "well")
    for _ in range(7):
        signs.give()
    assert listener.waiting() == 3 * [{"WATCHDOG": "1", "STATUS": "well"}]
    assert [r.getMessage().split(":")[0] for r in caplog.records] == 2 * ["the engine's loop is stuck"]


def test_without_a_watchdog_only_the_status_is_told(listener: Listener) -> None:
    signs = LifeSigns(Supervision(NotifySocket(listener.address)), lambda: 0.0, lambda: "well")
    signs.give()
    assert listener.waiting() == [{"STATUS": "well"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def engine_on(folder: Path) -> Engine:
    app = {"name": "who", "task": "identity"}
    return Engine({"catalog": str(folder), "extractor": {"digit": "whole-frame"}, "app": [app]})


def test_a_camera_that_gives_nothing_is_no_reason_to_kill(folder: Path, listener: Listener) -> None:
    gate = threading.Event()

    def silent() -> Iterator[Frame]:
        gate.wait(TIMEOUT_S)
        yield from ()

    engine = engine_on(folder)
    with SupervisedRun(Supervision(NotifySocket(listener.address), SOON), engine.silent_s) as run:
        running = threading.Thread(
            target=engine.run, args=(FrameList(silent(), live=True),), kwargs={"on_start": run.begin}
        )
        running.start()
        assert listener.next() == {"READY": "1", "STATUS": "no frame yet"}
        for _ in range(5):
            listener.until("WATCHDOG")
        gate.set()
        running.join(TIMEOUT_S)
    assert "STOPPING" in listener.waiting()[-1]


class StuckTruth(tuple[TruthWindow, ...]):
    """Holds up the loop that looks at it, as a part that never comes back would."""

    reached = threading.Event()
    freed = threading.Event()

    def __iter__(self) -> Iterator[TruthWindow]:
        self.reached.set()
        self.freed.wait(TIMEOUT_S)
        return iter(())


def test_a_loop_that_is_stuck_gives_no_sign_until_it_goes_on(
    folder: Path, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    engine, truth = engine_on(folder), StuckTruth()

    def silent_s() -> float | None:  # a slow beginning is not what is asked for
        return engine.silent_s() if truth.reached.is_set() else 0.0

    signs = LifeSigns(Supervision(NotifySocket(listener.address), 0.03), silent_s, lambda: "")
    clip = FrameList(replace(frame(i), truth=truth) for i in range(3))
    running = threading.Thread(target=engine.run, args=(clip,), kwargs={"on_start": lambda _: signs.begin()})
    running.start()
    assert truth.reached.wait(TIMEOUT_S)
    wait_until(lambda: "in __iter__" in caplog.text, TIMEOUT_S)
    listener.waiting()
    signs.give()
    assert listener.waiting() == []
    told = caplog.records[-1].getMessage()
    assert told.startswith("the engine's loop is stuck: no sign of life is given until it goes on; it is at ")
    assert re.search(r"mcdnn/test_life_signs.py:\d+ in __iter__, called from engine/\w+\.py:\d+ in ", told)
    truth.freed.set()
    running.join(TIMEOUT_S)
    signs.end()


def test_the_status_names_what_gives_nothing() -> None:
    silent = SourceFigures("door", report=SourceReport(trouble="no answer"))
    standing = Standing(
        budget=BudgetFigures(energy_j=10.0, energy_left_j=2.0, renewal="in 3 h"),
        sources=(silent, SourceFigures("yard")),
    )
    line = status_line(Snapshot(frames=1, standing=standing))
    assert line == "0 apps, - of 0 served; nothing from door; 2 J left, renewed in 3 h"
