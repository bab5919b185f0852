from __future__ import annotations

import numpy as np
import pytest

from catalog.heads import HeadWeights
from specializer.cascade import CascadeRates
from specializer.special_head import SecondHead, SpecialHead

RATES = CascadeRates(0.9, 0.05, 0.9)


def weights(rows: int) -> HeadWeights:
    return HeadWeights(np.zeros((rows, 2), np.float32), np.zeros(rows, np.float32), 1.0)


def test_answers_stand_for_classes_of_the_task_or_for_asking_the_next_model() -> None:
    head = SpecialHead(weights(4), (7, 2), RATES, threshold=0.6)
    assert [head.class_of(a, 0.9) for a in range(4)] == [7, 2, None, None]
    assert head.class_of(0, 0.6) == 7
    assert head.class_of(0, 0.59) is None


def test_a_second_head_has_a_threshold_of_its_own() -> None:
    second = SecondHead("wide", weights(3), 0.8)
    head = SpecialHead(weights(4), (7, 2), RATES, threshold=0.6, second=second)
    assert [head.class_of_second(a, 0.9) for a in range(3)] == [7, 2, None]
    assert head.class_of_second(0, 0.79) is None
    with pytest.raises(AssertionError):
        SpecialHead(weights(4), (7, 2), RATES).class_of_second(0, 0.9)


def test_a_head_that_tells_other_classes_apart_answers_them_too_where_it_is_sure() -> None:
    head = SpecialHead(weights(5), (7, 2), RATES, threshold=0.6, others=(0, 9, 4))
    assert [head.class_of(a, 0.6) for a in range(5)] == [7, 2, 0, 9, 4]
    assert [head.class_of(a, 0.59) for a in range(5)] == [None] * 5
    assert not any(head.calls_other(a) for a in range(5))  # a second head may know better


@pytest.mark.parametrize(("first", "second"), [((), (0, 9, 4)), ((0, 9, 4), ())])
def test_each_of_two_heads_tells_other_classes_apart_or_does_not(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    behind = SecondHead("wide", weights(5 if second else 3), 0.8, second)
    rows = 5 if first else 3
    head = SpecialHead(weights(rows), (7, 2), RATES, threshold=0.6, second=behind, others=first)
    assert head.class_of(2, 0.9) == (0 if first else None)
    assert head.calls_other(2) is not bool(first)
    assert head.class_of_second(2, 0.9) == (0 if second else None)
    assert head.class_of_second(2, 0.79) is None
    assert [head.class_of_second(a, 0.8) for a in (0, 1)] == [7, 2]


def test_an_answer_beyond_the_heads_classes_is_other_however_sure() -> None:
    head = SpecialHead(weights(4), (7, 2), RATES, threshold=0.6)
    assert [head.calls_other(a) for a in range(4)] == [False, False, True, True]
