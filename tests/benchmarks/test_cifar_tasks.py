"""The tiles of CIFAR-10 become a task file that the compiler takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cifar_tasks import CLASSES, ObjectsScale, read_tiles, write_objects
from catalog.errors import BadInput
from mcdnn.task_file import read_task_file
from tests.outside_data import outside_folder


@pytest.mark.data
def test_tiles_become_images_lists_and_a_task_file(tmp_path: Path) -> None:
    path = write_objects(outside_folder("objects").parent, tmp_path, ObjectsScale(every=200, tuning_epochs=1))
    request = read_task_file(str(path))
    assert [m.architecture.weights is not None for m in request.models] == [True, True, True]
    lines = {
        n: (tmp_path / f"object_{n}.csv").read_text().splitlines()[1:]
        for n in ("train", "validation", "test")
    }
    assert {n: len(rows) for n, rows in lines.items()} == {"train": 80, "validation": 10, "test": 10}
    assert {row.rpartition(",")[2] for row in lines["test"]} == set(CLASSES)
    assert all(Path(row.rpartition(",")[0]).is_file() for row in lines["validation"])


def test_a_missing_mosaic_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.webp: no such image"):
        read_tiles(tmp_path / "nothing.webp")
