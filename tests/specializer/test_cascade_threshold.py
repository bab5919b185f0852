from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specializer.cascade_threshold import (
    MOST_PASSED_IN,
    THRESHOLDS,
    CascadeAim,
    HeadAnswers,
    Threshold,
    ThresholdChoice,
)
from specializer.generic_answers import Behind
from specializer.head_candidates import OwnLabels

Array = np.ndarray


def choose_threshold(
    confidences: Array, rows: OwnLabels, aim: CascadeAim, behind: Behind | None = None
) -> Threshold:
    return ThresholdChoice(rows, aim, behind).best(HeadAnswers.of(confidences, rows))


def confidences(*rows: tuple[int, float]) -> Array:
    """Three classes, the last of them "other": the answer of each row and how sure it is."""
    found = np.empty((len(rows), 3), np.float32)
    for row, (answer, top) in zip(found, rows, strict=True):
        row[:] = (1.0 - top) / 2.0
        row[answer] = top
    return found


def right_head(sure: float, rows: int = 200) -> tuple[Array, OwnLabels]:
    inside = confidences(*[(0, sure)] * rows)
    outside = confidences(*[(2, sure)] * rows)
    labels = np.concatenate([np.zeros(rows), np.full(rows, 5)]).astype(np.int64)
    return np.concatenate([inside, outside]), OwnLabels.of(labels, (0,))


def test_a_head_that_is_right_passes_nothing_of_its_own_on() -> None:
    found = choose_threshold(*right_head(0.9), CascadeAim(0.9, 0.9))
    assert found.reaches
    assert (found.rates.accuracy_in, found.rates.in_to_other, found.rates.accuracy_out) == (1.0, 0.0, 1.0)
    assert found.passed_on == pytest.approx(0.1)
    assert found.shortcoming() is None


def sure_and_mistaken_unsurely(rows: int) -> tuple[Array, OwnLabels]:
    """Class 0 answered rightly and surely, then wrongly and unsurely, then class 5 as another one."""
    answers = confidences(*[(0, 0.95)] * rows, *[(1, 0.6)] * rows, *[(2, 0.9)] * rows)
    return answers, OwnLabels.of(np.repeat([0, 0, 5], rows).astype(np.int64), (0, 1))


def test_answers_that_are_sure_and_wrong_are_told_from_unsure_ones() -> None:
    rows = 100
    sure, unsure = confidences(*[(0, 0.95)] * rows), confidences(*[(1, 0.6)] * rows)
    outside = np.concatenate([confidences(*[(2, 0.9)] * rows), confidences(*[(0, 0.7)] * rows)])
    labels = np.repeat([0, 0, 5, 6], rows).astype(np.int64)
    found = choose_threshold(
        np.concatenate([sure, unsure, outside]), OwnLabels.of(labels, (0, 1)), CascadeAim(0.8, 0.9)
    )
    assert 0.7 < found.confidence <= 0.95
    assert (found.rates.accuracy_in, found.rates.in_to_other, found.rates.accuracy_out) == (0.5, 0.5, 1.0)


def test_with_few_rows_a_head_that_made_no_mistake_is_not_taken_to_make_none() -> None:
    aim = CascadeAim(0.9, 0.97)
    assert not choose_threshold(*right_head(0.9, rows=8), aim).reaches
    assert choose_threshold(*right_head(0.9, rows=200), aim).reaches


def test_what_is_hard_for_the_generic_model_too_is_not_gained_by_passing_it_on() -> None:
    rows = 100
    answers, own = sure_and_mistaken_unsurely(rows)
    easy, hard = (Behind.unmoved(np.repeat([True, right, True], rows)) for right in (True, False))
    aim = CascadeAim(0.9, 1.0, accuracy_loss=0.02)
    assert choose_threshold(answers, own, aim, easy).confidence > 0.6  # the generic model has it right
    assert choose_threshold(answers, own, aim, hard).confidence == 0.0  # nobody has it right


