from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, helper

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part
from catalog.transforms.thinner_layers import Thinning
from catalog.transforms.tucker import Tucker, tucker_factorised, tucker_factors
from tests.catalog.graphs import features_part, model, normal, pixels_part, save
from tests.catalog.transforms.test_lowrank import bench


def whole_again(first: np.ndarray, core: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.einsum("op,pqhw,qi->oihw", last[:, :, 0, 0], core, first[:, :, 0, 0])


def of_ranks(p: int, q: int, outputs: int = 8, inputs: int = 8) -> np.ndarray:
    """A weight whose unfoldings along outputs and inputs have these ranks."""
    weight = np.einsum("op,pqhw,qi->oihw", normal(0, outputs, p), normal(1, p, q, 3, 3), normal(2, q, inputs))
    return weight.astype(np.float32)


def test_full_ranks_give_the_weight_back() -> None:
    weight = normal(0, 6, 5, 3, 3)
    np.testing.assert_allclose(whole_again(*tucker_factors(weight, 6, 5)), weight, rtol=1e-4, atol=1e-5)


def test_the_error_falls_with_each_rank_and_is_bounded_by_what_is_cut_off() -> None:
    weight = normal(0, 8, 8, 3, 3)
    outputs = np.linalg.svd(weight.reshape(8, -1), compute_uv=False)
    inputs = np.linalg.svd(weight.transpose(1, 0, 2, 3).reshape(8, -1), compute_uv=False)
    errors = np.array(
        [
            [np.square(weight - whole_again(*tucker_factors(weight, p, q))).sum() for q in range(1, 9)]
            for p in range(1, 9)
        ]
    )
    assert (np.diff(errors, axis=0) < 1e-4).all()
    assert (np.diff(errors, axis=1) < 1e-4).all()
    for p in range(1, 9):
        for q in range(1, 9):  # De Lathauwer et al., property 10
            assert errors[p - 1, q - 1] <= np.square(outputs[p:]).sum() + np.square(inputs[q:]).sum() + 1e-3


def test_no_more_ranks_are_kept_than_hold_the_energy() -> None:
    weight = of_ranks(3, 2) + 1e-3 * normal(5, 8, 8, 3, 3)
    assert tucker_factors(weight, 8, 8, energy=0.999)[1].shape == (3, 2, 3, 3)
    assert tucker_factors(weight, 8, 8)[1].shape == (8, 8, 3, 3)
    assert tucker_factors(weight, 1, 1, energy=0.999)[1].shape == (1, 1, 3, 3)


def run(graph: ModelProto, path: Path, x: np.ndarray) -> np.ndarray:
    return OnnxruntimeBackend().load(save(graph, path))(x)


@pytest.mark.parametrize(
    "settings",
    [
        {"pads": [1, 1, 1, 1]},
        {"strides": [2, 2]},
        {"pads": [1, 0, 0, 1]},
        {"dilations": [2, 2]},
        {"auto_pad": "SAME_UPPER"},
    ],
)
def test_a_convolution_of_low_rank_is_replaced_without_loss(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], kernel_shape=[3, 3], **settings)
    whole = model([node], (8, 7, 7), (8, 1, 1), {"w": of_ranks(2, 2), "b": normal(4, 8)})
    del whole.graph.output[0].type.tensor_type.shape.dim[:]
    x = normal(3, 2, 8, 7, 7)
    made = tucker_factorised(whole, Thinning(0.6))
    assert [n.op_type for n in made.graph.node] == ["Conv", "Conv", "Conv"]
    np.testing.assert_allclose(
        run(made, tmp_path / "b.onnx", x), run(whole, tmp_path / "a.onnx", x), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_it_takes_at_most_the_share_of_operations_that_is_kept(stride: int) -> None:
    pads, side = [1, 1, 1, 1], 8 // stride
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=pads, strides=[stride, stride])
    whole = model([node], (32, 8, 8), (64, side, side), {"w": normal(0, 64, 32, 3, 3)})
    before = describe_part(whole.SerializeToString(), "a")
    after = describe_part(tucker_factorised(whole, Thinning(0.5)).SerializeToString(), "b")
    assert 0.42 <= after.macs / before.macs <= 0.5
    assert after.output_shape == before.output_shape


@pytest.mark.parametrize(("kernel", "group"), [(1, 1), (3, 8)])
def test_convolutions_of_one_position_or_in_groups_stay(kernel: int, group: int) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=group)
    weight = normal(0, 8, 8 // group, kernel, kernel)
    graph = model([node], (8, 7, 7), (8, 8 - kernel, 8 - kernel), {"w": weight})
    assert tucker_factorised(graph, Thinning(0.5)) == graph


def test_a_trunk_is_tuned_smaller_and_to_the_same_bytes_again(tmp_path: Path) -> None:
    here = bench(tmp_path, [pixels_part(channels=16), features_part(channels=16)])
    made = Tucker("whole").make(here)
    before = [describe_part(p.read_bytes(), "a") for p in here.starting("whole").parts]
    after = [describe_part(data, "b") for data in made]
    assert sum(p.macs for p in after) < sum(p.macs for p in before)
    assert [p.output_shape for p in after] == [p.output_shape for p in before]
    assert made == Tucker("whole").make(here)


def test_a_trunk_that_cannot_get_cheaper_is_given_up(tmp_path: Path) -> None:
    product = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (2,), (2,), {"w": normal(0, 2, 2)})
    with pytest.raises(RunFailed, match="no layer of whole gets cheaper"):
        Tucker("whole").make(bench(tmp_path, [product]))
