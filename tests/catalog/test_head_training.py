from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from catalog.errors import DataError
from catalog.head_training import train_head

CLASSES, DIM = 5, 12


def clouds(rows: int, seed: int, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, rows)
    centres = 2.0 * np.random.default_rng(99).standard_normal((CLASSES, DIM))
    features = (centres[labels] + spread * rng.standard_normal((rows, DIM))) * np.geomspace(
        0.01, 100.0, DIM
    ) + 3.0
    return features.astype(np.float32), labels


def test_it_is_as_accurate_as_scikit_learn() -> None:
    train, validation = clouds(600, 0), clouds(400, 1)
    peer = LogisticRegression(max_iter=2000).fit((train[0] - 3.0) / np.geomspace(0.01, 100.0, DIM), train[1])
    expected = peer.score((validation[0] - 3.0) / np.geomspace(0.01, 100.0, DIM), validation[1])
    assert train_head(train, validation, CLASSES).accuracy >= expected - 0.01


def test_accuracy_is_that_of_the_weights_it_returns() -> None:
    validation = clouds(300, 1)
    trained = train_head(clouds(600, 0), validation, CLASSES)
    answers = trained.weights.confidences(validation[0]).argmax(axis=1)
    assert trained.accuracy == (answers == validation[1]).mean()
    assert trained.calibration_error < 0.1


def test_the_same_features_give_the_same_weights() -> None:
    train, validation = clouds(300, 0), clouds(200, 1)
    a, b = (train_head(train, validation, CLASSES).weights for _ in range(2))
    np.testing.assert_array_equal(a.weight, b.weight)
    assert a.temperature == b.temperature


def test_half_precision_features_are_welcome() -> None:
    train, validation = clouds(600, 0), clouds(300, 1)
    halves = (train[0].astype(np.float16), train[1])
    assert train_head(halves, validation, CLASSES).accuracy > 0.8


def test_a_feature_that_never_varies_does_no_harm() -> None:
    train, validation = clouds(300, 0), clouds(200, 1)
    train[0][:, 3] = 7.0
    validation[0][:, 3] = 7.0
    assert np.isfinite(train_head(train, validation, CLASSES).weights.weight).all()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda x, y: (x[:0], y[:0]), "0 rows"),
        (lambda x, y: (x, y + 1), r"labels 1\.\.5: expected 0\.\.4"),
        (lambda x, y: (np.where(x > 0, np.inf, x), y), "not finite"),
        (lambda x, y: (x, np.zeros_like(y)), "single class"),
        (lambda x, y: (x, y[:-1]), "300 rows of training features with 299 labels"),
    ],
)
def test_features_that_cannot_be_learned_from_are_refused(change: object, expected: str) -> None:
    train = change(*clouds(300, 0))  # type: ignore[operator]
    with pytest.raises(DataError, match=expected):
        train_head(train, clouds(100, 1), CLASSES)
