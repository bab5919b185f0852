from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, helper

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.store import head_to_bytes
from catalog.transforms.lowrank import Factorise, best_pair, factorised
from catalog.transforms.recipe import Bench, Effort, StoredTrunk
from catalog.transforms.thinner_layers import Thinning
from tests.catalog.graphs import features_part, model, normal, pixels_part, save


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 99))
def test_a_pair_is_the_best_of_its_rank(rows: int, columns: int, seed: int) -> None:
    matrix = normal(seed, rows, columns)
    values = np.linalg.svd(matrix, compute_uv=False)
    for rank in range(1, min(rows, columns) + 1):
        left, right = best_pair(matrix, rank)
        assert left.shape == (rows, rank)
        assert right.shape == (rank, columns)
        error = float(np.linalg.norm(matrix - left @ right))
        assert error == pytest.approx(float(np.linalg.norm(values[rank:])), abs=1e-4)


def run(graph: ModelProto, path: Path, x: np.ndarray) -> np.ndarray:
    return OnnxruntimeBackend().load(save(graph, path))(x)


def separable_weight(outputs: int, inputs: int, rank: int) -> np.ndarray:
    down, across = normal(0, rank, inputs, 3), normal(1, outputs, rank, 3)
    return np.einsum("riy,orx->oiyx", down, across).astype(np.float32)


@pytest.mark.parametrize(
    "settings", [{}, {"strides": [2, 2]}, {"pads": [1, 0, 0, 1]}, {"auto_pad": "NOTSET"}]
)
def test_a_convolution_of_low_rank_is_replaced_without_loss(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    given_settings = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3], **settings}
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], **given_settings)
    weights = {"w": separable_weight(8, 8, 3), "b": normal(2, 8)}
    x = normal(3, 2, 8, 7, 7)
    probe = model([node], (8, 7, 7), (8, 1, 1), weights)
    del probe.graph.output[0].type.tensor_type.shape.dim[:]
    expected = run(probe, tmp_path / "a.onnx", x)
    graph = factorised(probe, Thinning(0.5))
    assert [n.op_type for n in graph.graph.node] == ["Conv", "Conv"]
    np.testing.assert_allclose(run(graph, tmp_path / "b.onnx", x), expected, 1e-3, 1e-3)


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_linear_layer_of_low_rank_is_replaced_without_loss(tmp_path: Path, transposed: int) -> None:
    weight = (normal(0, 16, 4) @ normal(1, 4, 12)).astype(np.float32)
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=transposed)
    weights = {"w": weight.T.copy() if transposed else weight, "b": normal(2, 12)}
    whole = model([node], (16,), (12,), weights)
    x = normal(3, 5, 16)
    found = run(factorised(whole, Thinning(0.7)), tmp_path / "b.onnx", x)
    np.testing.assert_allclose(found, run(whole, tmp_path / "a.onnx", x), 1e-3, 1e-3)


def test_it_takes_the_share_of_operations_that_is_kept() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    whole = model([node], (32, 8, 8), (32, 8, 8), {"w": normal(0, 32, 32, 3, 3)})
    before = describe_part(whole.SerializeToString(), "a")
    after = describe_part(factorised(whole, Thinning(0.5)).SerializeToString(), "b")
    assert 0.45 <= after.macs / before.macs <= 0.5
    assert after.weight_bytes <= 0.5 * before.weight_bytes
    assert after.output_shape == before.output_shape


def test_fewer_filters_do_where_they_hold_enough_of_the_weights() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    weight = separable_weight(16, 16, 3) + 0.01 * normal(9, 16, 16, 3, 3)
    whole = model([node], (16, 8, 8), (16, 8, 8), {"w": weight})

    def filters(energy: float) -> int:
        made = factorised(whole, Thinning(0.9, energy))
        return int(next(t for t in made.graph.initializer if t.name == "y.down").dims[0])

    assert filters(0.999) == 3
    assert filters(0.5) < 3 < filters(1.0)


@pytest.mark.parametrize("settings", [{"group": 8}, {"dilations": [2, 2]}])
def test_convolutions_of_another_kind_stay(settings: dict[str, object]) -> None:
    inputs = 1 if "group" in settings else 8
    node = helper.make_node("Conv", ["x", "w"], ["y"], **settings)
    side = 3 if "dilations" in settings else 5
    graph = model([node], (8, 7, 7), (8, side, side), {"w": normal(0, 8, inputs, 3, 3)})
    assert factorised(graph, Thinning(0.5)) == graph


def bench(tmp_path: Path, parts: list[ModelProto]) -> Bench:
    paths = tuple(save(p, tmp_path / f"{k}.onnx") for k, p in enumerate(parts))
    head = tmp_path / "head.safetensors"
    head.write_bytes(head_to_bytes(HeadWeights(normal(0, 2, 6), normal(1, 2), 1.0)))
    labels = np.arange(40) % 2
    windows = np.broadcast_to((150 * labels)[:, None, None, None], (40, 8, 8, 3)).astype(np.uint8)
    stored = StoredTrunk(8, paths, head)
    return Bench(
        1, 8, 2, LabelledWindows(windows, labels), Effort(), {"whole": stored}.__getitem__, lambda _: None
    )


def test_a_factorised_trunk_is_tuned_and_smaller(tmp_path: Path) -> None:
    made = Factorise("whole").make(bench(tmp_path, [pixels_part(), features_part()]))
    before = [describe_part(p.SerializeToString(), "a") for p in (pixels_part(), features_part())]
    after = [describe_part(data, "b") for data in made]
    assert sum(p.macs for p in after) < sum(p.macs for p in before)
    assert [p.output_shape for p in after] == [p.output_shape for p in before]


def test_the_same_trunk_is_factorised_to_the_same_bytes(tmp_path: Path) -> None:
    here = bench(tmp_path, [pixels_part(), features_part()])
    assert Factorise("whole").make(here) == Factorise("whole").make(here)


def test_a_trunk_that_cannot_get_cheaper_is_given_up(tmp_path: Path) -> None:
    product = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (2,), (2,), {"w": normal(0, 2, 2)})
    with pytest.raises(RunFailed, match="no layer of whole gets cheaper"):
        Factorise("whole").make(bench(tmp_path, [product]))
