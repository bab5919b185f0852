"""Where a search looks next, and when it stops a training, on made-up figures."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.compiler.early_stopping import MARGIN, StoppedEarly, StopRule, stop_rule, watched
from catalog.compiler.front_gaps import Known, Tried, choose
from catalog.compiler.predicted_costs import CostPredictor
from catalog.compiler.search_space import Combination, search_space
from catalog.training.schedule import Progress
from tests.tiny_compile import tiny_request

SPACE = search_space(tiny_request(("scale", "lowrank", "int8")))
BASE = SPACE[0].base
FULL_COST = np.log([1e7, 1e6])


def combination(name: str) -> Combination:
    return next(c for c in SPACE if c.candidate.name == name)


def predicted(name: str) -> Tried:
    predict = CostPredictor(SPACE, {BASE: FULL_COST})
    return Tried(predict(combination(name)), 0.9)


def test_the_full_size_comes_first() -> None:
    choice = choose(SPACE, Known({}, (), ()), seed=1)
    assert choice is not None
    assert choice.combination.candidate.name == BASE


def test_the_next_trunk_is_far_from_those_on_the_front() -> None:
    full = {BASE: Tried(FULL_COST, 0.99)}
    small = choose(SPACE, Known(full, (), ()), seed=1)
    assert small is not None
    name = small.combination.candidate.name
    both = {**full, name: Tried(small.cost, 0.98)}
    between = choose(SPACE, Known(both, (), ()), seed=1)
    assert between is not None
    assert small.cost[0] < between.cost[0] < FULL_COST[0]


def test_a_gap_where_accuracy_is_lost_is_filled_later() -> None:
    full = {BASE: Tried(FULL_COST, 0.99)}
    smallest = choose(SPACE, Known(full, (), ()), seed=1)
    assert smallest is not None
    name = smallest.combination.candidate.name
    useful = choose(SPACE, Known({**full, name: Tried(smallest.cost, 0.97)}, (), ()), seed=1)
    useless = choose(SPACE, Known({**full, name: Tried(smallest.cost, 0.12)}, (), ()), seed=1)
    assert useful is not None
    assert useless is not None
    assert useless.cost[0] > useful.cost[0]


def test_what_a_technique_starts_from_is_finished_first() -> None:
    known = Known({BASE: Tried(FULL_COST, 0.99)}, (), ())
    choice = choose(SPACE, known, seed=1)
    assert choice is not None
    assert set(choice.combination.candidate.after) <= {BASE}


def test_nothing_is_left_when_all_is_tried() -> None:
    known = Known({}, [c.candidate.name for c in SPACE], ())
    assert choose(SPACE, known, seed=1) is None


def test_a_technique_that_keeps_less_is_expected_to_cost_less() -> None:
    costs = [predicted(f"{BASE}-lowrank{kept}").cost for kept in ("35", "", "70")]
    assert costs[0][0] < costs[1][0] < costs[2][0] < FULL_COST[0]


def rule_for(cheaper_reached: float, curve_epochs: int = 4) -> StopRule | None:
    cheaper = "convnet-w50-d100-r16"
    known = Known({BASE: Tried(FULL_COST, 0.99), cheaper: predicted(cheaper)}, (), ())
    choice = choose([combination(BASE), combination(cheaper), combination("convnet-w75-d100-r16")], known, 1)
    assert choice is not None
    curves = {cheaper: [cheaper_reached] * curve_epochs, BASE: [0.99] * curve_epochs}
    return stop_rule(SPACE, choice, known, curves)


def test_a_training_is_held_against_a_cheaper_one_of_its_kind() -> None:
    rule = rule_for(cheaper_reached=0.8)
    assert rule == StopRule(0.8 - MARGIN, "convnet-w50-d100-r16")


def test_a_training_that_is_behind_at_half_its_epochs_is_stopped_by_name() -> None:
    seen: list[int] = []
    report = watched(lambda progress: seen.append(progress.epoch), StopRule(0.7, "small"))
    report(Progress(1, 4, 1.0, 0.1))
    with pytest.raises(StoppedEarly, match=r"epoch 2 of 4.*0\.600.*0\.750 for small"):
        report(Progress(2, 4, 1.0, 0.6))
    assert seen == [1, 2]


def test_a_training_that_keeps_up_is_not_stopped() -> None:
    report = watched(lambda _: None, StopRule(0.7, "small"))
    for epoch in range(1, 5):
        report(Progress(epoch, 4, 1.0, 0.71 if epoch == 2 else 0.0))
