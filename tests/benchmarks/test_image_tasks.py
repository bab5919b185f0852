"""Faces and scenes become task files that the compiler takes, with every image in one split alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import face_tasks, scene_tasks
from benchmarks.face_tasks import age_band
from benchmarks.image_lists import every_nth_for_validation
from catalog.errors import BadInput
from mcdnn.task_file import read_task_file
from tests.outside_data import outside_folder


def files(path: Path) -> list[str]:
    return [row.rpartition(",")[0] for row in path.read_text().splitlines()[1:]]


def check_splits(folder: Path, task: str) -> None:
    splits = [files(folder / f"{task}_{split}.csv") for split in ("train", "validation", "test")]
    listed = [file for split in splits for file in split]
    assert all(splits)
    assert len(set(listed)) == len(listed)
    assert all(Path(file).is_file() for file in listed[:20])


@pytest.mark.data
def test_faces_are_three_tasks_that_train_one_trunk(tmp_path: Path) -> None:
    path = face_tasks.write_faces(outside_folder("faces").parent, tmp_path, face_tasks.QUICK)
    request = read_task_file(str(path))
    assert [t.name for t in request.tasks] == ["identity", "age", "gender"]
    assert set(request.trunk_weights()) == {"identity", "age", "gender"}
    for task in ("identity", "age", "gender"):
        check_splits(tmp_path, task)


@pytest.mark.data
def test_scenes_are_one_task(tmp_path: Path) -> None:
    path = scene_tasks.write_scenes(outside_folder("scenes").parent, tmp_path, scene_tasks.QUICK)
    assert [t.name for t in read_task_file(str(path)).tasks] == ["scene"]
    check_splits(tmp_path, "scene")


def test_missing_faces_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no faces"):
        face_tasks.write_faces(tmp_path, tmp_path / "out", face_tasks.QUICK)


def test_every_label_has_images_for_validation() -> None:
    images = [(Path(f"{n}.jpg"), "ab"[n % 2]) for n in range(20)]
    splits = every_nth_for_validation(images, 5)
    assert [label for _, label in splits["validation"]] == ["a", "b", "a", "b"]
    assert len(splits["train"]) + len(splits["validation"]) == 20


@pytest.mark.parametrize(("years", "band"), [(1, "child"), (12, "child"), (13, "young"), (116, "old")])
def test_ages_fall_into_bands(years: int, band: str) -> None:
    assert age_band(years) == band
