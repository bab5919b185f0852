"""Training windows of several tasks as one set, each window once, with a label for each task that has one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.datasets.prepared_data import WindowFolder
from catalog.errors import DataError
from catalog.labelled_windows import UNLABELLED

Int64 = npt.NDArray[np.int64]

_ROWS_AT_A_TIME = 1024
_HELD_OUT = ("validation", "test")


@dataclass(frozen=True, slots=True)
class JoinedData:
    """What was joined.

    Args:
        windows: how many there are.
        labelled: how many of them have a label for each task.
        held_out: training windows left out because they validate or test another task.
    """

    windows: int
    labelled: tuple[int, ...]
    held_out: int


def join_training(
    tasks: Sequence[WindowFolder],
    others: Sequence[WindowFolder],
    sizes_px: Sequence[int],
    into: WindowFolder,
) -> JoinedData:
    """Write the training windows of several tasks into one folder, with labels (N, T).

    A window that several tasks have is one row with several labels. Windows that validate or test any
    task are left out: a trunk that has seen them would make accuracies look better than they are.

    Args:
        tasks: whose windows train, in the order of the labels.
        others: more tasks with windows of the same kind, whose held-out windows are left out too.
        sizes_px: sides that are prepared.
        into: where the joined windows go.

    Raises:
        DataError: a task of which no training window is left.
        RunFailed: the disk cannot be written.
    """
    largest_px = max(sizes_px)
    kept_out = {
        key for folder in (*tasks, *others) for s in _HELD_OUT for key in _keys(folder, s, largest_px)
    }
    sources, labels, held_out = _merged(tasks, largest_px, kept_out)
    labelled = (labels != UNLABELLED).sum(axis=0)
    if not labelled.all():
        name = tasks[int(np.argmin(labelled))].root.name
        raise DataError(
            f"task.{name}: every training window validates or tests a task of the same input: "
            "split their data alike"
        )
    for size_px in sizes_px:
        _gather(tasks, sources, into, size_px)
    into.write_labels("train", labels)
    return JoinedData(len(labels), tuple(labelled.tolist()), held_out)


def _merged(tasks: Sequence[WindowFolder], size_px: int, kept_out: set[bytes]) -> tuple[Int64, Int64, int]:
    """Return where each joined window comes from, (N, 2) of task and row; labels (N, T); how many are out."""
    sources: list[tuple[int, int]] = []
    labels: list[list[int]] = []
    places: dict[bytes, list[int]] = {}
    held_out = 0
    for t, folder in enumerate(tasks):
        own = folder.read("train", size_px).labels.tolist()
        for row, key in enumerate(_keys(folder, "train", size_px)):
            if key in kept_out:
                held_out += 1
                continue
            same = places.setdefault(key, [])
            free = [place for place in same if labels[place][t] == UNLABELLED]
            if not free:
                free = [len(labels)]
                same.append(len(labels))
                sources.append((t, row))
                labels.append([UNLABELLED] * len(tasks))
            labels[free[0]][t] = own[row]
    return (
        np.array(sources, np.int64).reshape(-1, 2),
        np.array(labels, np.int64).reshape(-1, len(tasks)),
        held_out,
    )


def _keys(folder: WindowFolder, split: str, size_px: int) -> Iterator[bytes]:
    for window in folder.read(split, size_px).windows:
        yield hashlib.sha256(window.tobytes()).digest()


def _gather(tasks: Sequence[WindowFolder], sources: Int64, into: WindowFolder, size_px: int) -> None:
    windows = into.create("train", len(sources), size_px)
    own = [folder.read("train", size_px).windows for folder in tasks]
    for t, rows in enumerate(own):
        mine = np.flatnonzero(sources[:, 0] == t)
        for start in range(0, len(mine), _ROWS_AT_A_TIME):
            some = mine[start : start + _ROWS_AT_A_TIME]
            windows[some] = rows[sources[some, 1]]
