from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto
from torch import Tensor, nn

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.errors import RunFailed
from catalog.training.convnet import convnet
from catalog.training.export import export_parts
from tests.catalog.graphs import save

EXAMPLE = torch.randint(0, 256, (2, 12, 12, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def parts() -> list[nn.Module]:
    torch.manual_seed(0)
    return [p.eval() for p in convnet(12, width=0.25, depth=0.67)]


@pytest.fixture(scope="module")
def models(parts: list[nn.Module]) -> list[ModelProto]:
    return export_parts(parts, EXAMPLE)


def test_each_part_is_a_graph_of_its_own(models: list[ModelProto]) -> None:
    first, second = models
    assert first.graph.output[0].name == second.graph.input[0].name
    assert [len(m.graph.input) for m in models] == [len(m.graph.output) for m in models] == [1, 1]


def test_graphs_give_what_the_modules_give_at_any_batch(
    parts: list[nn.Module], models: list[ModelProto], tmp_path: Path
) -> None:
    paths = [save(m, tmp_path / f"{k}.onnx") for k, m in enumerate(models)]
    windows = torch.randint(0, 256, (5, 12, 12, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected = parts[1](parts[0](windows)).numpy()
    found = PartChain(OnnxruntimeBackend(), paths)(windows.numpy())
    np.testing.assert_allclose(found, expected, 1e-3, 1e-4)


def test_batch_normalisation_is_folded_away(models: list[ModelProto]) -> None:
    operators = {n.op_type for m in models for n in m.graph.node}
    assert operators <= {"Transpose", "Cast", "Sub", "Mul", "Conv", "Relu", "ReduceMean"}


class Undecided(nn.Module):
    """Chooses by the values that it sees, which no graph can."""

    def forward(self, x: Tensor) -> Tensor:
        return x.float() if x.float().mean() > 0 else -x.float()


def test_a_module_that_no_graph_expresses_is_a_clear_error() -> None:
    with pytest.raises(RunFailed, match="the exporter cannot express the architecture"):
        export_parts([Undecided()], EXAMPLE)
