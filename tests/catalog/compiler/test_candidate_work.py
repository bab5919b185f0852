from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.compiler.candidate_work import make_candidate
from catalog.compiler.compile_log import CompileLog, CompilePlan
from catalog.compiler.workplace import Workplace
from catalog.models.architecture import Architecture
from catalog.store import Catalog, open_catalog
from catalog.tasks import InputType
from catalog.transforms.recipe import Candidate
from catalog.transforms.trained_trunks import TrainTrunk
from tests.catalog.compiler.bright_windows import EFFORT, SIDE, workplace

COUNTS = {"train": (60, 50, 4), "validation": (20, 10, 3), "test": (8, 8, 8)}
SMALL = Candidate("small", "patch", SIDE, TrainTrunk(Architecture("convnet"), 0.25, 0.33), ("train small",))


def made(place: Workplace) -> Catalog:
    plan = CompilePlan(place, (InputType("patch", SIDE),), (SMALL,), "", {})
    log = CompileLog(plan, {}, lambda: "2026-01-01T00:00:00Z")
    log.finish(make_candidate(place, SMALL, {}, lambda _: None))
    return open_catalog(place.root)


def test_of_large_splits_an_even_share_of_every_class_is_stored(tmp_path: Path) -> None:
    whole = made(workplace(tmp_path / "whole", COUNTS))
    capped = made(workplace(tmp_path / "capped", COUNTS, replace(EFFORT, stored_features=24)))
    for split, expected in (("train", [10, 10, 4]), ("validation", [11, 10, 3])):
        some, everything = (c.features("small", "level", split) for c in (capped, whole))
        assert np.bincount(some.labels).tolist() == expected
        rows = {
            row.tobytes(): label for row, label in zip(everything.features, everything.labels, strict=True)
        }
        assert all(rows[x.tobytes()] == y for x, y in zip(some.features, some.labels, strict=True))


def test_heads_are_trained_on_all_windows_whatever_is_stored(tmp_path: Path) -> None:
    whole = made(workplace(tmp_path / "whole", COUNTS))
    capped = made(workplace(tmp_path / "capped", COUNTS, replace(EFFORT, stored_features=6)))
    assert [h.id for h in capped.contents.heads] == [h.id for h in whole.contents.heads]
