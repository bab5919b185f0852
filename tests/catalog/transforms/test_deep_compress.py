from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, numpy_helper

from catalog.deep_compression.compressed_file import compressed_part, decompressed_part
from catalog.graph_costs import describe_part
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.models.architecture import Architecture
from catalog.store import head_to_bytes
from catalog.tasks import InputType
from catalog.transforms.deep_compress import DeepCompress, deep_compress
from catalog.transforms.recipe import Bench, Effort, Family, StoredTrunk
from catalog.transforms.scale import full_size
from tests.catalog.graphs import features_part, normal, pixels_part, save


def bench(tmp_path: Path) -> Bench:
    parts = (pixels_part(), features_part())
    paths = tuple(save(p, tmp_path / f"{k}.onnx") for k, p in enumerate(parts))
    head = tmp_path / "head.safetensors"
    head.write_bytes(head_to_bytes(HeadWeights(normal(0, 2, 6), normal(1, 2), 1.0)))
    labels = np.arange(40) % 2
    windows = np.broadcast_to((150 * labels)[:, None, None, None], (40, 8, 8, 3)).astype(np.uint8)
    stored = StoredTrunk(8, paths, head)
    return Bench(
        1, 8, 2, LabelledWindows(windows, labels), Effort(), {"whole": stored}.__getitem__, lambda _: None
    )


def test_a_compressed_trunk_runs_as_before_and_downloads_in_fewer_bytes(tmp_path: Path) -> None:
    made = DeepCompress("whole", kept=0.3).make(bench(tmp_path))
    before = [p.SerializeToString() for p in (pixels_part(), features_part())]
    for old, new in zip(before, made, strict=True):
        assert describe_part(new, "n").macs == describe_part(old, "o").macs
        assert describe_part(new, "n").output_shape == describe_part(old, "o").output_shape
        file = compressed_part(new)
        assert decompressed_part(file, "file") == new
        assert len(file) < 0.75 * len(compressed_part(old))


def test_the_kept_share_says_how_many_weights_are_left(tmp_path: Path) -> None:
    def left(kept: float) -> int:
        model = ModelProto()
        model.ParseFromString(DeepCompress("whole", kept=kept).make(bench(tmp_path))[1])
        return sum(np.count_nonzero(numpy_helper.to_array(t)) for t in model.graph.initializer)

    assert left(0.1) < left(0.4)


def test_it_starts_from_the_trunk_that_it_is_planned_for() -> None:
    family = Family("conv", Architecture("convnet"), InputType("digit", 16), ())
    base = full_size(family)
    (planned,) = deep_compress(family, base)
    assert planned.after == (base.name,)
    assert planned.recipe == DeepCompress(base.name)
    assert planned.lineage == (*base.lineage, "deep-compress kept=0.2")
