"""What a backend promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class LoadedPart(Protocol):
    """A part in memory, ready to run."""

    def __call__(self, inputs: Array) -> npt.NDArray[np.float32]:
        """Run on a batch (N, ...): uint8 (N, S, S, 3) RGB for a first part, else float32.

        Raises:
            BackendError: the shape does not fit or the runtime failed.
        """


class Backend(Protocol):
    """Loads stored parts; one value holds its settings (threads), never a part."""

    @property
    def name(self) -> str:
        """Name in profiles: "onnxruntime", "torch"."""

    def load(self, path: Path) -> LoadedPart:
        """Load a stored part.

        Raises:
            BackendError: the file cannot be read or holds what this backend cannot run.
        """
