"""One answerer takes over from another: what is under way is answered by who was asked, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from catalog.store import Catalog
from engine.answering import Answerer
from engine.frame_results import FrameResults
from engine.load_booking import LoadBooking
from engine.offload import LinkState
from engine.reachable_cloud import NO_RADIO, ReachableCloud
from engine.scheduling.cloud_options import CloudPrices
from engine.succession import Incumbent, Succession
from engine.window_groups import Asked
from tests.engine.held_offload import HeldOffload, listing
from tests.engine.rig import ODD, WHO, Rig, Scripted, make_rig, on_trunks, window
from tests.engine.sources.served import wait_until
from tests.engine.test_cloud_answering import LIMIT_S, Asks

HURRIED = (replace(WHO, latency_limit_s=LIMIT_S), replace(ODD, latency_limit_s=LIMIT_S))


@dataclass
class Scene:
    rig: Rig
    succession: Succession
    closed: list[str]
    offload: HeldOffload

    def ask(self, index: int = 0) -> FrameResults:
        about = window(0.0, index)
        into = FrameResults(about.frame)
        self.succession.answer(Asked(about, ["who", "odd"], 0.0, self.rig.clock.now_s, into))
        return into

    def closer(self, name: str) -> Callable[[], None]:
        return lambda: self.closed.append(name)

    def successor(self, trunk: str, wanted: tuple[str, ...] = ()) -> Incumbent:
        """One at the device alone, on a trunk."""
        rig = self.rig
        options = on_trunks(rig.catalog, who=trunk, odd=trunk)
        policy = Scripted(options, resident=wanted)
        problem = replace(rig.answerer.problem, options={a: (o,) for a, o in options.items()})
        answerer = Answerer(
            rig.catalog, problem, policy, rig.ledger, rig.memory, rig.answerer._profile, rig.clocks
        )
        answerer._loads = LoadBooking(rig.memory, rig.ledger, rig.answerer._profile)
        return Incumbent(answerer, self.closer(trunk))


@pytest.fixture
def scene(built_catalog: Catalog) -> Scene:
    return made(built_catalog)


def made(catalog: Catalog, memory_bytes: float = float("inf")) -> Scene:
    """A run whose apps ask the cloud first."""
    offload = HeldOffload(LinkState(True, 0.02, offered=listing(catalog, 0.01)))
    policy = Asks({"who": "wide", "odd": "wide"})
    cloud = ReachableCloud(offload, NO_RADIO, CloudPrices())
    rig = make_rig(catalog, policy, HURRIED, cloud=cloud, memory_bytes=memory_bytes)
    rig.answerer.set_problem(rig.answerer.problem)
    closed: list[str] = []
    return Scene(
        rig, Succession(Incumbent(rig.answerer, lambda: closed.append("first")), rig.memory), closed, offload
    )


def take_over(scene: Scene, successor: Incumbent) -> list[str]:
    took: list[str] = []
    scene.succession.succeed(successor, lambda: took.append("over"), 0.0)
    scene.rig.memory.wait_for_loads()
    wait_until(lambda: not scene.rig.memory.loading)
    return took


def test_what_the_cloud_was_asked_before_is_answered_once_after(scene: Scene) -> None:
    before = scene.ask(0)
    took = take_over(scene, scene.successor("narrow"))
    scene.succession.attend(0.0)
    assert took == ["over"]
    after = scene.ask(1)
    assert [r.variant for r in after.results] == ["narrow/identity", "narrow/parity"]
    assert (before.missing, after.missing, scene.succession.awaits) == (2, 0, True)
    assert scene.closed == []
    scene.offload.answer()
    assert scene.succession.attend(0.0)
    assert (before.missing, [r.answer for r in before.results]) == (0, ["3", "3"])
    wait_until(lambda: scene.closed == ["first"])
    figures = scene.succession.cloud_figures
    assert (figures.sent, figures.answered, figures.lost) == (2, 2, 0)
    assert not scene.succession.attend(0.0)


def test_what_the_cloud_never_answers_is_answered_here_by_who_was_asked(scene: Scene) -> None:
    before = scene.ask(0)
    take_over(scene, scene.successor("small"))
    scene.succession.attend(0.0)
    scene.rig.clock.now_s = 0.49
    assert scene.succession.attend(0.0)
    assert [r.variant for r in before.results] == ["wide/identity", "wide/parity"]
    scene.succession.close()
    assert sorted(scene.closed) == ["first", "small"]


def test_the_one_before_answers_until_the_next_ones_models_are_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.offload.connect(False)
    scene.ask(0)
    loads, gate = scene.rig.pieces.load, threading.Event()

    def load(piece: str) -> object:
        gate.wait(60.0)
        return loads(piece)

    monkeypatch.setattr(scene.rig.pieces, "load", load)
    small = scene.rig.catalog.trunks["small"].parts
    took: list[str] = []
    scene.succession.succeed(scene.successor("small", small), lambda: took.append("over"), 0.0)
    scene.succession.attend(0.0)
    assert [r.variant for r in scene.ask(1).results] == ["wide/identity", "wide/parity"]
    assert took == []
    gate.set()
    scene.rig.memory.wait_for_loads()
    wait_until(lambda: not scene.rig.memory.loading)
    scene.succession.attend(0.0)
    assert took == ["over"]
    assert [r.variant for r in scene.ask(2).results] == ["small/identity", "small/parity"]
    assert scene.succession.specialised(0.0)
    assert not scene.succession.specialised(0.0)


def test_models_that_do_not_fit_beside_those_in_use_come_when_they_are_needed(
    built_catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    scene = made(built_catalog)
    scene.offload.connect(False)
    scene.ask(0)
    used = scene.rig.memory.used_bytes
    scene.rig.memory.set_limit(used)
    narrow = built_catalog.trunks["narrow"].parts
    took = take_over(scene, scene.successor("narrow", narrow))
    assert "do not fit beside those in use" in caplog.text
    scene.succession.attend(0.0)
    assert took == ["over"]
    assert all(r.served for r in scene.ask(1).results)
    assert scene.rig.memory.peak_bytes == used


def test_a_successor_that_is_overtaken_is_closed(scene: Scene) -> None:
    scene.succession.succeed(scene.successor("small"), lambda: None, 0.0)
    took = take_over(scene, scene.successor("narrow"))
    scene.succession.attend(0.0)
    assert took == ["over"]
    wait_until(lambda: "small" in scene.closed)
    assert "narrow" not in scene.closed
