from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.class_balance import balanced_rows, class_quotas

COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ([10, 10, 10], 6, [2, 2, 2]),
        ([1, 10, 10], 9, [1, 4, 4]),
        ([1, 2, 100], 50, [1, 2, 47]),
        ([5, 5, 5], 7, [3, 2, 2]),
        ([5, 5, 5], 2, [1, 1, 0]),
        ([3, 4], 100, [3, 4]),
    ],
)
def test_small_classes_give_all_they_have_and_the_others_share_the_rest(
    counts: list[int], most: int, expected: list[int]
) -> None:
    assert class_quotas(np.array(counts), most).tolist() == expected


@given(COUNTS, st.integers(0, 300))
def test_no_class_could_have_more_without_another_that_has_less(counts: list[int], most: int) -> None:
    given_counts = np.array(counts)
    quotas = class_quotas(given_counts, most)
    assert quotas.sum() == min(most, given_counts.sum())
    assert (quotas <= given_counts).all()
    short = quotas[quotas < given_counts]
    assert not short.size or quotas.max() <= short.min() + 1


def test_rows_are_drawn_evenly_from_the_classes_and_again_the_same() -> None:
    labels = np.repeat([0, 1, 2, 3], [400, 300, 5, 40])
    rows, again = (balanced_rows(labels, 95, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(rows, again)
    assert np.bincount(labels[rows]).tolist() == [30, 30, 5, 30]
    assert (np.diff(rows) > 0).all()
    assert rows.tolist() != balanced_rows(labels, 95, np.random.default_rng(4)).tolist()


def test_where_there_are_no_more_than_wanted_every_row_stays_in_its_place() -> None:
    assert balanced_rows(np.array([2, 0, 2, 1]), 4, np.random.default_rng(0)).tolist() == [0, 1, 2, 3]
