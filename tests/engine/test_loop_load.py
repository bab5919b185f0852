"""What is left for models: checked with clocks that are set by hand."""

from __future__ import annotations

import math

import pytest

from catalog.errors import MeterFailed
from engine.clocks import Clocks
from engine.loop_load import NOT_TIMED, LoopLoad
from engine.processor_use import ProcessorUse
from engine.whole_machine import WholeMachine


class Machine:
    """A loop on a machine of which it gets a share."""

    def __init__(self, gets: float = 1.0) -> None:
        self.gets = gets
        self.now = self.busy_s = 100.0
        self.load = LoopLoad(Clocks(lambda: self.now, lambda: self.busy_s))

    def works(self, busy_s: float) -> None:
        self.busy_s += busy_s
        self.now += busy_s / self.gets

    def waits(self, seconds: float) -> None:
        self.load.waits()
        self.now += seconds
        self.busy_s += 1e-3 * seconds  # waiting takes a little, too, and is none of the loop's work
        self.load.goes_on()

    def frames(
        self, count: int, beside_s: float, model_s: float, idle_s: float = 0.0, needed: float = 1.0
    ) -> None:
        for _ in range(count):
            self.waits(idle_s)
            self.load.took(needed)
            self.works(beside_s)
            self.load.ran(model_s)
            self.works(model_s)


def test_nothing_is_known_without_a_beginning_and_of_few_frames() -> None:
    machine = Machine()
    machine.frames(50, 0.01, 0.01)
    assert machine.load.carried() == math.inf
    machine.load.begin()
    machine.frames(19, 0.01, 0.01)
    assert machine.load.carried() == math.inf
    machine.frames(19, 0.01, 0.01)
    assert machine.load.carried() < 1.0


@pytest.mark.parametrize(("model_s", "idle_s"), [(0.001, 0.089), (0.05, 0.04), (0.09, 0.0)])
def test_what_frames_take_beside_their_models_is_not_there_for_models(model_s: float, idle_s: float) -> None:
    machine = Machine()
    machine.load.begin()
    machine.frames(100, 0.01, model_s, idle_s)  # ten a second: a tenth of the time
    assert machine.load.carried() == pytest.approx(0.9 - 0.1)


def test_of_a_processor_that_others_use_there_is_only_a_share() -> None:
    machine = Machine(gets=0.5)
    machine.load.begin()
    machine.frames(100, 0.005, 0.02, idle_s=0.05)
    assert machine.load.carried() == pytest.approx(0.45 - 0.05)


def test_frames_that_nobody_took_would_have_taken_their_time_too() -> None:
    machine = Machine()
    machine.load.begin()
    machine.frames(100, 0.01, 0.09, needed=2.0)  # all the time for half of them
    assert machine.load.carried() == pytest.approx(0.9 - 0.2)


def test_frames_that_no_app_needs_take_nothing_from_models() -> None:
    machine = Machine()
    machine.load.begin()
    machine.frames(100, 0.09, 0.01, needed=0.1)  # ten a second, and one of them is asked about
    assert machine.load.carried() == pytest.approx(0.9 - 0.09)


def test_a_slow_camera_is_measured_too() -> None:
    machine = Machine(gets=0.5)
    machine.load.begin()
    for _ in range(6):
        machine.load.carried()
        machine.frames(4, 0.01, 0.5, idle_s=0.23)  # 0.8 a second
    assert machine.load.carried() == pytest.approx(0.45 - 0.008)


def test_after_a_long_pause_it_is_measured_anew() -> None:
    machine = Machine(gets=0.5)
    machine.load.begin()
    machine.frames(100, 0.01, 0.05)
    assert machine.load.carried() == pytest.approx(0.45 - 1.0 / 12.0)
    machine.gets = 1.0
    machine.waits(3600.0)
    machine.load.carried()
    machine.frames(10, 0.01, 0.05, idle_s=0.04)
    assert machine.load.carried() == pytest.approx(0.9 - 0.1)


def test_what_is_not_timed_knows_nothing_whoever_begins() -> None:
    NOT_TIMED.begin()
    for _ in range(50):
        NOT_TIMED.took(1.0)
    assert NOT_TIMED.carried() == math.inf


def test_no_less_than_nothing_is_left() -> None:
    machine = Machine(gets=0.3)
    machine.load.begin()
    machine.frames(100, 0.1, 0.01)
    assert machine.load.carried() == 0.0


def test_what_changes_is_followed_within_some_seconds() -> None:
    machine = Machine()
    machine.load.begin()
    machine.frames(1000, 0.01, 0.05, idle_s=0.04)
    before = machine.load.carried()
    machine.gets = 0.5
    for _ in range(9):
        machine.frames(50, 0.01, 0.02, idle_s=0.04)
        machine.load.carried()
    assert before == pytest.approx(0.8)
    assert machine.load.carried() == pytest.approx(0.45 - 0.1, abs=0.02)


class Crowd:
    """A machine of four cores, whose use is set by hand; the loop itself never lacks time."""

    def __init__(self) -> None:
        self.now = self.machine_s = self.own_s = 0.0
        self.fails = False
        self.load = LoopLoad(Clocks(lambda: self.now, lambda: self.now), WholeMachine(4, self._use))
        self.load.begin()

    def carried_after(self, others: float, decoders: float, models: float) -> float:
        """Go on for a minute with so many cores busy."""
        for _ in range(600):
            self.load.waits()
            self.now += 0.1 - 0.1 * models
            self.load.goes_on()
            self.load.took(1.0)
            self.load.ran(0.1 * models)
            self.now += 0.1 * models
            self.own_s += 0.1 * (decoders + models)
            self.machine_s += 0.1 * (others + decoders + models)
        return self.load.carried()

    def _use(self) -> ProcessorUse:
        if self.fails:
            raise MeterFailed("hidden")
        return ProcessorUse(self.machine_s, self.own_s)


@pytest.mark.parametrize(
    ("others", "decoders", "carried"),
    [
        (0.0, 1.0, 0.9),  # more is left of the machine than the loop can use
        (0.0, 3.0, 0.4),
        (1.0, 2.0, 0.4),
        (3.9, 0.0, 0.9),  # others take what is left, but they would have to give half of it back
        (0.0, 3.9, 0.0),
    ],
)
def test_what_decoders_and_others_use_of_the_machine_is_left_to_them(
    others: float, decoders: float, carried: float
) -> None:
    assert Crowd().carried_after(others, decoders, models=0.3) == pytest.approx(carried)


def test_a_machine_that_tells_no_longer_what_is_used_limits_nothing() -> None:
    crowd = Crowd()
    assert crowd.carried_after(0.0, 3.0, 0.3) == pytest.approx(0.4)
    crowd.fails = True
    assert crowd.carried_after(0.0, 3.0, 0.3) == pytest.approx(0.9)
