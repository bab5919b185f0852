from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.backends import table
from catalog.backends.onnxruntime_backend import OnnxruntimePart
from catalog.backends.openvino_backend import OpenvinoPart
from catalog.backends.picked import PickedBackends
from catalog.backends.protocol import LoadedPart
from catalog.measurements import DeviceMeasurements, PartMeasurement
from tests.catalog.graphs import features_part, normal, save


def measured(*rows: tuple[str, str, str]) -> DeviceMeasurements:
    parts = tuple(
        PartMeasurement(p, backend, precision, 1, 1, 0.1, 0.1, 0.1) for p, backend, precision in rows
    )
    return DeviceMeasurements("host", "a machine", {}, "", parts, {})


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return save(features_part(), tmp_path / "p.onnx")


def kind(picked: PickedBackends, path: Path) -> type[LoadedPart]:
    return type(picked.load(path))


def test_each_part_is_run_by_what_was_picked_for_it(part: Path, tmp_path: Path) -> None:
    other = save(features_part(), tmp_path / "q.onnx")
    picked = PickedBackends(measured(("p", "openvino", "f32"), ("q", "onnxruntime", "f32")))
    assert kind(picked, part) is OpenvinoPart
    assert kind(picked, other) is OnnxruntimePart
    x = normal(0, 2, 4, 4, 4)
    np.testing.assert_allclose(picked.load(part)(x), picked.load(other)(x), 1e-4, 1e-5)


def test_a_part_that_was_not_measured_is_run_by_the_default(part: Path) -> None:
    assert kind(PickedBackends(measured()), part) is OnnxruntimePart


def test_an_int8_part_is_loaded_as_it_is_stored(part: Path) -> None:
    assert kind(PickedBackends(measured(("p", "onnxruntime", "int8"))), part) is OnnxruntimePart


def test_a_backend_that_is_not_installed_is_stood_in_for_and_named_once(
    part: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(table, "find_spec", lambda package: None)
    picked = PickedBackends(measured(("p", "openvino", "f32")))
    with caplog.at_level(logging.WARNING):
        assert kind(picked, part) is OnnxruntimePart
        assert kind(picked, part) is OnnxruntimePart
    assert len(caplog.messages) == 1
    assert "pip install 'mcdnn[openvino]'; onnxruntime runs the parts" in caplog.messages[0]


def test_a_precision_that_this_processor_lacks_is_stood_in_for(
    part: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(table, "has_bf16", lambda: False)
    rows = measured(("p", "openvino", "f32")).parts
    elsewhere = replace(measured(), parts=(replace(rows[0], precision="bf16"),))
    with caplog.at_level(logging.WARNING):
        assert kind(PickedBackends(elsewhere), part) is OnnxruntimePart
    assert "this processor has no bf16" in caplog.messages[0]
