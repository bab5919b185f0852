from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper

from catalog.peak_memory import peak_memory_bytes
from tests.catalog.graphs import model, normal, save


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads /proc")
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_it_counts_the_weights_but_not_the_runtime(backend: str, tmp_path: Path) -> None:
    weights = {"w": normal(0, 1500, 1500)}
    graph = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (1500,), (1500,), weights)
    found = peak_memory_bytes(backend, "f32", 1, 1, save(graph, tmp_path / "p.onnx"))
    assert found is not None
    assert weights["w"].nbytes <= found <= 6 * weights["w"].nbytes


def test_a_part_that_cannot_run_has_none(tmp_path: Path) -> None:
    assert peak_memory_bytes("onnxruntime", "f32", 1, 1, tmp_path / "gone.onnx") is None
