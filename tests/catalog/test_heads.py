from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BackendError, BadInput
from catalog.heads import FusedHeads, HeadWeights


def head(seed: int, classes: int, dim: int, temperature: float = 1.0) -> HeadWeights:
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((classes, dim)).astype(np.float32)
    return HeadWeights(weight, rng.standard_normal(classes).astype(np.float32), temperature)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


SHAPES = st.tuples(st.integers(2, 6), st.integers(1, 9))
TEMPERATURES = st.floats(0.1, 10.0)


@given(SHAPES, TEMPERATURES, st.integers(0, 5), st.floats(0.1, 1e4))
def test_confidences_are_the_softmax_at_the_temperature(
    shape: tuple[int, int], temperature: float, rows: int, scale: float
) -> None:
    classes, dim = shape
    h = head(classes, classes, dim, temperature)
    features = (scale * np.random.default_rng(dim).standard_normal((rows, dim))).astype(np.float32)
    found = h.confidences(features)
    logits = (features.astype(np.float64) @ h.weight.T + h.bias) / temperature
    assert found.shape == (rows, classes)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), np.ones(rows), rtol=1e-5)
    np.testing.assert_allclose(found, softmax(logits), atol=1e-2 if scale > 100 else 1e-4)


@given(st.lists(st.integers(2, 6), min_size=1, max_size=4), st.integers(1, 8), st.integers(0, 4))
def test_fused_heads_answer_as_each_head_does_alone(sizes: list[int], dim: int, rows: int) -> None:
    heads = [head(i, classes, dim, 0.5 + i) for i, classes in enumerate(sizes)]
    features = np.random.default_rng(1).standard_normal((rows, dim)).astype(np.float32)
    found = FusedHeads(heads).answers(features)
    for i, h in enumerate(heads):
        answers = [row[i] for row in found]
        confidences = h.confidences(features)
        assert [a[0] for a in answers] == confidences.argmax(axis=1).tolist()
        assert [a[1] for a in answers] == pytest.approx(confidences.max(axis=1).tolist(), abs=1e-5)


def test_a_higher_temperature_keeps_the_answer_and_lowers_the_confidence() -> None:
    features = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    cold, warm = head(3, 5, 4, 0.5).confidences(features), head(3, 5, 4, 5.0).confidences(features)
    np.testing.assert_array_equal(cold.argmax(axis=1), warm.argmax(axis=1))
    assert (warm.max(axis=1) < cold.max(axis=1)).all()


@given(SHAPES, TEMPERATURES, st.floats(0.0, 4.0), st.data())
def test_with_other_priors_confidences_are_those_of_bayes_rule(
    shape: tuple[int, int], temperature: float, shift: float, data: st.DataObject
) -> None:
    classes, dim = shape
    favoured = sorted(data.draw(st.sets(st.integers(0, classes - 1), max_size=classes)))
    h = head(dim, classes, dim, temperature)
    features = np.random.default_rng(classes).standard_normal((5, dim)).astype(np.float32)
    told, bias = h.confidences(features).astype(np.float64), h.bias.copy()
    odds = np.ones(classes)  # by how much each class is more frequent than it was learnt
    odds[favoured] = np.exp(shift)
    expected = told * odds / (told * odds).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(h.with_prior_shift(favoured, shift).confidences(features), expected, atol=1e-4)
    np.testing.assert_array_equal(h.bias, bias)  # itself as it was


def test_the_odds_of_a_class_are_raised_by_as_much_at_any_temperature() -> None:
    for temperature in (0.5, 2.0):
        h = HeadWeights(np.zeros((3, 1), np.float32), np.zeros(3, np.float32), temperature)
        (found,) = h.with_prior_shift([1], np.log(8.0)).confidences(np.ones((1, 1), np.float32))
        assert found.tolist() == pytest.approx([0.1, 0.8, 0.1])


def test_extreme_features_give_finite_confidences() -> None:
    features = np.full((1, 4), 1e30, np.float32)
    ((_, confidence),) = FusedHeads([head(0, 3, 4)]).answers(features)[0]
    assert confidence == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("weight", "bias", "told"),
    [
        (
            np.zeros((2, 3, 1)),
            np.zeros(2),
            r"weight \(2, 3, 1\) and bias \(2,\): expected \(C, D\) and \(C,\)",
        ),
        (np.zeros((2, 3)), np.zeros(3), r"bias \(3,\)"),
        (np.zeros(3), np.zeros(3), r"weight \(3,\)"),
        (np.full((2, 3), np.nan), np.zeros(2), "not finite"),
        (np.zeros((2, 3)), np.array([0.0, np.inf]), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weight: np.ndarray, bias: np.ndarray, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        HeadWeights(weight.astype(np.float32), bias.astype(np.float32), 1.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(BadInput, match="expected a positive number"):
        head(0, 2, 3, temperature)


@pytest.mark.parametrize("temperature", [1e-40, 1e-60])
def test_a_temperature_that_makes_weights_overflow_is_refused(temperature: float) -> None:
    with pytest.raises(BadInput, match="too small for these weights"):
        head(0, 2, 3, temperature)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of numpy's product, before the error
@pytest.mark.parametrize("heads", [1, 2])
def test_features_that_are_not_finite_are_refused(heads: int) -> None:
    fused = FusedHeads([head(i, 3 - i, 4, 1.0) for i in range(heads)])
    for values in ((np.nan, 1.0), (np.inf, 1.0), (-np.inf, 1.0), (np.nan, np.inf)):
        with pytest.raises(BackendError, match="not finite"):
            fused.answers(np.array([[0.0, *values, 0.0]], np.float32))


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("heads", [1, 2])
def test_features_so_great_that_a_class_is_out_of_reach_are_refused(heads: int) -> None:
    one = HeadWeights(np.array([[-2.0, 0.0], [0.5, 1.0]], np.float32), np.zeros(2, np.float32), 1.0)
    with pytest.raises(BackendError, match="not finite"):
        FusedHeads([one] * heads).answers(np.array([[3e38, 0.0]], np.float32))
