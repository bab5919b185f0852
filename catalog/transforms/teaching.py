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
from catalog.training.distillation import Distillation, Lesson
from catalog.transforms.recipe import Bench, StoredTrunk
from catalog.transforms.starting import starting_head

_WINDOWS_A_CALL = 64

Float32 = npt.NDArray[np.float32]


class StoredTeacher:
    """Teaches with a stored trunk, on one thread.

    It reads the windows that its student is shown at a side of its own: cut from the original image, and
    shifted, lit and mixed in the same way. A view is seen as a whole when it is first shown, always in the
    same calls, and its features are kept: a trunk has many students, which see the same views, and is
    larger than they are.

    Args:
        trunk: float parts and heads of the tasks that its students learn.
        data: training windows at its side, in the students' order.
        kept: folder for features of these windows; None to keep those of the last view alone.
    """

    def __init__(self, trunk: StoredTrunk, data: LabelledWindows, kept: Path | None = None) -> None:
        self._chain = PartChain(OnnxruntimeBackend(threads=1), trunk.parts)
        self._head = starting_head(trunk)
        self._data = data
        self._kept = None if kept is None else kept / _identity(trunk)
        self._view: str | None = None
        self._features: Float32 = np.empty((0, 0), np.float32)
        self._logits: Float32 = np.empty((0, 0), np.float32)

    def __call__(self, batch: Batch) -> Lesson:
        """Return the lesson of a batch; see Teacher."""
        if batch.view.name != self._view:
            self._features = self._features_of(batch.view)
            self._logits = self._answers_to(self._features)
            self._view = batch.view.name
        return Lesson(self._features[batch.rows], self._logits[batch.rows])

    def _features_of(self, view: View) -> Float32:
        """Return features of all windows of a view."""
        file = None if self._kept is None else self._kept / f"{view.name}.features.npy"
        if file is not None and file.is_file():
            return np.asarray(np.load(file, allow_pickle=False), np.float32)
        features = np.concatenate(
            [self._called(view, start) for start in range(0, len(self._data), _WINDOWS_A_CALL)]
        )
        if file is not None:
            stream = io.BytesIO()
            np.save(stream, features)
            write_whole(file, stream.getvalue())
        return features

    def _answers_to(self, features: Float32) -> Float32:
        """Return logits, in the same calls for new features and for kept ones: rounding depends on that."""
        answers = [
            features[start : start + _WINDOWS_A_CALL] @ self._head.weight.T + self._head.bias
            for start in range(0, len(features), _WINDOWS_A_CALL)
        ]
        return np.concatenate(answers).astype(np.float32)

    def _called(self, view: View, start: int) -> Float32:
        rows = np.arange(start, min(start + _WINDOWS_A_CALL, len(self._data)))
        return self._chain(view.shown(self._data.windows, rows))


def taught_by(trunk: StoredTrunk, bench: Bench) -> Distillation:
    """Return the distillation from a stored trunk of the same tasks, at its own side.

    Raises:
        RunFailed: its windows are not at hand, or its answers cannot be kept: the disk is full.
        BackendError: a part cannot be loaded.
        CatalogError: a file is not a stored head.
    """
    data = bench.data
    if trunk.size_px != bench.size_px:
        if bench.data_at is None:
            raise RunFailed(f"no windows of {trunk.size_px} px for its teacher: expected {bench.size_px} px")
        data = bench.data_at(trunk.size_px)
    return Distillation(StoredTeacher(trunk, data, bench.answers), feature_weight=bench.feature_weight)


def taught_while_changed(start: StoredTrunk, bench: Bench) -> Distillation:
    """Return the distillation for a trunk made from a stored one: from its tutor, or else from that one.

    Raises:
        RunFailed: see taught_by, as for the others.
    """
    return taught_by(start if bench.tutor is None else bench.tutor, bench)


def _identity(trunk: StoredTrunk) -> str:
    """Return what tells trunks with their heads apart: stored files are named by what they hold."""
    files = (*trunk.parts, trunk.head, *trunk.further_heads)
    return hashlib.sha256(" ".join(f.name for f in files).encode()).hexdigest()[:16]
