"""Training windows in shuffled batches, varied by small shifts and changes of light."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from catalog.labelled_windows import LabelledWindows
from catalog.training.joint_tasks import mixed_order

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_SHIFT_SHARE = 1 / 16
_GAIN = 0.15
_OFFSET = 15.0


def in_order(windows: UInt8, batch: int) -> Iterator[UInt8]:
    """Yield windows in stored order, batch by batch."""
    for start in range(0, len(windows), batch):
        yield np.ascontiguousarray(windows[start : start + batch])


def shuffled(data: LabelledWindows, batch: int, rng: np.random.Generator) -> Iterator[tuple[UInt8, Int64]]:
    """Yield one epoch of varied windows with their labels; a last batch of one is left out.

    Windows that tasks share are mixed evenly, see mixed_order.
    """
    order = rng.permutation(len(data)) if data.labels.ndim == 1 else mixed_order(data.labels, rng)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        if len(rows) < 2:  # batch normalisation needs more than one
            continue
        yield varied(data.windows[rows], rng), data.labels[rows]


def varied(windows: UInt8, rng: np.random.Generator) -> UInt8:
    """Shift a batch (N, S, S, 3) by up to a sixteenth of its side and change each window's light.

    What is asked about a window must not depend on these; mirroring is left out because it does for
    digits and text.
    """
    size = windows.shape[1]
    reach = max(1, round(size * _SHIFT_SHARE))
    dy, dx = rng.integers(-reach, reach + 1, 2)
    rows = np.clip(np.arange(size) + dy, 0, size - 1)
    columns = np.clip(np.arange(size) + dx, 0, size - 1)
    gain = rng.uniform(1.0 - _GAIN, 1.0 + _GAIN, (len(windows), 1, 1, 1)).astype(np.float32)
    offset = rng.uniform(-_OFFSET, _OFFSET, (len(windows), 1, 1, 1)).astype(np.float32)
    lit = windows[:, rows][:, :, columns] * gain + offset
    return np.asarray(np.clip(lit, 0.0, 255.0), dtype=np.uint8)