def told_apart(confused: Array, *clear: Array) -> tuple[Array, OwnLabels]:
    """A head for class 0 that is right and sure, class 5 as stated, and classes 6 and on."""
    groups = [confidences(*[(0, 0.95)] * 200), confused, *clear]
    labels = np.repeat([0, *range(5, 4 + len(groups))], [len(g) for g in groups]).astype(np.int64)
    return np.concatenate(groups), OwnLabels.of(labels, (0,))


def hides(class_id: int, share: str) -> str:
    """What is said of a head that hides a class."""
    return (
        f"it passes on {share} of the windows of class {class_id}, or answers them rightly: "
        "expected at least 50%"
    )


def clear(rows: int, classes: int) -> list[Array]:
    return [confidences(*[(2, 0.9)] * rows)] * classes


# Accurate enough with every one of class 5's windows wrong: one window in 50 is of other classes.
LENIENT = CascadeAim(0.98, 0.9, accuracy_loss=0.05)


def test_a_class_that_the_head_takes_for_its_own_raises_the_threshold() -> None:
    confused = confidences(*[(0, 0.9)] * 120, *[(0, 0.7)] * 80)
    found = choose_threshold(*told_apart(confused, *clear(200, 8)), LENIENT)
    assert 0.9 < found.confidence <= 0.95  # from .7 to .9 it would pass on two in five
    assert found.rates.accuracy_out == 1.0
    assert found.shortcoming() is None


def test_no_more_of_a_confused_class_is_passed_on_than_has_to_be() -> None:
    confused = confidences(*[(0, 0.9)] * 80, *[(0, 0.7)] * 120)
    found = choose_threshold(*told_apart(confused, *clear(200, 8)), LENIENT)
    assert 0.7 < found.confidence <= 0.9
    assert found.rates.accuracy_out == pytest.approx((8 + 0.6) / 9)


def test_where_no_class_is_confused_the_threshold_stays_as_low_as_accuracy_lets_it() -> None:
    hardly = confidences(*[(0, 0.9)] * 80, *[(2, 0.9)] * 120)
    assert choose_threshold(*told_apart(hardly, *clear(200, 8)), LENIENT).confidence == 0.0


def test_a_head_that_hides_a_class_at_every_threshold_says_which() -> None:
    as_sure = confidences(*[(0, 0.95)] * 150, *[(2, 0.9)] * 50)
    found = choose_threshold(*told_apart(as_sure, *clear(200, 8)), LENIENT)
    assert found.reaches
    assert found.shortcoming() == hides(5, "25.0%")


def test_a_head_is_not_thrown_away_for_what_noise_explains() -> None:
    as_sure = confidences(*[(0, 0.95)] * 108, *[(2, 0.9)] * 92)
    assert choose_threshold(*told_apart(as_sure, *clear(200, 8)), LENIENT).shortcoming() is None


@pytest.mark.parametrize(("mistaken", "raised"), [(4, False), (5, True)])
def test_five_rows_of_a_person_say_something_only_where_all_are_mistaken(mistaken: int, raised: bool) -> None:
    few = confidences(*[(0, 0.7)] * mistaken, *[(2, 0.9)] * (5 - mistaken))
    found = choose_threshold(*told_apart(few, *clear(5, 150)), LENIENT)
    assert (found.confidence > 0.7) is raised
    assert found.shortcoming() is None


def test_a_generic_model_that_knows_the_classes_is_gained_by_passing_on_and_told_so() -> None:
    rows = 100
    answers, own = sure_and_mistaken_unsurely(rows)
    hard, easy = (np.repeat([True, right, True], rows) for right in (False, True))
    mixed_up = np.arange(3 * rows) % 4 == 0  # every fourth window of another class, with the lean
    leaning = Behind(hard, easy & ~(mixed_up & ~own.inside), np.zeros(3 * rows, bool), 1.0)
    found = choose_threshold(answers, own, CascadeAim(0.9, 1.0), leaning)
    assert 0.6 < found.confidence <= 0.95  # alone, nobody has what the head is unsure of right
    assert (found.rates.accuracy_in, found.rates.in_to_other) == (0.5, 0.5)
    assert found.rates.harder_in == pytest.approx(0.5 - 1.0)  # alone on all, leaning on what is passed on
    assert found.rates.harder_out == pytest.approx(1.0 - 0.75)
    assert found.wanted == pytest.approx(0.9 * 0.5 + 0.1 * 1.0)  # as accurate as the model alone


