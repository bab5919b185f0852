from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.openvino_backend import OpenvinoBackend
from catalog.backends.torch_reference import TorchReference
from catalog.canonical import canonical_bytes
from catalog.graph_costs import describe_part
from catalog.tasks import InputType
from catalog.transforms import bf16
from catalog.transforms.bf16 import RoundToBf16, rounded
from catalog.transforms.recipe import Candidate, Family
from tests.catalog.graphs import features_part, normal, pixels_part, save

FAMILY = Family("c", "convnet", InputType("digit", 16), ())
BASE = Candidate("c-w100", "digit", 16, RoundToBf16("x"), ("train convnet",))


@pytest.mark.parametrize("make", [OnnxruntimeBackend, OpenvinoBackend, TorchReference])
def test_rounded_parts_run_everywhere_and_are_close_to_the_float_ones(make: type, tmp_path: Path) -> None:
    float_path = save(features_part(), tmp_path / "f.onnx")
    path = save(rounded(features_part()), tmp_path / "b.onnx")
    x = normal(0, 4, 4, 4, 4)
    exact = OnnxruntimeBackend().load(float_path)(x)
    found = make().load(path)(x)
    np.testing.assert_allclose(found, exact, atol=0.02 * np.abs(exact).max())
    assert not np.array_equal(found, exact)


@pytest.mark.parametrize("make", [pixels_part, features_part])
def test_a_rounded_part_is_known_by_its_weights_and_takes_half_the_bytes(make: type) -> None:
    before, after = (describe_part(canonical_bytes(m), "p") for m in (make(), rounded(make())))
    assert (before.precision, after.precision) == ("f32", "bf16")
    assert after.weight_bytes < 0.75 * before.weight_bytes
    assert (after.macs, after.activation_bytes) == (before.macs, before.activation_bytes)


def test_the_canonical_form_keeps_the_rounded_weights(tmp_path: Path) -> None:
    kept = ModelProto()
    kept.ParseFromString(canonical_bytes(rounded(features_part())))
    paths = [save(rounded(features_part()), tmp_path / "a.onnx"), save(kept, tmp_path / "b.onnx")]
    x = normal(0, 2, 4, 4, 4)
    first, second = (OnnxruntimeBackend().load(p)(x) for p in paths)
    np.testing.assert_array_equal(first, second)


def test_it_is_planned_only_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bf16, "has_bf16", lambda: False)
    assert bf16.bf16(FAMILY, BASE) == []
    assert bf16.hindrance_here() == "this processor does not multiply bfloat16 in hardware"
    monkeypatch.setattr(bf16, "has_bf16", lambda: True)
    (planned,) = bf16.bf16(FAMILY, BASE)
    assert (planned.name, planned.after) == ("c-w100-bf16", ("c-w100",))
    assert planned.lineage == ("train convnet", "bf16 weights and arithmetic")
