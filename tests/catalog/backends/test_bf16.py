from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.backends import table
from catalog.backends.openvino_backend import OpenvinoBackend
from catalog.backends.table import backend_for, offered_precisions, open_backend
from catalog.backends.torch_reference import TorchReference
from catalog.errors import BackendError
from tests.catalog.graphs import features_part, normal, save


def test_a_processor_without_bf16_offers_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "has_bf16", lambda: False)
    assert offered_precisions("openvino") == ("f32",)
    with pytest.raises(BackendError, match="openvino: this processor has no bf16"):
        open_backend("openvino", precision="bf16")


def test_a_processor_with_bf16_offers_it_where_the_backend_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "has_bf16", lambda: True)
    assert offered_precisions("onnxruntime") == ("f32",)
    assert offered_precisions("openvino") == ("f32", "bf16")


def test_torch_rounds_to_bf16(tmp_path: Path) -> None:
    path = save(features_part(), tmp_path / "p.onnx")
    x = normal(0, 4, 4, 4, 4)
    exact, rounded = TorchReference().load(path)(x), TorchReference(precision="bf16").load(path)(x)
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, exact, atol=0.03 * np.abs(exact).max())
    assert not np.array_equal(rounded, exact)


def test_openvino_does_not_fall_back_to_f32_in_silence(tmp_path: Path) -> None:
    path = save(features_part(), tmp_path / "p.onnx")
    x = normal(0, 4, 4, 4, 4)
    try:
        rounded = OpenvinoBackend(precision="bf16").load(path)(x)
    except BackendError as e:
        assert "no bf16 on this processor" in str(e)
    else:
        assert not np.array_equal(rounded, OpenvinoBackend().load(path)(x))


def test_accuracy_of_float_and_int8_is_measured_by_the_default_backend() -> None:
    assert backend_for("f32").name == backend_for("int8").name == "onnxruntime"


def test_accuracy_of_bf16_is_measured_in_bf16_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "has_bf16", lambda: True)
    found = backend_for("bf16")
    assert isinstance(found, OpenvinoBackend)
    assert found.precision == "bf16"
    monkeypatch.setattr(table, "has_bf16", lambda: False)
    with pytest.raises(BackendError, match="no backend here has bf16"):
        backend_for("bf16")
