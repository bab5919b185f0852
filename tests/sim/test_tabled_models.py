from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.label_replay import Replayed, Sighting
from sim.tabled_models import TabledHead, TabledModels, expected_saving, replay_tabled
from specializer.policy import GENERIC, Active, Seen, Wanted
from specializer.specialist import Step
from tests.specializer.policies import STAKES

TWO = [Sighting(i / 10, (4, 7)[i % 2]) for i in range(3000)]


class Never:
    check_share = 0.0
    is_wary = False

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        return GENERIC

    def share(self, active: Active) -> float:
        return 0.0

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:
        return

    def forget(self) -> None:
        return


def lived(sightings: list[Sighting], seed: int = 0) -> Replayed:
    return replay_tabled(sightings, expected_saving, STAKES, 201, 1.0, np.random.default_rng(seed)).lived


def test_without_specialising_everything_is_the_generic_models() -> None:
    found = replay_tabled(TWO, lambda *_: Never(), STAKES, 201, 1.0, np.random.default_rng(0)).lived
    assert found.right == found.generic_right
    assert found.saving(28.8, 1.93) == 1.0
    assert np.mean(found.right) == pytest.approx(STAKES.generic_accuracy, abs=0.02)


def test_two_classes_are_answered_by_one_head_at_the_tabled_accuracy_and_cost() -> None:
    found = lived(TWO)
    assert sum(e.step is Step.ORDERED for e in found.events) == 1
    rates = STAKES.rates.of(2)
    assert np.mean(found.right) == pytest.approx(rates.accuracy(1.0, STAKES.generic_accuracy), abs=0.01)
    expected = 28.8 / (28.8 - STAKES.saved(rates, 1.0, 0.01))
    assert found.saving(28.8, 1.93) == pytest.approx(expected, rel=0.1)


def test_a_head_is_used_a_second_after_its_order_and_not_before() -> None:
    ordered, entered = lived(TWO).events[:2]
    assert (ordered.step, entered.step) == (Step.ORDERED, Step.ENTERED)
    assert entered.t_s == pytest.approx(ordered.t_s + 1.0, abs=0.11)


def test_the_same_seed_lives_the_same_life() -> None:
    assert lived(TWO) == lived(TWO)


def test_a_table_tells_of_one_generic_model_whether_behind_a_head_or_alone() -> None:
    models = TabledModels(replace(STAKES, generic_accuracy=0.5), 10, np.random.default_rng(0))
    head = TabledHead()
    said = []
    for class_id in [4, 7] * 20:
        models.see(class_id)
        alone = models.generic()
        assert models.behind(head) == alone == models.behind(head)
        said.append(alone.class_id == class_id)
    assert {True, False} == set(said)
