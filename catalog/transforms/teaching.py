"""A stored trunk with its head as the teacher of smaller ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.errors import RunFailed
from catalog.labelled_windows import LabelledWindows
from catalog.training.batches import Batch
from catalog.training.distillation import Distillation
from catalog.transforms.recipe import Bench, StoredTrunk
from catalog.transforms.starting import starting_head


class StoredTeacher:
    """Answers with a stored trunk, on one thread.

    It reads the windows that its student is shown at a side of its own: cut from the original image, and
    shifted and lit in the same way.

    Args:
        trunk: float parts and heads of the tasks that its students learn.
        data: training windows at its side, in the students' order.
    """

    def __init__(self, trunk: StoredTrunk, data: LabelledWindows) -> None:
        self._chain = PartChain(OnnxruntimeBackend(threads=1), trunk.parts)
        self._head = starting_head(trunk)
        self._data = data

    def __call__(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Return logits (N, C); see Teacher."""
        features = self._chain(batch.variation(self._data.windows[batch.rows]))
        return np.asarray(features @ self._head.weight.T + self._head.bias, dtype=np.float32)


def taught_by(trunk: StoredTrunk, bench: Bench) -> Distillation:
    """Return the distillation from a stored trunk of the same tasks, at its own side.

    Raises:
        RunFailed: its windows are not at hand.
        BackendError: a part cannot be loaded.
        CatalogError: a file is not a stored head.
    """
    if trunk.size_px == bench.size_px:
        return Distillation(StoredTeacher(trunk, bench.data))
    if bench.data_at is None:
        raise RunFailed(f"no windows of {trunk.size_px} px for its teacher: expected {bench.size_px} px")
    return Distillation(StoredTeacher(trunk, bench.data_at(trunk.size_px)))
