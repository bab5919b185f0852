from __future__ import annotations

import math
from collections import Counter
from dataclasses import astuple, replace

import numpy as np
import pytest

from catalog.errors import DataError
from catalog.head_training import train_head
from catalog.heads import HeadWeights
from catalog.store import StoredFeatures
from specializer.cascade import CascadeRates
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected
from specializer.generic_answers import GenericAnswers
from specializer.head_making import Material, SecondMaterial, train_special_head
from specializer.special_head import SpecialHead

Array = np.ndarray


def clouds(rows_by_class: dict[int, int], spread: float, seed: int) -> StoredFeatures:
    """One cloud of points around each of ten fixed centres (16,)."""
    centres = np.random.default_rng(99).standard_normal((10, 16))
    rng = np.random.default_rng(seed)
    labels = np.repeat(list(rows_by_class), list(rows_by_class.values())).astype(np.int64)
    features = centres[labels] + spread * rng.standard_normal((len(labels), 16))
    return StoredFeatures(features.astype(np.float16), labels)


AIM = CascadeAim(skew=0.9, generic_accuracy=0.9)
EVEN = dict.fromkeys(range(10), 60)


def test_a_special_head_tells_its_classes_apart_and_everything_else_from_them() -> None:
    rows = Material(clouds(EVEN, 0.3, 1), clouds(EVEN, 0.3, 2))
    head = train_special_head(rows, [7, 2], AIM, np.random.default_rng(0))
    assert head.dominant == (7, 2)
    assert head.weights.weight.shape == (3, 16)
    assert head.rates.accuracy_in > 0.95
    assert head.rates.accuracy_out > 0.9
    answers = head.weights.confidences(clouds({7: 1, 2: 1, 5: 1}, 0.0, 3).features.astype(np.float32)).argmax(
        axis=1
    )
    assert answers.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("generic_accuracy", "falls_short"), [(0.9, False), (1.0, True)])
def test_a_head_that_chance_may_have_kept_from_its_aim_says_so(
    generic_accuracy: float, falls_short: bool
) -> None:
    aim = CascadeAim(0.9, generic_accuracy)  # half a wrong window is added, so that nothing is faultless
    rows = Material(clouds(EVEN, 1.0, 1), clouds(EVEN, 1.0, 2))
    head = train_special_head(rows, [7, 2], aim, np.random.default_rng(0))
    assert head.falls_short is falls_short


def test_the_same_seed_gives_the_same_head() -> None:
    heads = [
        train_special_head(
            Material(clouds(EVEN, 0.5, 1), clouds(EVEN, 0.5, 2)), [1, 4, 6], AIM, np.random.default_rng(5)
        )
        for _ in range(2)
    ]
    assert np.array_equal(heads[0].weights.weight, heads[1].weights.weight)
    assert heads[0].weights.temperature == heads[1].weights.temperature


def test_many_other_rows_do_not_drown_the_dominant_ones() -> None:
    rows = dict.fromkeys(range(10), 300) | {3: 30}
    material = Material(clouds(rows, 1.2, 1), clouds(EVEN, 1.2, 2))
    head = train_special_head(material, [3], AIM, np.random.default_rng(0))
    assert head.rates.accuracy_in > 0.7
    assert head.rates.in_to_other == pytest.approx(1.0 - head.rates.accuracy_in)


@pytest.mark.parametrize(
    ("dominant", "message"),
    [
        ([], "expected one or more, all different"),
        ([1, 1], "expected one or more, all different"),
        ([1, 12], r"no training features of classes \[12\]"),
        (list(range(10)), "no training features of other classes than"),
    ],
)
def test_classes_that_cannot_be_trained_are_named(dominant: list[int], message: str) -> None:
    data = clouds(EVEN, 0.3, 1)
    with pytest.raises(DataError, match=message):
        train_special_head(Material(data, data), dominant, AIM, np.random.default_rng(0))


def test_the_generic_head_with_other_priors_stands_where_it_is_better() -> None:
    few = clouds(dict.fromkeys(range(10), 6), 1.0, 1)
    validation, rich = clouds(EVEN, 1.0, 2), clouds(dict.fromkeys(range(10), 600), 1.0, 4)
    generic = train_head((rich.features, rich.labels), (validation.features, validation.labels), 10).weights
    known, unknown = Material(few, validation, generic), Material(few, validation)
    head = train_special_head(known, [3, 8], AIM, np.random.default_rng(0))
    assert head.weights.weight.shape == (10, 16)
    alone = train_special_head(unknown, [3, 8], AIM, np.random.default_rng(0))
    assert alone.weights.weight.shape == (3, 16)
    assert head.rates.passed_on(0.9) <= alone.rates.passed_on(0.9)


