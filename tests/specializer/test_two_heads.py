from __future__ import annotations

import numpy as np
import pytest

from specializer.cascade_threshold import CascadeAim, HeadAnswers, ThresholdChoice
from specializer.generic_answers import Behind
from specializer.head_candidates import OwnLabels
from specializer.two_heads import choose_two_thresholds
from tests.specializer.test_cascade_threshold import confidences

ROWS = 200
LABELS = np.repeat([0, 1, 5], [ROWS, ROWS, 2 * ROWS]).astype(np.int64)
OWN = OwnLabels.of(LABELS, (0, 1))
AIM = CascadeAim(0.8, 0.95)
CHOICE = ThresholdChoice(OWN, AIM)
# The first head knows one class and guesses the other, unsurely and wrongly, and half of others likewise;
# others are told by the second.
FIRST = confidences(*[(0, 0.95)] * ROWS, *[(0, 0.6)] * 2 * ROWS, *[(2, 0.9)] * ROWS)
SECOND = confidences(*[(0, 0.9)] * ROWS, *[(1, 0.9)] * ROWS, *[(2, 0.9)] * 2 * ROWS)


def answers(said: np.ndarray) -> HeadAnswers:
    return HeadAnswers.of(said, OWN)


def test_the_second_head_is_asked_about_what_the_first_is_unsure_of() -> None:
    alone = CHOICE.best(answers(FIRST))
    found = choose_two_thresholds(answers(FIRST), answers(SECOND), CHOICE, 0.3)
    assert 0.6 < found.first <= 0.95
    rates = found.both.rates
    assert (rates.accuracy_in, rates.in_to_other, rates.accuracy_out) == (1.0, 0.0, 1.0)
    assert (rates.second_in, rates.second_out) == (pytest.approx(0.5), pytest.approx(0.5))
    assert found.asked == pytest.approx(0.8 * 0.5 + 0.2 * 0.5)
    assert found.both.reaches
    assert alone.rates.in_to_other == pytest.approx(0.5)
    assert found.both.rank(found.asked * 0.3) < alone.rank() < found.both.rank(found.asked * 0.9)


def test_what_the_first_head_answers_surely_the_second_is_not_asked_about_even_where_it_is_wrong() -> None:
    sure_and_wrong = confidences(*[(0, 0.95)] * ROWS, *[(0, 0.999999)] * ROWS, *[(2, 0.9)] * 2 * ROWS)
    both = answers(SECOND).after(answers(sure_and_wrong), 0)
    assert both.right.tolist() == [True] * ROWS + [False] * ROWS + [True] * 2 * ROWS
    assert (both.levels[: 2 * ROWS] > answers(SECOND).levels[: 2 * ROWS]).all()


def test_what_the_first_head_calls_other_the_second_is_not_asked_about_even_where_it_knows_better() -> None:
    misses = confidences(*[(0, 0.95)] * ROWS, *[(2, 0.6)] * ROWS, *[(2, 0.9)] * 2 * ROWS)
    found = choose_two_thresholds(answers(misses), answers(SECOND), CHOICE, 0.3)
    rates = found.both.rates
    assert (rates.accuracy_in, rates.in_to_other, rates.accuracy_out) == (0.5, 0.5, 1.0)
    assert (rates.second_in, rates.second_out, found.asked) == (0.0, 0.0, 0.0)


def test_two_heads_are_judged_by_what_the_generic_model_says_behind_both() -> None:
    unsure = confidences(*[(0, 0.95)] * ROWS, *[(0, 0.6)] * 2 * ROWS, *[(2, 0.9)] * ROWS)
    helpless = confidences(*[(0, 0.9)] * ROWS, *[(2, 0.9)] * 3 * ROWS)  # passes on all that it is asked about
    alone = LABELS != 1
    behind = Behind(alone, np.ones(4 * ROWS, bool), np.zeros(4 * ROWS, bool), 1.0)
    choice = ThresholdChoice(OWN, CascadeAim(0.8, 0.6), behind)
    found = choose_two_thresholds(answers(unsure), answers(helpless), choice, 0.3)
    rates = found.both.rates
    assert (rates.accuracy_in, rates.in_to_other) == (0.5, 0.5)
    assert rates.harder_in == pytest.approx(0.5 - 1.0)
    assert found.both.reaches


def test_the_dearer_the_second_head_the_less_it_is_asked() -> None:
    rng = np.random.default_rng(3)
    sure = rng.uniform(0.4, 1.0, 2 * ROWS)
    mixed_up = (sure < 0.7) & (rng.random(2 * ROWS) < 0.3)
    wrong = [(int(a), float(s)) for a, s in zip(LABELS[: 2 * ROWS] ^ mixed_up, sure, strict=True)]
    first = confidences(*wrong, *[(2, 0.9)] * 2 * ROWS)
    lenient = ThresholdChoice(OWN, CascadeAim(0.8, 0.95, accuracy_loss=0.03))
    asked = [
        choose_two_thresholds(answers(first), answers(SECOND), lenient, cost).asked
        for cost in (0.01, 0.5, 5.0)
    ]
    assert asked == sorted(asked, reverse=True)


def test_where_no_pair_is_accurate_enough_the_most_accurate_one_is_taken() -> None:
    hopeless = ThresholdChoice(OWN, CascadeAim(0.8, 1.0))
    found = choose_two_thresholds(answers(FIRST), answers(SECOND), hopeless, 0.3)
    assert not found.both.reaches
    assert found.both.rates.accuracy_in == 1.0


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("cost", [0.01, 0.3, 5.0])
def test_no_pair_that_is_left_out_would_have_cost_less(loss: float, cost: float) -> None:
    rng = np.random.default_rng(3)
    choice = ThresholdChoice(OWN, CascadeAim(0.8, 0.95, accuracy_loss=loss))
    for _ in range(5):
        first, second = answers(as_right_as_sure(rng)), answers(as_right_as_sure(rng))
        found = choose_two_thresholds(first, second, choice, cost)
        for index in {int(level) for level in first.levels[OWN.inside] if 0 < level < first.levels.max()}:
            asked_in, asked_out = choice.shares(first.asked_after(index))
            both = choice.best(second.after(first, index))
            assert found.rank(cost) <= both.rank(cost * (0.8 * asked_in + 0.2 * asked_out))


def as_right_as_sure(rng: np.random.Generator) -> np.ndarray:
    """What a head says that is sure of its answers to one of four degrees."""
    sure = rng.permutation(np.repeat([0.5, 0.7, 0.9, 0.999], [160, 160, 160, 320]))
    told = np.where(rng.random(len(sure)) < sure, np.minimum(LABELS, 2), rng.integers(0, 3, len(sure)))
    return confidences(*zip(told.tolist(), sure.tolist(), strict=True))