@pytest.mark.parametrize(("taken", "message"), [(150, "25.0%"), (108, None), (0, None)])
def test_a_class_that_the_lean_hands_to_the_heads_classes_is_hidden_though_the_head_passes_it_on(
    taken: int, message: str | None
) -> None:
    unsure = confidences(*[(0, 0.6)] * 150, *[(2, 0.9)] * 50)
    answers, own = told_apart(unsure, *clear(200, 8))
    right, moved = np.ones(len(own.labels), bool), np.zeros(len(own.labels), bool)
    moved[200 : 200 + taken] = True
    found = choose_threshold(answers, own, LENIENT, Behind(right, right & ~moved, moved, 1.0))
    told = found.shortcoming()
    if message is None:
        assert told is None
    else:
        assert told == hides(5, message)


def test_what_the_lean_hands_over_of_a_class_counts_once_and_with_what_the_head_takes_of_it() -> None:
    # Of class 5 the head takes two in five surely and one in five less so; the lean takes one in five more.
    confused = confidences(*[(0, 0.9)] * 80, *[(0, 0.7)] * 40, *[(2, 0.9)] * 80)
    answers, own = told_apart(confused, *clear(200, 8))
    right = np.ones(len(own.labels), bool)
    moved = {0: np.zeros(len(right), bool), 40: np.zeros(len(right), bool), 80: np.zeros(len(right), bool)}
    moved[40][200 + 120 : 200 + 160] = True  # of what the head calls "other"
    moved[80][200 : 200 + 80] = True  # of what the head takes itself
    least = {
        n: choose_threshold(answers, own, LENIENT, Behind(right, right, m, 1.0)) for n, m in moved.items()
    }
    assert 0.7 < least[0].confidence <= 0.9  # passes on three in five
    assert 0.9 < least[40].confidence <= 0.95  # from .7 to .9 two in five would reach their class
    assert least[80].confidence == least[0].confidence
    assert least[40].rates.accuracy_out == 1.0  # the head's own: what is taken is passed on all the same


LEVEL = 3  # of the thresholds, of which the first is 0


def test_a_second_head_is_asked_where_the_first_names_a_class_and_is_not_sure_enough() -> None:
    levels = np.array([0, 1, LEVEL, LEVEL + 1, len(THRESHOLDS)])
    first = HeadAnswers(levels, np.ones(5, bool), np.array([False, True, False, True, False]))
    assert first.asked_after(LEVEL).tolist() == [False, True, True, False, False]
    assert first.asked_after(0).tolist() == [False] * 5  # at a threshold of 0 each of its answers stands


def test_what_the_first_head_calls_other_stays_so_whatever_the_second_would_say() -> None:
    first_right, first_owned = np.array([False, False, True, True]), np.array([False, True, True, False])
    second_right, second_owned = np.array([True, True, False, True]), np.array([True, False, False, True])
    first = HeadAnswers(np.array([0, 1, LEVEL + 1, 0]), first_right, first_owned)
    second = HeadAnswers(np.array([9, 7, 0, 0]), second_right, second_owned)
    both = second.after(first, LEVEL)
    assert both.levels.tolist() == [0, 7, len(THRESHOLDS), 0]
    assert both.right[[1, 2]].tolist() == [True, True]
    assert both.owned[[1, 2]].tolist() == [False, True]


def said(columns: int, *rows: tuple[int, float]) -> Array:
    """As confidences, of so many classes."""
    found = np.empty((len(rows), columns), np.float32)
    for row, (answer, top) in zip(found, rows, strict=True):
        row[:] = (1.0 - top) / (columns - 1)
        row[answer] = top
    return found


