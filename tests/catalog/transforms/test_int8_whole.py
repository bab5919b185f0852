from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.canonical import canonical_bytes
from catalog.graph_costs import describe_part
from catalog.labelled_windows import LabelledWindows
from catalog.models.architecture import Architecture
from catalog.models.assembly import assembled
from catalog.models.trunk_graphs import trunk_graphs
from catalog.transforms.int8 import Quantise
from catalog.transforms.int8_whole import QuantiseWhole, joined
from catalog.transforms.recipe import Bench, Effort, StoredTrunk
from tests.catalog.graphs import save

SIDE = 16
WINDOWS = np.random.default_rng(0).integers(0, 256, (64, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """A narrow residual network in three parts."""
    built = assembled(Architecture("resnet"), SIDE, 4, {"width": 0.25}, 0)
    windows = torch.randint(0, 256, (3, SIDE, SIDE, 3), dtype=torch.uint8)
    folder = tmp_path_factory.mktemp("resnet")
    graphs = [ModelProto.FromString(canonical_bytes(g)) for g in trunk_graphs(built, windows)]
    return tuple(save(graph, folder / f"{k}.onnx") for k, graph in enumerate(graphs))


def bench(parts: tuple[Path, ...]) -> Bench:
    stored = StoredTrunk(SIDE, parts, Path("no-head"))
    data = LabelledWindows(WINDOWS, np.zeros(len(WINDOWS), np.int64))
    return Bench(1, SIDE, 2, data, Effort(), {"trunk": stored}.__getitem__, lambda _: None)


def answers(paths: tuple[Path, ...]) -> np.ndarray:
    return PartChain(OnnxruntimeBackend(threads=1), paths)(WINDOWS)


def test_joined_parts_compute_what_they_did_one_after_another(
    parts: tuple[Path, ...], tmp_path: Path
) -> None:
    whole = joined([ModelProto.FromString(p.read_bytes()) for p in parts])
    written = tmp_path / "whole.onnx"
    written.write_bytes(canonical_bytes(whole))
    np.testing.assert_allclose(answers((written,)), answers(parts), rtol=1e-4, atol=1e-5)


def test_a_whole_trunk_in_int8_answers_nearly_as_before(parts: tuple[Path, ...], tmp_path: Path) -> None:
    (data,) = QuantiseWhole("trunk").make(bench(parts))
    assert QuantiseWhole("trunk").make(bench(parts)) == (data,)
    written = tmp_path / "whole.onnx"
    written.write_bytes(data)
    before, after = answers(parts), answers((written,))
    assert float(np.abs(after - before).mean()) < 0.1 * float(before.std())


def test_one_part_needs_less_memory_than_several_in_int8(parts: tuple[Path, ...]) -> None:
    (whole,) = QuantiseWhole("trunk").make(bench(parts))
    several = [describe_part(data, "s") for data in Quantise("trunk").make(bench(parts))]
    one = describe_part(whole, "w")
    assert one.precision == "int8"
    assert (one.input_shape, one.output_shape) == (several[0].input_shape, several[-1].output_shape)
    assert one.activation_bytes < 0.5 * sum(p.activation_bytes for p in several)
