from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from specializer.other_classes import LEAST_CLASS_OUT, HiddenClass, OtherClasses, OtherRows


def others(passed: dict[int, list[int]], rows: int, pooled: float = 0.9) -> OtherClasses:
    """Classes of so many rows each, of which so many are passed on at each threshold."""
    labels = np.repeat(list(passed), rows)
    levels = [[sum(row >= p for p in at) for row in range(rows)] for at in passed.values()]
    thresholds = len(next(iter(passed.values())))
    return OtherClasses(
        OtherRows(labels.astype(np.int64)), np.concatenate(levels), np.full(thresholds, pooled)
    )


def test_every_class_has_to_be_passed_on_often_enough() -> None:
    found = others({3: [20, 60, 90], 8: [10, 40, 80]}, rows=100)
    assert found.all_reached().tolist() == [False, False, True]


def test_the_class_that_is_surest_to_be_hidden_is_named() -> None:
    found = others({3: [20, 60, 90], 8: [10, 45, 80]}, rows=100)
    assert found.hidden(0) == HiddenClass(8, 0.1)
    assert found.hidden(1) is None  # 45 of 100 may well be half of all
    assert found.hidden(2) is None


def test_four_rows_prove_nothing_against_a_head() -> None:
    assert others({3: [0]}, rows=4).all_reached().tolist() == [True]
    assert others({3: [0]}, rows=4).hidden(0) is None
    assert others({3: [0]}, rows=5).hidden(0) == HiddenClass(3, 0.0)


def test_classes_of_which_nothing_is_answered_are_no_hindrance() -> None:
    found = OtherClasses(OtherRows(np.array([3, 3, 8])), np.zeros(3, np.int64), np.ones(2))
    assert found.all_reached().tolist() == [True, True]
    assert found.hidden(0) is None


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=300),
)
def test_what_is_reached_stays_reached_at_higher_thresholds_and_is_not_hidden(
    rows: list[tuple[int, int]],
) -> None:
    labels, levels = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    shares = np.array([[(levels[labels == c] <= t).mean() for t in range(4)] for c in np.unique(labels)])
    found = OtherClasses(OtherRows(labels), levels, shares.mean(axis=0))
    reached = found.all_reached()
    assert (np.diff(reached.astype(int)) >= 0).all()
    for t in range(4):
        hidden = found.hidden(t)
        if hidden is not None:
            assert not reached[t]
            assert hidden.passed_on < LEAST_CLASS_OUT
