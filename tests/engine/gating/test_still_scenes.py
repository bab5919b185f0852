"""Frames are passed over once every app has had its answer about what is to be seen, and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.frames import Frame, UInt8
from engine.gating.motion_gate import GateSettings
from engine.gating.still_scenes import NO_GATE, StillScenes
from engine.rates import RateGates
from engine.scheduling.problem import App
from tests.engine.media import picture, result, unserved

WHO = App("who", "identity", "digit")
SELDOM = App("seldom", "parity", "digit", 0.0, 0.5)


class Watch:
    """A gated source at ten frames a second, whose every window is answered at once."""

    def __init__(self, *apps: App, refresh_s: float = 10.0) -> None:
        self.gate = StillScenes(["clip"], GateSettings(refresh_s=refresh_s))
        self.asking = RateGates(apps)
        self.frames = 0
        self.served = True

    def see(self, pixels: UInt8, windows: int = 1) -> bool:
        """Show a frame; tell whether it was looked at."""
        shown = Frame("clip", self.frames, self.frames / 10.0, pixels, 0.0)
        self.frames += 1
        if self.gate.passes_over(shown, self.asking):
            self.gate.passed_over(shown, self.asking, compared_j=0.001)
            return False
        self.gate.looked(shown, {"digit": windows}, compared_j=0.001, searched_j=0.01)
        for _ in range(windows):
            due = self.asking.due("digit", shown.t_s, "clip")
            self.gate.asked("clip", due)
            answer = result if self.served else unserved
            self.gate.answered([answer(shown.index, app=app, energy_j=0.1) for app in due])
        return True

    def looked_at(self, shown: Callable[[int], UInt8], frames: int, windows: int = 1) -> list[int]:
        return [self.frames - 1 for i in range(frames) if self.see(shown(i), windows)]


def warm(*apps: App, refresh_s: float = 10.0) -> Watch:
    """A watch that has seen a still place for two seconds."""
    watch = Watch(*apps, refresh_s=refresh_s)
    assert watch.looked_at(lambda _: picture(50), 20) == list(range(20))
    return watch


def test_a_still_scene_is_looked_at_again_only_to_refresh() -> None:
    watch = warm(WHO, refresh_s=9.95)
    assert watch.looked_at(lambda _: picture(50), 250) == [119, 219]


def test_a_change_is_looked_at_when_it_comes() -> None:
    watch = warm(WHO)
    shown = picture(50)
    other = shown.copy()
    other[10:30, 10:30] = 200
    assert watch.looked_at(lambda i: other if i >= 10 else shown, 40) == [30]


def test_an_app_that_is_not_due_when_something_changes_is_asked_when_it_is() -> None:
    watch = warm(SELDOM)  # asked at 0 s, and at 2 s again
    other = picture(50).copy()
    other[10:30, 10:30] = 200
    assert watch.looked_at(lambda _: other, 10) == [20]  # due by chance
    again = picture(50)
    assert watch.looked_at(lambda _: again, 30) == [30, 40]  # seen to change, and asked two seconds later


def test_nobody_waits_for_windows_that_are_not_there() -> None:
    watch = warm(SELDOM)
    again = np.roll(np.kron(np.eye(48, 64), 1)[..., None] * 200.0, 3).astype(np.uint8).repeat(3, axis=2)
    assert watch.looked_at(lambda _: again, 50, windows=0) == [20]


def test_who_was_not_served_asks_again_but_not_for_ever() -> None:
    watch = warm(WHO)
    watch.served = False
    other = picture(50).copy()
    other[10:30, 10:30] = 200
    assert watch.looked_at(lambda _: other, 20) == [20, 21, 22, 23]


def test_a_new_app_gets_its_answer_at_once() -> None:
    watch = warm(WHO)
    assert not watch.see(picture(50))
    watch.asking.set_apps([WHO, replace(WHO, name="new")])
    assert watch.see(picture(50))
    assert not watch.see(picture(50))


def test_what_is_passed_over_is_counted_with_what_it_saves() -> None:
    watch = warm(WHO, SELDOM)
    assert watch.looked_at(lambda _: picture(50), 51) == [20]  # the app that asks seldom is due
    figures = watch.gate.figures
    assert figures.frames == {"clip": 50}
    assert figures.requests == pytest.approx(50 * (1.0 + 0.5 * 0.1))
    # searching took 10 mJ and an answer 0.1 J; all 71 frames were compared at 1 mJ
    assert figures.saved_j == pytest.approx(50 * 0.01 - 71 * 0.001 + figures.requests * 0.1)


def test_where_comparing_takes_more_than_it_saves_frames_are_not_compared() -> None:
    gate, asking = StillScenes(["clip"], GateSettings()), RateGates([WHO])
    passed = []
    for i in range(2400):
        shown = Frame("clip", i, i / 10.0, picture(50), 0.0)
        if gate.passes_over(shown, asking):
            passed.append(i)
            gate.passed_over(shown, asking, compared_j=0.02)
        else:
            gate.looked(shown, {"digit": 1}, compared_j=0.02, searched_j=0.01)
            gate.asked("clip", asking.due("digit", shown.t_s, "clip"))
            gate.answered([result(i, energy_j=0.005)])
    assert passed[0] == 20
    assert not any(200 <= i < 2200 for i in passed)
    assert passed[-1] == 2399
    assert gate.figures.saved_j < 0.0


def test_a_source_that_is_not_gated_is_always_looked_at() -> None:
    gate, asking = StillScenes(["other"], GateSettings()), RateGates([WHO])
    for i in range(40):
        shown = Frame("clip", i, i / 10.0, picture(50), 0.0)
        assert not gate.passes_over(shown, asking)
        assert not NO_GATE.passes_over(shown, asking)
        gate.looked(shown, {"digit": 1}, 0.0, 0.01)
    assert gate.figures.total_frames == NO_GATE.figures.total_frames == 0
