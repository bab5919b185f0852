from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, helper

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.backends.torch_reference import TorchReference
from catalog.graph_costs import describe_part
from catalog.labelled_windows import LabelledWindows
from catalog.transforms.int8 import Quantise, quantised
from catalog.transforms.recipe import Bench, Effort, StoredTrunk
from tests.catalog.graphs import features_part, model, normal, pixels_part, save


def windows(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


def quantised_paths(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    whole = [save(pixels_part(), tmp_path / "a.onnx"), save(features_part(), tmp_path / "b.onnx")]
    data = LabelledWindows(windows(64), np.zeros(64, np.int64))
    stored = StoredTrunk(8, tuple(whole), tmp_path / "no-head")
    bench = Bench(1, 8, 2, data, Effort(), {"whole": stored}.__getitem__, lambda _: None)
    made = Quantise("whole").make(bench)
    assert Quantise("whole").make(bench) == made
    paths = [tmp_path / "qa.onnx", tmp_path / "qb.onnx"]
    for path, content in zip(paths, made, strict=True):
        path.write_bytes(content)
    return whole, paths


def test_a_quantised_trunk_answers_nearly_as_before_in_a_third_of_the_bytes(tmp_path: Path) -> None:
    whole, paths = quantised_paths(tmp_path)
    before, after = (PartChain(OnnxruntimeBackend(), chosen)(windows(16)) for chosen in (whole, paths))
    spread = float(before.std())
    assert float(np.abs(after - before).mean()) < 0.05 * spread
    descriptions = [describe_part(p.read_bytes(), "q") for p in paths]
    assert {d.precision for d in descriptions} == {"int8"}
    assert descriptions[0].input_shape == (8, 8, 3)
    floats = [describe_part(p.read_bytes(), "f") for p in whole]
    assert sum(d.weight_bytes for d in descriptions) < 0.6 * sum(d.weight_bytes for d in floats)


def test_the_torch_reference_runs_quantised_parts_alike(tmp_path: Path) -> None:
    _, paths = quantised_paths(tmp_path)
    fast, plain = (PartChain(b, paths)(windows(16)) for b in (OnnxruntimeBackend(), TorchReference()))
    assert float(np.abs(fast - plain).mean()) < 0.02 * float(plain.std())


def leaky_part(*, read_twice: bool, wide: int = 4) -> ModelProto:
    """(N, 3, 6, 6) -> convolution to W maps, PReLU, convolution -> (N, 4, 6, 6), plus the first if asked."""
    last = [helper.make_node("Conv", ["p", "v"], ["z" if read_twice else "y"])]
    last += [helper.make_node("Add", ["z", "c"], ["y"])] if read_twice else []
    return model(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("PRelu", ["c", "slope"], ["p"]),
            *last,
        ],
        (3, 6, 6),
        (4, 6, 6),
        {
            "w": normal(0, wide, 3, 3, 3),
            "v": normal(1, 4, wide, 1, 1),
            "slope": np.abs(normal(2, wide, 1, 1)).astype(np.float32),
        },
    )


def test_a_convolution_gives_a_prelu_what_it_has_unrounded(tmp_path: Path) -> None:
    inputs = [normal(k, 8, 3, 6, 6) for k in range(4)]
    for read_twice in (False, True):
        path = save(leaky_part(read_twice=read_twice), tmp_path / "leaky.onnx")
        graph = quantised(path, list(inputs), tmp_path).graph
        made_by = {name: node.op_type for node in graph.node for name in node.output}
        (leaky,) = (node for node in graph.node if node.op_type == "PRelu")
        assert made_by[leaky.input[0]] == ("DequantizeLinear" if read_twice else "Conv")
        assert all(name in made_by or name in {"x", *weights(graph)} for n in graph.node for name in n.input)


def test_a_quantised_prelu_answers_nearly_as_before(tmp_path: Path) -> None:
    path = save(leaky_part(read_twice=False), tmp_path / "leaky.onnx")
    inputs = normal(9, 8, 3, 6, 6)
    after = save(quantised(path, [inputs], tmp_path), tmp_path / "after.onnx")
    before, rounded = (PartChain(OnnxruntimeBackend(), [p])(inputs) for p in (path, after))
    assert float(np.abs(rounded - before).mean()) < 0.02 * float(before.std())


def test_what_runs_as_one_operator_is_counted_in_bytes(tmp_path: Path) -> None:
    """At most 32 maps of 6 x 6 bytes each come from the convolution and from the PReLU."""
    whole = save(leaky_part(read_twice=False, wide=32), tmp_path / "leaky.onnx")
    fused = quantised(whole, [normal(9, 8, 3, 6, 6)], tmp_path)
    assert describe_part(fused.SerializeToString(), "q").activation_bytes == 2 * 32 * 36
    assert describe_part(whole.read_bytes(), "f").activation_bytes == 4 * 2 * 32 * 36


def weights(graph: GraphProto) -> set[str]:
    return {tensor.name for tensor in graph.initializer}
