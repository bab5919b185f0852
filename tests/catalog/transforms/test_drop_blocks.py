from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper

from catalog.backends.torch_graph import TorchGraph
from catalog.canonical import canonical_bytes
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part, macs_by_node
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.models.architecture import Architecture
from catalog.models.assembly import assembled
from catalog.models.trunk_graphs import trunk_graphs
from catalog.store import head_to_bytes
from catalog.transforms.drop_blocks import DropBlocks, shallower
from catalog.transforms.recipe import Bench, Effort, StoredTrunk
from catalog.transforms.residual_blocks import residual_blocks, without_blocks
from tests.catalog.graphs import features_part, model, normal, pixels_part, save

SIDE = 16


def resnet_graphs(arch: str = "resnet") -> list[ModelProto]:
    built = assembled(Architecture(arch), SIDE, 4, {"width": 0.25}, 0)
    windows = torch.randint(0, 256, (3, SIDE, SIDE, 3), dtype=torch.uint8)
    return [ModelProto.FromString(canonical_bytes(graph)) for graph in trunk_graphs(built, windows)]


def chain(*names: str) -> ModelProto:
    """Blocks y = x + w x, one after another, each with a weight of its own."""
    nodes, weights, at = [], {}, "x"
    for k, name in enumerate(names):
        weights[f"w{k}"] = normal(k, 4, 4)
        nodes.append(helper.make_node("MatMul", [at, f"w{k}"], [f"m{k}"]))
        nodes.append(helper.make_node("Add", [at, f"m{k}"], [name]))
        at = name
    return model(nodes, (4,), (4,), weights)


def bench(tmp_path: Path, parts: list[ModelProto], features: int) -> Bench:
    paths = tuple(save(p, tmp_path / f"{k}.onnx") for k, p in enumerate(parts))
    head = tmp_path / "head.safetensors"
    head.write_bytes(head_to_bytes(HeadWeights(normal(0, 2, features), normal(1, 2), 1.0)))
    labels = np.arange(48) % 2
    noise = np.random.default_rng(0).integers(0, 60, (48, SIDE, SIDE, 3))
    windows = (noise + (150 * labels)[:, None, None, None]).astype(np.uint8)
    stored = StoredTrunk(SIDE, paths, head)
    data, effort = LabelledWindows(windows, labels), Effort(1, 1, 1)
    return Bench(1, SIDE, 2, data, effort, {"whole": stored}.__getitem__, lambda _: None)


def test_the_blocks_of_a_residual_network_are_those_that_keep_the_shape() -> None:
    assert [len(residual_blocks(graph)) for graph in resnet_graphs()] == [3, 2, 2]
    assert sum(len(residual_blocks(graph)) for graph in resnet_graphs("mobilenet")) > 4
    assert residual_blocks(features_part()) == {}


def test_a_graph_without_a_block_computes_what_is_left_of_it() -> None:
    whole = chain("a", "b", "y")
    x = torch.from_numpy(normal(9, 5, 4))
    weights = [torch.from_numpy(normal(k, 4, 4)) for k in range(3)]

    def left(kept: list[int]) -> torch.Tensor:
        y = x
        for k in kept:
            y = y + y @ weights[k]
        return y

    cases = [("a", [1, 2]), ("b", [0, 2]), ("y", [0, 1]), ("ab", [2]), ("by", [0])]
    for dropped, kept in cases:
        graph = without_blocks(whole, dropped)
        torch.testing.assert_close(TorchGraph(graph)(x), left(kept))
        assert len(graph.graph.initializer) == len(kept)
        assert graph.graph.output[0].name == "y"


def test_the_last_block_of_a_graph_that_is_nothing_else_stays() -> None:
    assert residual_blocks(chain("y")) == {}
    assert set(residual_blocks(chain("a", "y"))) == {"a", "y"}


def test_a_product_of_a_tensor_with_itself_is_no_block() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("Add", ["r", "r"], ["y"])]
    twice = model(nodes, (4,), (4,), {})
    assert residual_blocks(twice) == {}


def test_blocks_go_until_the_share_is_left(tmp_path: Path) -> None:
    parts = resnet_graphs()
    features = describe_part(parts[-1].SerializeToString(), "last").output_shape[0]
    head = HeadWeights(normal(0, 2, features), normal(1, 2), 1.0)
    whole = sum(sum(macs_by_node(p)) for p in parts)
    for kept in (0.9, 0.6):
        left = shallower(parts, head, kept, bench(tmp_path, parts, features))
        assert sum(sum(macs_by_node(p)) for p in left) <= kept * whole
        assert len(left) == len(parts)


