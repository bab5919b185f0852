from __future__ import annotations

from benchmarks.backends import measured
from catalog.models.architecture import Architecture


def test_every_backend_is_measured_against_eager_torch_and_gives_the_same() -> None:
    rows = measured(Architecture("convnet"), threads=1, rounds=1)
    kinds = {(row["backend"], row["precision"]) for row in rows}
    assert {("eager torch", "f32"), ("onnxruntime", "f32"), ("onnxruntime", "int8")} <= kinds
    assert rows[0]["speedup"] == rows[0]["work_ratio"] == 1.0
    for row in rows:
        assert isinstance(row["difference"], float)
        assert row["difference"] < {"f32": 1e-4, "bf16": 0.05, "int8": 0.1}[str(row["precision"])]
