from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.datasets.data_spec import SPLITS
from catalog.datasets.joining import join_training
from catalog.datasets.prepared_data import WindowFolder
from catalog.errors import DataError

SIZES_PX = (4, 8)


def window(number: int, size_px: int) -> np.ndarray:
    return np.full((size_px, size_px, 3), number, np.uint8)


def task(root: Path, train: dict[int, int], held_out: dict[int, int]) -> WindowFolder:
    """Windows by number, each with its label; those held out validate and test."""
    folder = WindowFolder(root)
    for split in SPLITS:
        chosen = train if split == "train" else held_out
        for size_px in SIZES_PX:
            folder.create(split, len(chosen), size_px)[:] = np.stack([window(n, size_px) for n in chosen])
        folder.write_labels(split, np.array(list(chosen.values()), np.int64))
    return folder


def test_a_window_that_two_tasks_have_is_one_row_with_both_labels(tmp_path: Path) -> None:
    age = task(tmp_path / "age", {1: 0, 2: 1, 3: 2}, {90: 0})
    gender = task(tmp_path / "gender", {3: 1, 4: 0}, {91: 0})
    found = join_training([age, gender], [], SIZES_PX, WindowFolder(tmp_path / "both"))
    assert (found.windows, found.labelled, found.held_out) == (4, (3, 2), 0)
    for size_px in SIZES_PX:
        both = WindowFolder(tmp_path / "both").read("train", size_px)
        assert both.labels.tolist() == [[0, -1], [1, -1], [2, 1], [-1, 0]]
        np.testing.assert_array_equal(both.windows, np.stack([window(n, size_px) for n in (1, 2, 3, 4)]))


def test_what_is_held_out_for_any_task_trains_none(tmp_path: Path) -> None:
    age = task(tmp_path / "age", {1: 0, 2: 1, 3: 2}, {4: 0})
    gender = task(tmp_path / "gender", {4: 1, 5: 0}, {2: 0})
    beard = task(tmp_path / "beard", {6: 0}, {3: 0})
    found = join_training([age, gender], [beard], SIZES_PX, WindowFolder(tmp_path / "both"))
    assert found.held_out == 3
    both = WindowFolder(tmp_path / "both").read("train", 4)
    assert both.windows[:, 0, 0, 0].tolist() == [1, 5]
    assert both.labels.tolist() == [[0, -1], [-1, 0]]


def test_a_window_that_one_task_has_twice_keeps_both_its_labels(tmp_path: Path) -> None:
    folder = task(tmp_path / "age", {1: 0, 2: 1}, {9: 0})
    for size_px in SIZES_PX:
        folder.create("train", 2, size_px)[:] = window(1, size_px)
    join_training([folder, folder], [], SIZES_PX, WindowFolder(tmp_path / "both"))
    assert WindowFolder(tmp_path / "both").read("train", 4).labels[:, 0].tolist() == [0, 1]


def test_a_task_of_which_nothing_is_left_is_named(tmp_path: Path) -> None:
    age = task(tmp_path / "age", {1: 0, 2: 1}, {9: 0})
    gender = task(tmp_path / "gender", {3: 1}, {1: 0})
    beard = task(tmp_path / "beard", {4: 1}, {3: 0})
    with pytest.raises(DataError, match=r"task\.gender: every training window validates or tests"):
        join_training([age, gender], [beard], SIZES_PX, WindowFolder(tmp_path / "both"))
