from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.compiler.benches import bench_for
from catalog.datasets.joining import join_training
from catalog.training.joint_tasks import JointTasks
from catalog.transforms.recipe import Bench
from tests.catalog.compiler.bright_windows import SIDE, SMALL, workplace

COUNTS = {"train": (20, 20, 20), "validation": (4, 4, 4), "test": (4, 4, 4)}


def bench(root: Path, weights: dict[str, float]) -> Bench:
    place = workplace(root, COUNTS, sides=30, weights=weights)
    if weights:
        folders = [place.folder(t.name) for t in place.trainers("patch")]
        join_training(folders, [], [SIDE], place.joined_folder("patch"))
    return bench_for(place, SMALL, {}, lambda _: None)


def test_the_first_task_trains_alone_by_its_own_labels(tmp_path: Path) -> None:
    made = bench(tmp_path, {})
    assert (made.classes, made.tasks) == (3, None)
    assert made.data.labels.tolist() == [0] * 20 + [1] * 20 + [2] * 20


def test_tasks_with_weights_train_together_by_the_labels_that_each_window_has(tmp_path: Path) -> None:
    made = bench(tmp_path, {"level": 1.0, "sides": 0.5})
    assert (made.classes, made.tasks) == (5, JointTasks((3, 2), (1.0, 0.5)))
    assert len(made.data.windows) == 90
    assert ((made.data.labels >= 0).sum(axis=0) == [60, 30]).all()
    assert np.unique((made.data.labels >= 0).sum(axis=1)).tolist() == [1]


def test_a_window_may_be_mirrored_where_its_input_type_says_so(tmp_path: Path) -> None:
    place = workplace(tmp_path, COUNTS, sides=30, weights={})
    told = replace(place, mirrored_alike=frozenset({SMALL.input_type}))
    for here, expected in ((place, False), (told, True)):
        made = bench_for(here, SMALL, {}, lambda _: None)
        assert made.data.mirrored_alike == expected
        assert made.data_at is not None
        assert made.data_at(SIDE).mirrored_alike == expected
