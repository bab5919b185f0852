"""Windows with the class that each shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class LabelledWindows:
    """Windows (N, S, S, 3) uint8 RGB, possibly mapped from a file, and class ids (N,) int64.

    Windows that several tasks train a trunk with have labels (N, T), UNLABELLED where a task has none.

    Args:
        windows: see above.
        labels: see above.
        mirrored_alike: whether a mirrored window would have the same labels.
    """

    windows: UInt8
    labels: Int64
    mirrored_alike: bool = False

    def __len__(self) -> int:
        return len(self.labels)
