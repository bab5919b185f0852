from __future__ import annotations

import numpy as np
import pytest

from catalog.head_training import train_head
from catalog.heads import HeadWeights
from specializer.head_candidates import NewPriors, OwnLabels, other_classes, retrained_head
from tests.specializer.test_head_making import clouds

EVEN = dict.fromkeys(range(10), 40)


def generic() -> HeadWeights:
    train, validation = clouds(EVEN, 0.8, 1), clouds(EVEN, 0.8, 2)
    return train_head((train.features, train.labels), (validation.features, validation.labels), 10).weights


def test_every_class_of_a_kind_weighs_the_same() -> None:
    labels = np.array([3, 3, 3, 5, 0, 0, 1, 9], np.int64)
    rows = OwnLabels.of(labels, (5, 3), skew=0.8)
    assert rows.own.tolist() == [1, 1, 1, 0, 2, 2, 2, 2]
    of_class = {c: float(rows.row_weights[labels == c].sum()) for c in (0, 1, 3, 5, 9)}
    assert of_class == pytest.approx({3: 0.4, 5: 0.4, 0: 0.2 / 3, 1: 0.2 / 3, 9: 0.2 / 3})
    assert rows.inside.tolist() == [True] * 4 + [False] * 4


def test_an_adapted_head_says_what_bayes_rule_makes_of_the_generic_one() -> None:
    head, points = generic(), clouds(EVEN, 0.8, 3).features.astype(np.float32)
    labels = np.repeat(np.arange(10), 99).astype(np.int64)
    priors = NewPriors.of(np.bincount(labels), 10, (4, 1), skew=0.9)
    before = head.confidences(points).astype(np.float64)
    prior = np.full(10, 0.1 / 8)
    prior[[4, 1]] = 0.45
    expected = before * prior
    expected /= expected.sum(axis=1, keepdims=True)
    order = [4, 1, *other_classes(10, (4, 1))]
    assert order == [4, 1, 0, 2, 3, 5, 6, 7, 8, 9]
    assert priors.order.tolist() == order
    assert priors.head(head).confidences(points) == pytest.approx(expected[:, order], abs=1e-4)
    assert priors.confidences(head.confidences(points)) == pytest.approx(expected[:, order], abs=1e-6)


def test_classes_that_the_generic_head_has_rarely_seen_are_moved_further() -> None:
    head = HeadWeights(np.zeros((3, 2), np.float32), np.zeros(3, np.float32), 1.0)
    labels = np.repeat([0, 1, 2], [900, 90, 9]).astype(np.int64)
    adapted = NewPriors.of(np.bincount(labels), 3, (2, 1), skew=0.5).head(head)
    assert adapted.bias[0] > adapted.bias[1] > adapted.bias[2]


@pytest.mark.parametrize("start", [None, generic()])
def test_a_retrained_head_expects_its_classes_as_often_as_they_are_seen(start: HeadWeights | None) -> None:
    train, validation = clouds(EVEN, 1.0, 1), clouds(EVEN, 1.0, 2)
    held_out = (validation.features.astype(np.float32), OwnLabels.of(validation.labels, (4, 1)))
    heads = [
        retrained_head(train, held_out, (4, 1), skew, start, np.random.default_rng(0)) for skew in (0.5, 0.9)
    ]
    points = clouds(EVEN, 1.0, 3).features.astype(np.float32)
    even, skewed = (h.confidences(points) for h in heads)
    assert len(heads[0].bias) == 3
    assert (skewed[:, 2] < even[:, 2]).all()
    odds = [np.log(c[:, 2] / c[:, :2].sum(axis=1)) for c in (even.astype(np.float64), skewed)]
    assert odds[0] - odds[1] == pytest.approx(np.log(0.9 / 0.1), abs=0.01)
