from __future__ import annotations

import numpy as np
import pytest

from catalog.deep_compression.magnitude_pruning import kept_shares, largest_weights, pruning_rungs


def test_the_largest_magnitudes_of_a_layer_stay() -> None:
    weights = np.array([[0.1, -3.0, 0.2], [2.0, -0.3, 0.0]], np.float32)
    assert largest_weights(weights, 0.5).tolist() == [[False, True, False], [True, True, False]]


def test_a_weight_that_was_pruned_never_comes_back() -> None:
    weights = np.array([0.0, 0.0, 0.0, 5.0], np.float32)
    assert largest_weights(weights, 0.75).tolist() == [False, False, False, True]


def test_a_layer_keeps_at_least_one_weight() -> None:
    assert largest_weights(np.array([1.0, 2.0, 3.0], np.float32), 0.01).sum() == 1


def test_small_layers_keep_a_larger_share() -> None:
    # LeNet-5, of which Han et al. keep 66 %, 12 %, 8 % and 19 %.
    assert kept_shares([500, 25_000, 400_000, 5_000], 0.08) == pytest.approx(
        [1.0, 0.32, 0.08, 0.716], abs=0.01
    )


def test_every_pruning_keeps_the_same_share_of_what_was_left() -> None:
    rungs = pruning_rungs(0.0625, 4)
    assert rungs == pytest.approx([0.5, 0.25, 0.125, 0.0625])
