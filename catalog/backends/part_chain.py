"""Parts run one after the other, as one callable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.backends.protocol import Array, Backend

Float32 = npt.NDArray[np.float32]


class PartChain:
    """Stored parts in order, loaded at once.

    Raises:
        BackendError: a part cannot be loaded.
    """

    def __init__(self, backend: Backend, paths: Sequence[Path]) -> None:
        self._parts = [backend.load(path) for path in paths]

    def __call__(self, inputs: Array) -> Float32:
        """Return what the last part gives for a batch that the first part reads; see LoadedPart."""
        values = inputs
        for part in self._parts:
            values = part(values)
        return np.asarray(values, dtype=np.float32)
