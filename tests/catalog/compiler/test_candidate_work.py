from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.compiler.candidate_work import make_candidate
from catalog.compiler.compile_log import CompileLog, CompilePlan
from catalog.compiler.workplace import Workplace
from catalog.datasets.joining import join_training
from catalog.deep_compression.compressed_file import compressed_part
from catalog.store import Catalog, open_catalog
from catalog.tasks import InputType
from catalog.transforms.deep_compress import DeepCompress
from catalog.transforms.int8 import Quantise
from catalog.transforms.lowrank import Factorise
from catalog.transforms.recipe import Candidate
from tests.catalog.compiler.bright_windows import EFFORT, SIDE, SMALL, workplace

COUNTS = {"train": (60, 50, 4), "validation": (20, 10, 3), "test": (8, 8, 8)}
LOWRANK = replace(SMALL, name="thin", recipe=Factorise("small"), lineage=("thin",), after=("small",))
INT8 = replace(SMALL, name="byte", recipe=Quantise("small"), lineage=("byte",), after=("small",))
DEEP = replace(SMALL, name="deep", recipe=DeepCompress("small", 0.3), lineage=("deep",), after=("small",))


def made(place: Workplace, *candidates: Candidate) -> Catalog:
    plan = CompilePlan(place, (InputType("patch", SIDE),), candidates, "", {})
    log = CompileLog(plan, {}, lambda: "2026-01-01T00:00:00Z")
    for candidate in candidates:
        log.finish(make_candidate(place, candidate, log.finished(), lambda _: None))
    return open_catalog(place.root)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A trunk with all of its features stored, and a smaller one to download."""
    return made(workplace(tmp_path_factory.mktemp("whole"), COUNTS), SMALL, DEEP)


def test_of_large_splits_an_even_share_is_stored_and_heads_are_trained_on_all(
    whole: Catalog, tmp_path: Path
) -> None:
    capped = made(workplace(tmp_path / "capped", COUNTS, replace(EFFORT, stored_features=24)), SMALL)
    for split, expected in (("train", [10, 10, 4]), ("validation", [11, 10, 3])):
        some, everything = (c.features("small", "level", split) for c in (capped, whole))
        assert np.bincount(some.labels).tolist() == expected
        pairs = zip(everything.features, everything.labels, strict=True)
        label_of = {row.tobytes(): label for row, label in pairs}
        assert [label_of[row.tobytes()] for row in some.features] == some.labels.tolist()

    assert [h.id for h in capped.contents.heads] == [h.id for h in whole.contents.heads if h.trunk == "small"]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Trunks of every kind that two tasks with data of their own train together."""
    root = tmp_path_factory.mktemp("together")
    effort = replace(EFFORT, tuning_epochs=2)
    place = workplace(root, COUNTS, effort, sides=80, weights={"level": 1.0, "sides": 2.0})
    join_training([place.folder("level"), place.folder("sides")], [], [SIDE], place.joined_folder("patch"))
    return made(place, SMALL, LOWRANK, INT8)


def test_tasks_with_data_of_their_own_share_trunks_that_they_train_together(together: Catalog) -> None:
    accuracy = {v.id: v.test_accuracy for v in together.variants.values()}
    assert set(accuracy) == {
        f"{trunk}/{task}" for trunk in ("small", "thin", "byte") for task in together.tasks
    }
    assert min(accuracy.values()) > 0.9


def test_a_trunk_that_tasks_train_together_learns_for_each_of_them(together: Catalog, tmp_path: Path) -> None:
    alone = made(workplace(tmp_path, COUNTS, sides=80), SMALL)
    assert alone.variants["small/sides"].test_accuracy < together.variants["small/sides"].test_accuracy


def test_what_a_part_takes_to_download_is_recorded(whole: Catalog) -> None:
    for part in whole.parts.values():
        assert part.download_bytes == len(compressed_part(whole.part_path(part.id).read_bytes()))
    small, deep = ([whole.parts[p] for p in whole.trunks[name].parts] for name in ("small", "deep"))
    assert sum(p.download_bytes or 0 for p in deep) < 0.6 * sum(p.download_bytes or 0 for p in small)
    assert [p.macs for p in deep] == [p.macs for p in small]
    assert whole.variants["deep/level"].test_accuracy > 0.8