def test_answers_are_judged_by_the_classes_that_the_further_rows_stand_for() -> None:
    rows = OwnLabels.of(np.array([3, 3, 3, 8, 8, 8], np.int64), (3, 4))
    answers = said(4, (0, 0.9), (1, 0.9), (3, 0.9), (3, 0.9), (2, 0.9), (0, 0.9))
    apart = HeadAnswers.of(answers, rows, (5, 8))
    assert apart.right.tolist() == [True, False, False, True, False, False]
    assert apart.owned.tolist() == [True, True, False, False, False, True]
    assert (apart.levels == apart.levels[0]).all()
    assert apart.levels[0] > 0
    alike = HeadAnswers.of(answers, rows)
    assert (alike.levels > 0).tolist() == [True, True, False, False, False, True]
    assert alike.owned.tolist() == apart.owned.tolist()


def test_a_second_head_is_asked_where_the_first_names_another_class_unsurely() -> None:
    rows = OwnLabels.of(np.array([0, 5, 5], np.int64), (0,))
    answers = said(3, (0, 0.95), (2, 0.95), (2, 0.6))
    index = int(np.searchsorted(THRESHOLDS, 0.7))
    assert HeadAnswers.of(answers, rows, (4, 5)).asked_after(index).tolist() == [False, False, True]
    assert HeadAnswers.of(answers, rows).asked_after(index).tolist() == [False] * 3


def named(class_5: list[tuple[int, float]]) -> tuple[Array, OwnLabels]:
    """A head for class 0 that tells classes 5 to 8 apart by its further rows, class 5 as stated."""
    others = [(answer, 0.9) for answer in (2, 3, 4) for _ in range(200)]
    labels = np.repeat([0, 5, 6, 7, 8], 200).astype(np.int64)
    return said(5, *[(0, 0.8)] * 200, *class_5, *others), OwnLabels.of(labels, (0,))


OTHERS = (5, 6, 7, 8)


@pytest.mark.parametrize(("rightly", "hidden"), [(200, False), (150, False), (50, True)])
def test_a_class_whose_windows_are_answered_rightly_is_not_hidden(rightly: int, hidden: bool) -> None:
    taken = [(0, 0.95)] * (200 - rightly)  # surer than what is its own
    answers, rows = named([*[(1, 0.9)] * rightly, *taken])
    found = ThresholdChoice(rows, LENIENT).best(HeadAnswers.of(answers, rows, OTHERS))
    assert found.confidence <= 0.8
    assert found.rates.accuracy_out == 0.0
    assert found.rates.right_out == pytest.approx((600 + rightly) / 800)
    assert found.shortcoming() == (hides(5, "25.0%") if hidden else None)


@pytest.mark.parametrize(("mistaken", "raised"), [(4, False), (5, True)])
def test_few_rows_are_helped_out_by_what_is_answered_rightly_of_other_classes(
    mistaken: int, raised: bool
) -> None:
    few = [(0, 0.7)] * mistaken + [(1, 0.9)] * (5 - mistaken)
    others = [(column, 0.9) for column in range(2, 32) for _ in range(5)]
    answers = said(32, *[(0, 0.95)] * 200, *few, *others)
    rows = OwnLabels.of(np.repeat([0, *range(5, 36)], [200, *[5] * 31]).astype(np.int64), (0,))
    found = ThresholdChoice(rows, LENIENT).best(HeadAnswers.of(answers, rows, range(5, 36)))
    assert (found.confidence > 0.7) is raised
    assert found.shortcoming() is None


def test_a_class_that_is_taken_for_another_one_is_hidden() -> None:
    answers, rows = named([*[(1, 0.9)] * 50, *[(2, 0.95)] * 150])
    found = ThresholdChoice(rows, LENIENT).best(HeadAnswers.of(answers, rows, OTHERS))
    assert found.shortcoming() == hides(5, "25.0%")
    alike = ThresholdChoice(rows, LENIENT).best(HeadAnswers.of(answers, rows))
    assert alike.shortcoming() is None  # all of these are passed on


def test_a_head_that_takes_others_for_others_tells_too_few_of_them() -> None:
    answers, rows = named([(1, 0.9)] * 200)
    shuffled = ThresholdChoice(rows, LENIENT).best(HeadAnswers.of(answers, rows, (6, 7, 8, 5)))
    assert (shuffled.rates.accuracy_out, shuffled.rates.right_out) == (0.0, 0.0)
    assert not shuffled.tells_others
    assert shuffled.shortcoming() == (
        "it passes on 0.0% of other classes' windows, or answers them rightly: expected at least 50%"
    )
    half = ThresholdChoice(rows, LENIENT).best(HeadAnswers.of(answers, rows, (5, 6, 8, 7)))
    assert half.rates.right_out == pytest.approx(0.5)
    assert half.tells_others


