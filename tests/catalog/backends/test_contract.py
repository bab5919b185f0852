"""What every backend promises, run against each of them."""

from __future__ import annotations

import gc
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from catalog.backends import table
from catalog.backends.part_chain import PartChain
from catalog.backends.protocol import Backend
from catalog.backends.table import open_backend
from catalog.errors import BackendError, BadInput, MissingExtra
from tests.catalog.graphs import features_part, model, normal, pixels_part, save

RELATIVE, ABSOLUTE = 1e-4, 1e-5


@pytest.fixture(params=["onnxruntime", "openvino", "torch"])
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


@pytest.mark.parametrize("shape", [(1, 7, 8, 3), (1, 8, 8, 4), (8, 8, 3), (0, 8, 8, 3), ()])
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


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_it_gives_what_the_default_backend_gives(backend: Backend, tmp_path: Path, batch: int) -> None:
    paths = [save(pixels_part(), tmp_path / "a.onnx"), save(features_part(), tmp_path / "b.onnx")]
    expected = PartChain(open_backend("onnxruntime"), paths)(windows(batch))
    np.testing.assert_allclose(PartChain(backend, paths)(windows(batch)), expected, RELATIVE, ABSOLUTE)


def test_a_part_takes_batches_of_any_size_in_any_order(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    for batch in (8, 1, 3, 8):
        assert part(windows(batch)).shape[0] == batch


def test_answers_stay_as_they_were_given(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    first = part(windows(2))
    kept = first.copy()
    part(255 - windows(2))
    np.testing.assert_array_equal(first, kept)


def test_values_need_not_lie_side_by_side_in_memory(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    wide = windows(4, side=16)[:, ::2, ::2]
    np.testing.assert_array_equal(part(wide), part(wide.copy()))


def test_values_need_not_be_writable(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(pixels_part(), tmp_path / "p.onnx"))
    given = windows(2)
    given.flags.writeable = False
    np.testing.assert_array_equal(part(given), part(windows(2)))


def test_a_part_serves_several_threads(backend: Backend, tmp_path: Path) -> None:
    part = backend.load(save(features_part(), tmp_path / "p.onnx"))
    inputs = [normal(k, 1 + k % 3, 4, 4, 4) for k in range(40)]
    expected = [part(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(part, inputs), expected, strict=True):
            np.testing.assert_allclose(found, alone, RELATIVE, ABSOLUTE)


def test_more_threads_give_the_same(backend: Backend, tmp_path: Path) -> None:
    path = save(features_part(), tmp_path / "p.onnx")
    x = normal(3, 8, 4, 4, 4)
    found = open_backend(backend.name, threads=2).load(path)(x)
    np.testing.assert_allclose(found, backend.load(path)(x), RELATIVE, ABSOLUTE)


def test_what_is_not_a_number_stays_so(backend: Backend, tmp_path: Path) -> None:
    graph = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (7,), (3,), {"w": normal(0, 7, 3)})
    x = normal(1, 2, 7)
    x[0, 0] = np.nan
    result = backend.load(save(graph, tmp_path / "p.onnx"))(x)
    assert np.isnan(result[0]).all()
    assert np.isfinite(result[1]).all()


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="reads /proc")
def test_memory_is_given_back_with_the_part(backend: Backend, tmp_path: Path) -> None:
    weights = {"w": normal(0, 2000, 2000)}
    graph = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (2000,), (2000,), weights)
    path = save(graph, tmp_path / "p.onnx")
    backend.load(path)(normal(1, 1, 2000))
    before = resident_bytes()
    for _ in range(5):
        backend.load(path)(normal(1, 1, 2000))
        gc.collect()
    assert resident_bytes() - before < 3 * weights["w"].nbytes


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_one_thread_is_the_one_that_calls(backend: Backend, tmp_path: Path) -> None:
    weights = {"w": normal(0, 1000, 1000)}
    graph = model([helper.make_node("MatMul", ["x", "w"], ["y"])], (1000,), (1000,), weights)
    part, x = backend.load(save(graph, tmp_path / "p.onnx")), normal(1, 512, 1000)
    all_s, own_s = time.process_time(), time.thread_time()
    while time.thread_time() < own_s + 0.2:
        part(x)
    assert time.process_time() - all_s < 1.2 * (time.thread_time() - own_s)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
def test_parts_keep_no_threads_but_openvinos_two_idle_ones_that_later_parts_reuse(
    backend: Backend, tmp_path: Path
) -> None:
    path = save(pixels_part(), tmp_path / "p.onnx")
    backend.load(path)(windows(1))
    allowed = threads() + 4 * (2 if backend.name == "openvino" else 0)
    for _ in range(3):
        parts = [backend.load(path) for _ in range(4)]
        for part in parts:
            part(windows(4))
        assert threads() <= allowed
        del parts, part
        gc.collect()


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_an_unknown_backend_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="onnxruntime, openvino, torch"):
        open_backend("abacus")


def test_a_precision_that_a_backend_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(BadInput, match="onnxruntime: precision 'bf16': expected one of f32"):
        open_backend("onnxruntime", precision="bf16")


def test_a_package_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "find_spec", lambda package: None)
    assert table.installed_backends() == ()
    with pytest.raises(
        MissingExtra, match=r"backend openvino needs openvino: pip install 'mcdnn\[openvino\]'"
    ):
        open_backend("openvino")


def test_a_broken_package_is_a_backend_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catalog.backends.openvino_backend", None)
    with pytest.raises(BackendError, match="openvino is installed but cannot be imported"):
        open_backend("openvino")