def test_a_head_that_cannot_be_told_from_chance_is_rejected() -> None:
    with pytest.raises(HeadRejected, match=r"special head of classes \[1, 4\]: "):
        material = Material(clouds(EVEN, 30.0, 1), clouds(EVEN, 30.0, 2))
        train_special_head(material, [1, 4], AIM, np.random.default_rng(0))


def test_a_head_behind_which_a_class_would_never_be_seen_again_is_rejected() -> None:
    alike = clouds({7: 60}, 0.1, 3)
    seen = clouds(dict.fromkeys((0, 1, 2, 3, 4, 6, 7, 8, 9), 60), 0.5, 2)
    validation = StoredFeatures(
        np.concatenate([seen.features, alike.features]),
        np.concatenate([seen.labels, np.full(60, 5)]).astype(np.int64),
    )
    train, rng = clouds(EVEN, 0.5, 1), np.random.default_rng(0)
    with pytest.raises(
        HeadRejected, match=r"classes \[7\]: it passes on .* of the windows of class 5, or .*: exp"
    ):
        train_special_head(Material(train, validation), [7], AIM, rng)
    assert train_special_head(Material(train, seen), [7], AIM, rng).rates.accuracy_out > 0.9


def generic_of(spread: float) -> HeadWeights:
    rich, validation = clouds(dict.fromkeys(range(10), 600), spread, 4), clouds(EVEN, spread, 3)
    return train_head((rich.features, rich.labels), (validation.features, validation.labels), 10).weights


def second_of(spread: float, cost: float, knows: bool = False) -> SecondMaterial:
    generic = generic_of(spread) if knows else None
    return SecondMaterial("wide", Material(clouds(EVEN, spread, 1), clouds(EVEN, spread, 2), generic), cost)


@pytest.mark.parametrize(
    ("first", "cost", "wanted"), [(1.6, 0.2, True), (1.6, 50.0, False), (0.3, 0.2, False)]
)
def test_a_second_head_is_made_where_the_first_knows_little_and_it_is_cheap(
    first: float, cost: float, wanted: bool
) -> None:
    material = Material(clouds(EVEN, first, 1), clouds(EVEN, first, 2))
    lenient = CascadeAim(0.9, 0.9, accuracy_loss=0.1)
    rng = np.random.default_rng(0)
    head = train_special_head(material, [7, 2], lenient, rng, None, second_of(0.3, cost))
    assert (head.second is not None) is wanted
    assert (head.rates.second_in > 0.0) is wanted


SKEW = 0.9


def named(
    answer: int, confidence: float, sure: float, dominant: tuple[int, ...], others: tuple[int, ...]
) -> int | None:
    """Return the class that a head names; None where it passes a window on."""
    classes = dict(enumerate([*dominant, *others]))
    return classes.get(answer) if np.float32(confidence) >= np.float32(sure) else None


def counted(head: SpecialHead, second: SecondMaterial, first: StoredFeatures, said: Array) -> CascadeRates:
    """Ask one model after the other about each row, and count; said by the generic model alone, (N, C).

    How much harder what is passed on is: than all windows are for that model alone.
    """
    assert head.second is not None
    counts = {kind: Counter[str]() for kind in (True, False)}
    leaning = said.astype(np.float64)
    leaning[:, list(head.dominant)] *= math.exp(head.prior_shift)
    rows = zip(
        head.weights.confidences(first.features.astype(np.float32)),
        head.second.weights.confidences(second.material.held_out),
        said.argmax(axis=1),
        leaning.argmax(axis=1),
        first.labels,
        strict=True,
    )
    for one, two, alone, leant, label in rows:
        count = counts[label in head.dominant]
        answer = int(one.argmax())
        found = named(answer, float(one.max()), head.threshold, head.dominant, head.others)
        asked = found is None and bool(answer < len(head.dominant) or head.others)
        if asked:
            sure = head.second.threshold
            found = named(int(two.argmax()), float(two.max()), sure, head.dominant, head.second.others)
        passed = found is None
        count["rows"] += 1
        count["asked"] += asked
        count["right"] += int(found == label)
        count["passed"] += passed
        count["strayed"] += int(not passed and found not in head.dominant)
        count["passed_right"] += int(passed and leant == label)
        count["alone"] += int(alone == label)
    inside, outside = (
        {name: counts[kind][name] / counts[kind]["rows"] for name in counts[kind]} for kind in (True, False)
    )
    return CascadeRates(
        inside["right"],
        inside["passed"],
        outside["passed"],
        inside["alone"] - inside["passed_right"] / inside["passed"],
        outside["alone"] - outside["passed_right"] / outside["passed"],
        inside["asked"],
        outside["asked"],
        right_out=outside["right"],
        strayed_in=inside["strayed"],
    )


