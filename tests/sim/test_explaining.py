from __future__ import annotations

from dataclasses import replace

from engine.scheduling.policies.original import Original
from engine.scheduling.policies.paced import Paced
from engine.scheduling.problem import App, Budget
from sim.explaining import explain_moment, moment_to_lines
from sim.scenario import Scenario
from sim.traces import Arrival
from tests.scheduling_problems import app, option, shared_trunks
from tests.sim.days import CONNECTED, Always, arrivals, device


def test_the_first_choice_from_the_moment_on_is_explained() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=40.0, period_s=100.0))
    asked = arrivals(*(float(i) for i in range(100)))
    (moment,) = explain_moment(Scenario("test", (device(problem, asked),)), Paced, 49.5)
    (explained,) = moment.choices
    assert (moment.device, moment.policy, explained.t_s) == ("device", "paced", 50.0)
    assert explained.plan.prices is not None and explained.plan.prices.per_j > 0.0
    assert 0.0 < explained.energy.left < 40.0
    (who,) = explained.apps
    assert len(who.options) == 3


def test_the_day_is_lived_no_longer_than_needed() -> None:
    policy = Always([option("who", "small", 0.6)])
    asked = arrivals(*(float(i) for i in range(100)))
    explain_moment(Scenario("test", (device(shared_trunks([app("who")]), asked),)), lambda _: policy, 10.0)
    assert len(policy.states) == 11


def test_every_input_type_and_every_device_is_explained_once() -> None:
    scene = replace(app("where"), input_type="scene")
    problem = shared_trunks([app("who"), scene])

    def asked(app: App, *times_s: float) -> list[Arrival]:
        return [Arrival(t, "cam", "", app.input_type, (app.name,)) for t in times_s]

    both = sorted([*asked(app("who"), 1.0, 2.0, 3.0), *asked(scene, 2.5, 3.5)], key=lambda a: a.t_s)
    scenario = Scenario(
        "test",
        (
            device(problem, both, CONNECTED, name="left"),
            device(problem, asked(app("who"), 4.0), name="right"),
        ),
    )
    left, right = explain_moment(scenario, Original, 2.0)
    assert [(e.t_s, e.input_type) for e in left.choices] == [(2.0, "digit"), (2.5, "scene")]
    assert [(e.t_s, e.input_type) for e in right.choices] == [(4.0, "digit")]
    assert moment_to_lines(left)[:3] == ["left: original", "", "at 2 s: a window of digit, connected"]


def test_after_the_last_window_there_is_nothing_to_explain() -> None:
    scenario = Scenario("test", (device(shared_trunks([app("who")]), arrivals(1.0)),))
    (moment,) = explain_moment(scenario, Original, 2.0)
    assert moment.choices == ()
    assert moment_to_lines(moment) == ["device: original", "no app asks about anything any more"]
