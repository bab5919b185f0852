"""What every backend promises, run against each of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from catalog.backends.part_chain import PartChain
from catalog.backends.protocol import Backend
from catalog.backends.table import open_backend
from catalog.errors import BackendError, BadInput
from tests.catalog.graphs import features_part, model, normal, pixels_part, save

RELATIVE, ABSOLUTE = 1e-4, 1e-5


@pytest.fixture(params=["onnxruntime", "torch"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return open_backend(request.param, threads=1)


def windows(count: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_it_is_named_as_in_the_table(backend: Backend) -> None:
    assert open_backend(backend.name, threads=1).name == backend.name


@pytest.mark.parametrize("batch", [1, 4])
def test_a_first_part_reads_pixels_in_batches(backend: Backend, tmp_path: Path, batch: int) -> None:
    result = backend.load(save(pixels_part(), tmp_path / "p.onnx"))(windows(batch))
    assert result.shape == (batch, 4, 4, 4)
    assert result.dtype == np.float32
    assert result.min() >= 0.0
    assert result.max() > 0.0


@pytest.mark.parametrize("batch", [1, 4])
def test_a_last_part_gives_one_vector_a_window(backend: Backend, tmp_path: Path, batch: int) -> None:
    result = backend.load(save(features_part(), tmp_path / "p.onnx"))(normal(7, batch, 4, 4, 4))
    assert result.shape == (batch, 6)
    assert result.dtype == np.float32


def test_parts_in_a_chain_give_what_they_give_one_by_one(backend: Backend, tmp_path: Path) -> None:
    paths = [save(pixels_part(), tmp_path / "a.onnx"), save(features_part(), tmp_path / "b.onnx")]
    first, second = (backend.load(p) for p in paths)
    np.testing.assert_array_equal(PartChain(backend, paths)(windows(4)), second(first(windows(4))))


def test_a_window_is_answered_alike_alone_and_in_a_batch(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    batch = windows(4)
    alone = np.concatenate([part(batch[k : k + 1]) for k in range(4)])
    np.testing.assert_allclose(part(batch), alone, RELATIVE, ABSOLUTE)


@pytest.mark.parametrize("shape", [(1, 7, 8, 3), (1, 8, 8, 4), (8, 8, 3), ()])
def test_a_wrong_shape_is_a_backend_error(backend: Backend, tmp_path: Path, shape: tuple[int, ...]) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    with pytest.raises(BackendError, match=r"p\.onnx"):
        part(np.zeros(shape, np.uint8))


def test_a_wrong_element_type_is_a_backend_error(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    with pytest.raises(BackendError, match="float32"):
        part(np.zeros((1, 8, 8, 3), np.float32))


def test_a_missing_file_is_a_backend_error(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"gone\.onnx"):
        backend.load(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08\x09\x12"])
def test_a_damaged_file_is_a_backend_error(backend: Backend, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(BackendError, match=r"damaged\.onnx"):
        backend.load(path)


def test_an_operator_that_nobody_knows_is_a_backend_error(backend: Backend, tmp_path: Path) -> None:
    graph = model([helper.make_node("Frobnicate", ["x"], ["y"])], (2,), (2,), {})
    with pytest.raises(BackendError, match="Frobnicate"):
        backend.load(save(graph, tmp_path / "p.onnx"))


def test_an_unknown_backend_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="onnxruntime or torch"):
        open_backend("abacus")