OTHERS = (0, 1, 3, 4, 5, 6, 8, 9)


@pytest.mark.parametrize(("first_knows", "second_knows"), [(False, False), (True, True), (False, True)])
def test_the_rates_of_two_heads_are_those_of_asking_one_after_the_other_and_the_leaning_one_last(
    first_knows: bool, second_knows: bool
) -> None:
    second, validation = second_of(1.2, 0.1, second_knows), clouds(EVEN, 1.6, 2)
    said = generic_of(0.8).confidences(clouds(EVEN, 0.8, 2).features.astype(np.float32))
    generic = GenericAnswers(said, validation.labels)
    aim = CascadeAim(SKEW, 0.9)
    first = generic_of(1.6) if first_knows else None
    material, rng = Material(clouds(EVEN, 1.6, 1), validation, first), np.random.default_rng(0)
    head = train_special_head(material, [7, 2], aim, rng, generic, second)
    assert head.second is not None
    told_apart = head.others, head.second.others
    assert told_apart == tuple(OTHERS if knows else () for knows in (first_knows, second_knows))
    assert head.prior_shift == pytest.approx(0.5 * math.log((SKEW / 2) / ((1.0 - SKEW) / 8)))
    found = counted(head, second, validation, said)
    told = replace(head.rates, easier_in=0.0, easier_out=0.0)
    assert astuple(told) == pytest.approx(astuple(found), abs=1e-6)
    ways = (found.in_to_other, found.accuracy_out, found.second_in, found.second_out)
    assert min(ways) > 0.0  # each way is gone
    assert (found.right_out > 0.0) is (found.strayed_in > 0.0) is second_knows
    unleaning = counted(replace(head, prior_shift=0.0), second, validation, said)
    assert astuple(unleaning) != pytest.approx(astuple(found), abs=1e-6)  # and the lean matters


def test_a_head_that_the_lean_makes_hide_a_class_is_rejected() -> None:
    material = Material(clouds(EVEN, 0.3, 1), clouds(EVEN, 0.3, 2))
    labels = material.validation.labels
    doubtful = np.full((len(labels), 10), 0.002, np.float32)
    doubtful[np.arange(len(labels)), labels] = 1.0
    doubtful[labels == 5] = 0.01
    doubtful[labels == 5, 5], doubtful[labels == 5, 7] = 0.5, 0.4  # right alone, and 7 with the lean
    rng = np.random.default_rng(0)
    with pytest.raises(
        HeadRejected, match=r"classes \[7\]: it passes on 0.0% of the windows of class 5, or .*: exp"
    ):
        train_special_head(material, [7], AIM, rng, GenericAnswers(doubtful, labels))
    assert train_special_head(material, [2], AIM, rng, GenericAnswers(doubtful, labels)).dominant == (2,)


def test_what_lies_behind_a_head_that_knows_nothing_of_it_does_not_lean() -> None:
    material = Material(clouds(EVEN, 0.3, 1), clouds(EVEN, 0.3, 2))
    assert train_special_head(material, [7], AIM, np.random.default_rng(0)).prior_shift == 0.0


def test_hard_classes_are_told_from_easy_ones_by_the_generic_model() -> None:
    material = Material(clouds(EVEN, 0.3, 1), clouds(EVEN, 0.3, 2))
    labels = material.validation.labels
    said = labels.copy()
    said[np.flatnonzero(labels == 7)[:30]] = 0
    aim = CascadeAim(0.9, float((said == labels).mean()))
    generic = GenericAnswers(np.eye(10, dtype=np.float32)[said], labels)
    hard, easy = (
        train_special_head(material, [c], aim, np.random.default_rng(0), generic).rates for c in (7, 2)
    )
    assert -0.5 < hard.easier_in < -0.3
    assert 0.0 < easy.easier_in < 0.05
