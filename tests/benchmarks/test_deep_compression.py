from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.compression_stages import layer_figures, pruned_bytes, raw_bytes, shared_bytes
from benchmarks.deep_compression import (
    CASES,
    FoldResult,
    change_interval,
    fold_result,
    notes,
    stage_rows,
    verdict,
)
from benchmarks.lenets import lenet_5, lenet_300_100
from catalog.deep_compression.retraining import CompressionPlan
from catalog.heads import HeadWeights


def test_the_networks_have_the_published_sizes() -> None:
    assert raw_bytes(*lenet_300_100(0)) == 4 * 266_610
    assert raw_bytes(*lenet_5(0)) == 4 * 431_080


def test_every_stage_makes_a_network_smaller_and_coding_changes_no_answer() -> None:
    plan = CompressionPlan(0.1, rungs=1, rung_epochs=1, settling_epochs=1, sharing_epochs=1)
    case = replace(CASES[-1], epochs=3, plan=plan)
    result = fold_result(case, seed=0, fold=1)
    trained, pruned, shared, coded = result.sizes_bytes
    assert trained == 4 * 50_610
    assert trained > 2 * pruned > 4 * shared > 4.2 * coded
    assert result.wrong.shape == (4, len(result.rows))
    assert np.array_equal(result.wrong[2], result.wrong[3])
    assert result.wrong[0].mean() < 0.3
    rows = stage_rows(case, [result])
    assert rows[-1]["size_bytes"] == coded
    assert rows[-1]["weights_left_pct"] == pytest.approx(sum_left(result), rel=1e-6)
    assert "times smaller" in verdict(rows[-1])


def sum_left(result: FoldResult) -> float:
    return sum(f.left_pct * f.weights for f in result.layers) / sum(f.weights for f in result.layers)


def test_sizes_and_bits_of_two_values_without_zeros_are_known() -> None:
    model, head = lenet_300_100(0, side_px=8)
    head = HeadWeights(np.sign(head.weight), head.bias, 1.0)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("weight"):
            values = np.sign(np.frombuffer(tensor.raw_data, np.float32))
            tensor.raw_data = values.tobytes()
    weights, biases, tensors = 50_200, 410, 3
    assert pruned_bytes(model, head) == 4 * (weights + biases)
    # One bit a weight and two values a codebook; biases are all zero and take nothing.
    assert shared_bytes(model, head) == weights // 8 + 8 * tensors
    for figures in layer_figures(model, head):
        assert (figures.left_pct, figures.values) == (100.0, 2)
        assert (figures.index_bits, figures.index_bits_coded, figures.gap_bits_coded) == (1.0, 1.0, 0.0)


def test_the_interval_holds_the_change_and_is_nothing_where_nothing_changed() -> None:
    rng = np.random.default_rng(1)
    wrong = rng.random((2, 500)) < np.array([[0.02], [0.10]])
    result = FoldResult(np.arange(500), wrong, (1, 1), [])
    low, high = change_interval([result], 1)
    assert low < 100 * float(wrong[1].mean() - wrong[0].mean()) < high
    assert low > 0.0
    assert change_interval([result], 0) == (0.0, 0.0)


def test_notes_tell_of_the_networks_that_ran_alone() -> None:
    told = " ".join(notes([CASES[0].name]))
    assert f"{CASES[0].name} {CASES[0].epochs} and {CASES[0].plan.all_epochs}" in told
    assert "8 px" not in told
    assert "8 px" in " ".join(notes([CASES[-1].name]))
