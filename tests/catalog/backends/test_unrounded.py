from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from onnx import helper

from catalog.backends.table import open_backend
from catalog.backends.unrounded import unrounded
from catalog.transforms.int8 import quantised
from tests.catalog.graphs import features_part, model, normal, save


def test_values_are_cut_off_where_the_type_ends_and_nowhere_rounded(tmp_path: Path) -> None:
    scale = np.array(0.5, np.float32)
    graph = model(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
        ],
        (3,),
        (3,),
        {"s": scale, "z": np.array(55, np.uint8)},
    )
    run = open_backend("onnxruntime").load(save(unrounded(graph), tmp_path / "u.onnx"))
    answers = run(np.array([[-40.0, 0.3, 120.0]], np.float32))
    np.testing.assert_allclose(answers, [[-27.5, 0.3, 100.0]], rtol=1e-6)


def test_a_quantised_part_is_off_from_what_it_means_by_its_rounding_alone(tmp_path: Path) -> None:
    whole = save(features_part(), tmp_path / "whole.onnx")
    inputs = np.maximum(normal(3, 16, 4, 4, 4), 0.0)
    graph = quantised(whole, [inputs], tmp_path)
    before = Counter(node.op_type for node in graph.graph.node)
    meaning = unrounded(graph)
    kinds = Counter(node.op_type for node in meaning.graph.node)
    assert before["QuantizeLinear"] and not kinds["QuantizeLinear"]
    assert kinds["DequantizeLinear"]  # weights are still stored in bytes
    backend = open_backend("onnxruntime")
    meant = backend.load(save(meaning, tmp_path / "meant.onnx"))(inputs)
    rounded = backend.load(save(graph, tmp_path / "rounded.onnx"))(inputs)
    assert 0.0 < np.abs(rounded - meant).max() < 0.05 * np.abs(meant).max()
