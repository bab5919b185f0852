"""Rushes: when one begins and ends, and within what its plan stays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.scheduling.configurations import RESOURCES
from engine.scheduling.fluid_program import Outlook
from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner
from engine.scheduling.policies.rush import Rush
from engine.scheduling.problem import Budget
from tests.scheduling_problems import app, shared_trunks

KIND = Kind("digit", ("who",), "", False)


class Looks:
    """A rush that is looked at every five seconds, as windows come evenly."""

    def __init__(self) -> None:
        planner = Planner(shared_trunks([app("who", wanted_hz=1.0)], Budget()))  # .8, .4, .1 s
        self.rush = Rush(planner)
        self._period = planner.mix(Outlook({KIND: 1.0}), np.full(RESOURCES, np.inf))  # .8 s a window
        self._now = 0.0
        self.rush.pass_time(self._now)

    def look(self, hz: float, carried: float = math.inf, passed_s: float = 5.0) -> bool:
        self._now += passed_s
        self.rush.add(KIND, round(passed_s * hz))
        self.rush.pass_time(self._now)
        self.rush.carries(carried)
        return self.rush.look(self._period, np.zeros(RESOURCES), None)

    @property
    def window_s(self) -> float:
        """What a window takes under the plan for the rush."""
        assert self.rush.plan is not None
        return sum(share * float(c.resources[2]) for c, share in self.rush.plan.mixes[KIND])


def test_the_first_look_knows_the_load_as_well_as_any() -> None:
    looks = Looks()
    assert looks.look(hz=2.0)
    assert 2.0 * looks.window_s == pytest.approx(0.9)


def test_what_comes_in_a_moment_is_no_rate() -> None:
    looks = Looks()
    assert not looks.look(hz=1e9, passed_s=1e-9)
    assert looks.look(hz=2.0)


@pytest.mark.parametrize("carried", [0.5, 0.3])
def test_a_rush_is_planned_within_what_was_measured_to_be_there(carried: float) -> None:
    looks = Looks()
    assert not looks.look(hz=0.8)  # .64 of .9
    assert looks.look(hz=0.8, carried=carried)
    assert 0.8 * looks.window_s == pytest.approx(carried)
    assert not looks.look(hz=0.8, carried=0.95 * carried)  # much the same
    assert looks.look(hz=0.8)
    assert looks.rush.plan is None


@pytest.mark.parametrize(("hz", "carried"), [(4.0, 0.44), (4.6, 0.5), (4.2, 0.47)])
def test_a_rush_is_planned_again_before_more_is_asked_than_there_is(hz: float, carried: float) -> None:
    looks = Looks()
    assert looks.look(hz=4.0, carried=0.5)
    for _ in range(20):
        looks.look(hz, carried)
    assert 0.9 * hz * looks.window_s < carried  # a tenth of what is there is kept back


def test_of_a_processor_that_seems_to_be_gone_something_is_used() -> None:
    looks = Looks()
    assert looks.look(hz=1.0, carried=0.0)
    assert looks.window_s == pytest.approx(0.1)