def test_rates_and_accuracy_of_a_head_that_tells_others_apart_are_those_of_counting() -> None:
    # Right, taken for its other class, taken for class 5, and passed on.
    own = [(0, 0.9)] * 140 + [(1, 0.95)] * 10 + [(2, 0.95)] * 10 + [(2, 0.6)] * 40
    five = [(2, 0.9)] * 100 + [(3, 0.95)] * 20 + [(0, 0.95)] * 20 + [(2, 0.6)] * 30 + [(0, 0.6)] * 30
    rows = OwnLabels.of(np.repeat([0, 5], 200).astype(np.int64), (0, 4))
    answers = HeadAnswers.of(said(4, *own, *five), rows, (5, 6))
    knows = np.ones(400, bool)
    knows[160:170] = knows[340:355] = False  # a quarter of what is passed on
    found = ThresholdChoice(rows, CascadeAim(0.5, 0.9), Behind.unmoved(knows)).best(answers)
    assert 0.6 < found.confidence <= 0.9
    rates = found.rates
    assert (rates.accuracy_in, rates.in_to_other) == (pytest.approx(0.7), pytest.approx(0.2))
    assert rates.strayed_in == pytest.approx(0.05)
    assert (rates.accuracy_out, rates.right_out) == (pytest.approx(0.3), pytest.approx(0.5))
    assert (rates.harder_in, rates.harder_out) == (pytest.approx(0.95 - 0.75), pytest.approx(0.925 - 0.75))
    assert found.passed_on == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)
    alone = 0.5 * 0.95 + 0.5 * 0.925
    counted = replace(rates, easier_in=0.95 - alone, easier_out=0.925 - alone)  # as of very many rows
    assert counted.accuracy(0.5, alone) == pytest.approx((140 + 30 + 100 + 45) / 400)
    wrong_in, wrong_out = 20.5 / 201, 40.5 / 201  # half a row more
    assert found.accuracy == pytest.approx(
        0.5 * (0.8 - wrong_in + 0.2 * 0.75) + 0.5 * (0.5 + (0.5 - wrong_out) * 0.75)
    )


@pytest.mark.parametrize(
    ("inside", "outside", "why"),
    [
        ((0, 0.9), (0, 0.9), "of other classes' windows"),
        ((2, 0.9), (2, 0.9), "of its own classes' windows"),
        ((1, 0.9), (2, 0.9), "of the answers are right: expected 95.0%"),
    ],
)
def test_a_head_of_no_use_says_which_figure_is_too_poor(
    inside: tuple[int, float], outside: tuple[int, float], why: str
) -> None:
    labels = np.repeat([0, 5], 100).astype(np.int64)
    answers = np.concatenate([confidences(*[inside] * 100), confidences(*[outside] * 100)])
    found = choose_threshold(answers, OwnLabels.of(labels, (0, 1)), CascadeAim(0.9, 0.95))
    assert why in str(found.shortcoming())


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0.34, 1.0)), min_size=4, max_size=40),
    st.floats(0.05, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.2),
)
def test_rates_are_shares_and_a_threshold_that_is_chosen_keeps_its_promise(
    rows: list[tuple[int, float]], skew: float, generic: float, loss: float
) -> None:
    labels = np.arange(len(rows), dtype=np.int64) % 4
    aim = CascadeAim(skew, generic, loss)
    found = choose_threshold(confidences(*rows), OwnLabels.of(labels, (0, 1)), aim)
    rates = found.rates
    assert all(-1e-9 <= r <= 1.0 + 1e-9 for r in (rates.accuracy_in, rates.in_to_other, rates.accuracy_out))
    assert found.passed_on == pytest.approx(rates.passed_on(skew))
    if not found.reaches and rates.in_to_other > MOST_PASSED_IN:
        assert found.confidence == 0.0
