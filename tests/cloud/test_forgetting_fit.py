from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from cloud.forgetting_fit import ForgettingFit, Memory, nonnegative_minimum

VALUES = st.floats(-10.0, 10.0)


@given(st.lists(VALUES, min_size=9, max_size=9), st.lists(VALUES, min_size=3, max_size=3))
def test_the_minimum_is_that_of_a_known_solver(entries: list[float], products: list[float]) -> None:
    matrix = np.array(entries).reshape(3, 3)
    squares = matrix @ matrix.T + 0.01 * np.eye(3)
    found = np.array(nonnegative_minimum(squares.tolist(), products))
    lower = np.linalg.cholesky(squares)
    expected, _ = nnls(lower.T, np.linalg.solve(lower, np.array(products)))

    def value(c: np.ndarray) -> float:
        return float(c @ squares @ c - 2.0 * np.array(products) @ c)

    assert (found >= 0.0).all()
    assert value(found) <= value(expected) + 1e-6 * (1.0 + abs(value(expected)))


def test_the_prior_holds_before_the_first_sample_and_where_samples_do_not_decide() -> None:
    fit = ForgettingFit((5.0, 2.0), (1e-6, 1e-3), Memory())
    assert fit.coefficients == (5.0, 2.0)
    for i in range(20):
        fit.learn((1.0, 3.0), 14.0, float(i))
    assert fit.expected((1.0, 3.0)) == pytest.approx(14.0, rel=1e-3)
    assert fit.coefficients[1] == pytest.approx(2.0, rel=0.1)


def test_old_samples_count_less() -> None:
    fit = ForgettingFit((0.0, 0.0), (1e-6, 1e-6), Memory(half_life_s=1.0, doubted_samples=99.0))
    fit.learn((1.0, 0.0), 8.0, 0.0)
    fit.learn((1.0, 0.0), 4.0, 10.0)
    assert fit.coefficients[0] == pytest.approx(4.0, abs=0.01)


def test_two_surprises_on_the_same_side_make_it_forget_and_one_does_not() -> None:
    def after(*latest: float) -> float:
        fit = ForgettingFit((0.0, 0.0), (1e-6, 1e-6), Memory(least_surprise=0.5))
        for i, y in enumerate([1.0, 1.1, 0.9, 1.0] * 10 + list(latest)):
            fit.learn((1.0, 0.0), y, 0.01 * i)
        return fit.coefficients[0]

    assert after(9.0) < 1.5
    assert after(9.0, 9.0) > 1.5
    assert after(9.0, 9.0, 9.0) > 5.0
