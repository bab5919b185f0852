from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.calibration import calibration_error, fit_temperature, log_likelihood_loss


def drawn(scale: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from softmax(logits), and the logits made over- or underconfident by a factor."""
    rng = np.random.default_rng(0)
    logits = 2.0 * rng.standard_normal((rows, 4))
    gumbel = -np.log(-np.log(rng.random(logits.shape)))
    return (scale * logits).astype(np.float32), (logits + gumbel).argmax(axis=1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_known_overconfidence(scale: float) -> None:
    logits, labels = drawn(scale)
    assert fit_temperature(logits, labels) == pytest.approx(scale, rel=0.08)


def test_few_rows_that_are_all_right_do_not_make_it_zero() -> None:
    logits = np.array([[5.0, 0.0], [0.0, 5.0]], np.float32)
    assert fit_temperature(logits, np.array([0, 1])) >= 0.04


def test_loss_is_that_of_the_softmax() -> None:
    loss = log_likelihood_loss(np.array([[1000.0, 1000.0]], np.float32), np.array([0]))
    assert loss == pytest.approx(np.log(2.0))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    confidences = np.tile(np.array([[0.9, 0.1]], np.float32), (10, 1))
    labels = np.array([0] * 6 + [1] * 4)
    assert calibration_error(confidences, labels) == pytest.approx(0.3, abs=1e-6)


def test_certain_and_right_is_no_error() -> None:
    assert calibration_error(np.array([[1.0, 0.0]], np.float32), np.array([0])) == 0.0


@given(st.integers(1, 60), st.integers(2, 5), st.integers(0, 1000))
def test_calibration_error_is_a_share(rows: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidences = rng.dirichlet(np.ones(classes), rows).astype(np.float32)
    assert 0.0 <= calibration_error(confidences, rng.integers(0, classes, rows)) <= 1.0
