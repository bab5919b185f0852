"""Logistic regression: features are worked on in blocks, which must not show in what comes out."""

from __future__ import annotations

import numpy as np
import pytest

import catalog.logistic_regression
from catalog.logistic_regression import Float64, fit_logistic

ROWS, FEATURES, CLASSES = 500, 16, 3
BLOCKS = {"one": 2**30, "even": 4 * FEATURES * 100, "one row is left": 4 * FEATURES * 499}


def fitted(monkeypatch: pytest.MonkeyPatch, block_bytes: int, rows: int = ROWS) -> Float64:
    monkeypatch.setattr(catalog.logistic_regression, "_BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(3)
    labels = rng.integers(0, CLASSES, rows)
    features = rng.standard_normal((rows, FEATURES)).astype(np.float32)
    features[np.arange(rows), labels] += 1.0
    weights = rng.uniform(0.5, 1.5, rows).astype(np.float32)
    return fit_logistic(features, labels, weights / weights.sum(), 1e-2, np.zeros((CLASSES, FEATURES + 1)))


@pytest.mark.parametrize("blocks", ["even", "one row is left"])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, blocks: str) -> None:
    found = fitted(monkeypatch, BLOCKS[blocks])
    assert np.abs(found[:, :CLASSES]).min() > 0.01
    np.testing.assert_allclose(found, fitted(monkeypatch, BLOCKS["one"]), atol=2e-3)


def test_fewer_rows_than_a_block_takes_are_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_allclose(
        fitted(monkeypatch, 1, rows=40), fitted(monkeypatch, BLOCKS["one"], rows=40), atol=2e-3
    )
