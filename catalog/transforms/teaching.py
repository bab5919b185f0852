"""A stored trunk with its head as the teacher of smaller ones."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.durable_file import write_whole
from catalog.errors import RunFailed
from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import Batch, View
from catalog.training.distillation import Distillation
from catalog.transforms.recipe import Bench, StoredTrunk
from catalog.transforms.starting import starting_head

_WINDOWS_A_CALL = 64

Float32 = npt.NDArray[np.float32]


class StoredTeacher:
    """Answers with a stored trunk, on one thread.

    It reads the windows that its student is shown at a side of its own: cut from the original image, and
    shifted and lit in the same way. A view is answered as a whole when it is first shown, always in the
    same calls, and kept: a trunk has many students, which see the same views, and is larger than they are.

    Args:
        trunk: float parts and heads of the tasks that its students learn.
        data: training windows at its side, in the students' order.
        kept: folder for answers to these windows; None to keep those to the last view alone.
    """

    def __init__(self, trunk: StoredTrunk, data: LabelledWindows, kept: Path | None = None) -> None:
        self._chain = PartChain(OnnxruntimeBackend(threads=1), trunk.parts)
        self._head = starting_head(trunk)
        self._data = data
        self._kept = None if kept is None else kept / _identity(trunk)
        self._view: int | None = None
        self._answers: Float32 = np.empty((0, 0), np.float32)

    def __call__(self, batch: Batch) -> Float32:
        """Return logits (N, C); see Teacher."""
        if batch.view.number != self._view:
            self._answers = self._answers_to(batch.view)
            self._view = batch.view.number
        return self._answers[batch.rows]

    def _answers_to(self, view: View) -> Float32:
        """Return logits for all windows of a view."""
        file = None if self._kept is None else self._kept / f"{view.number}.npy"
        if file is not None and file.is_file():
            return np.asarray(np.load(file, allow_pickle=False), np.float32)
        answers = np.concatenate(
            [self._called(view, start) for start in range(0, len(self._data), _WINDOWS_A_CALL)]
        )
        if file is not None:
            stream = io.BytesIO()
            np.save(stream, answers)
            write_whole(file, stream.getvalue())
        return answers

    def _called(self, view: View, start: int) -> Float32:
        rows = np.arange(start, min(start + _WINDOWS_A_CALL, len(self._data)))
        features = self._chain(view.variation.of(rows)(self._data.windows[rows]))
        return np.asarray(features @ self._head.weight.T + self._head.bias, dtype=np.float32)


def taught_by(trunk: StoredTrunk, bench: Bench) -> Distillation:
    """Return the distillation from a stored trunk of the same tasks, at its own side.

    Raises:
        RunFailed: its windows are not at hand, or its answers cannot be kept: the disk is full.
        BackendError: a part cannot be loaded.
        CatalogError: a file is not a stored head.
    """
    if trunk.size_px == bench.size_px:
        return Distillation(StoredTeacher(trunk, bench.data, bench.answers))
    if bench.data_at is None:
        raise RunFailed(f"no windows of {trunk.size_px} px for its teacher: expected {bench.size_px} px")
    return Distillation(StoredTeacher(trunk, bench.data_at(trunk.size_px), bench.answers))


def _identity(trunk: StoredTrunk) -> str:
    """Return what tells trunks with their heads apart: stored files are named by what they hold."""
    files = (*trunk.parts, trunk.head, *trunk.further_heads)
    return hashlib.sha256(" ".join(f.name for f in files).encode()).hexdigest()[:16]