def test_the_block_that_the_answers_need_stays(tmp_path: Path) -> None:
    """Bright or dark is told by the mean; one block makes that clearer, the other does nothing."""
    needed, idle = 10.0 * np.eye(3, dtype=np.float32), np.zeros((3, 3), np.float32)
    for first, second, kept in ((needed, idle, "w1"), (idle, needed, "w2")):
        nodes = [
            helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["f", "axes"], ["m"], keepdims=0),
            helper.make_node("Add", ["m", "middle"], ["d"]),
            helper.make_node("MatMul", ["d", "w1"], ["e"]),
            helper.make_node("Add", ["d", "e"], ["g"]),
            helper.make_node("MatMul", ["g", "w2"], ["h"]),
            helper.make_node("Add", ["g", "h"], ["y"]),
        ]
        weights = {"w1": first, "w2": second, "middle": np.full(3, -105.0, np.float32)}
        axes = np.array([1, 2], np.int64)
        trunk = model(nodes, (SIDE, SIDE, 3), (3,), {**weights, "axes": axes}, pixels=True)
        head = HeadWeights(np.array([[-1e-3] * 3, [1e-3] * 3], np.float32), np.zeros(2, np.float32), 1.0)
        (left,) = shallower([trunk], head, 0.6, bench(tmp_path, [trunk], 3))
        assert [t.name for t in left.graph.initializer if t.name.startswith("w")] == [kept]


def test_a_shallower_trunk_is_tuned_and_fits_together(tmp_path: Path) -> None:
    parts = resnet_graphs()
    features = describe_part(parts[-1].SerializeToString(), "last").output_shape[0]
    made = DropBlocks("whole", 0.7).make(bench(tmp_path, parts, features))
    before = [describe_part(p.SerializeToString(), "a") for p in parts]
    after = [describe_part(data, "b") for data in made]
    assert sum(p.macs for p in after) <= 0.7 * sum(p.macs for p in before)
    assert sum(p.memory_bytes for p in after) < sum(p.memory_bytes for p in before)
    for a, b in zip(after, before, strict=True):
        assert (a.input_shape, a.output_shape) == (b.input_shape, b.output_shape)


def test_a_trunk_without_residual_blocks_is_given_up(tmp_path: Path) -> None:
    here = bench(tmp_path, [pixels_part(), features_part()], 6)
    windows = here.data.windows[:, :8, :8]
    here = replace(here, size_px=8, data=LabelledWindows(np.ascontiguousarray(windows), here.data.labels))
    with pytest.raises(RunFailed, match="no block of whole can be left out"):
        DropBlocks("whole").make(here)


def test_a_block_whose_absence_a_moment_of_training_makes_up_for_goes_first(tmp_path: Path) -> None:
    """Without "offset" all answers are off by a constant; without "bend" neither dark nor bright can be told.

    One class is dark or bright, the other in between, so features that only rise with the light are no use.
    """
    weights = {
        "axes": np.array([1, 2], np.int64),
        "middle": np.full(3, -100.0, np.float32),
        "bend": -2.0 * np.eye(3, dtype=np.float32),
        "none": np.zeros((3, 3), np.float32),
        "offset": np.full(3, 90.0, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f", "axes"], ["m"], keepdims=0),
        helper.make_node("Add", ["m", "middle"], ["d"]),
        helper.make_node("MatMul", ["d", "bend"], ["twice"]),
        helper.make_node("Relu", ["twice"], ["below"]),
        helper.make_node("Add", ["d", "below"], ["away"]),
        helper.make_node("Gemm", ["away", "none", "offset"], ["same"]),
        helper.make_node("Add", ["away", "same"], ["y"]),
    ]
    trunk = model(nodes, (SIDE, SIDE, 3), (3,), weights, pixels=True)
    light = np.array([40, 160, 90, 110])[np.arange(1600) % 4]
    noise = np.random.default_rng(0).integers(-20, 20, (1600, SIDE, SIDE, 3))
    windows = (light[:, None, None, None] + noise).astype(np.uint8)
    labels = (np.arange(1600) % 4 < 2).astype(np.int64)
    rising = 0.01 * np.array([[-1] * 3, [1] * 3], np.float32)
    head = HeadWeights(rising, np.array([3.75, -3.75], np.float32), 1.0)
    here = replace(bench(tmp_path, [trunk], 3), data=LabelledWindows(windows, labels))
    (left,) = shallower([trunk], head, 0.6, here)
    assert "bend" in {t.name for t in left.graph.initializer}
