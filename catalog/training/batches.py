"""Training windows in shuffled batches, varied by small shifts and changes of light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """How a batch of N windows is varied: the same shift for all, light of its own for each.

    Args:
        down: shift, as a share of the windows' side; likewise across.
        gain: (N,) float32; what pixels are multiplied by.
        offset: (N,) float32; what is added then, in steps of 0..255.
    """

    down: float
    across: float
    gain: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]

    def __call__(self, windows: UInt8) -> UInt8:
        """Vary windows (N, S, S, 3) of any side."""
        size = windows.shape[1]
        rows = np.clip(np.arange(size) + round(self.down * size), 0, size - 1)
        columns = np.clip(np.arange(size) + round(self.across * size), 0, size - 1)
        gain, offset = (values.reshape(-1, 1, 1, 1) for values in (self.gain, self.offset))
        lit = windows[:, rows][:, :, columns] * gain + offset
        return np.asarray(np.clip(lit, 0.0, 255.0), dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some training windows.

    Args:
        windows: (N, S, S, 3) uint8 RGB, varied.
        labels: their rows of the labels.
        rows: (N,) which ones they are.
        variation: how they were varied.
    """

    windows: UInt8
    labels: Int64
    rows: Int64
    variation: Variation


def shuffled(data: LabelledWindows, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield one epoch of varied windows with their labels; a last batch of one is left out.

    Windows that tasks share are mixed evenly, see mixed_order.
    """
    order = rng.permutation(len(data)) if data.labels.ndim == 1 else mixed_order(data.labels, rng)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        if len(rows) < 2:  # batch normalisation needs more than one
            continue
        windows = data.windows[rows]
        variation = drawn_variation(len(rows), windows.shape[1], rng)
        yield Batch(variation(windows), data.labels[rows], rows, variation)


def drawn_variation(count: int, size_px: int, rng: np.random.Generator) -> Variation:
    """Draw a shift by up to a sixteenth of the side, at least 1 px, and a change of each window's light.

    What is asked about a window must not depend on these; mirroring is left out because it does for
    digits and text.
    """
    reach = max(1, round(size_px * _SHIFT_SHARE))
    down, across = (rng.integers(-reach, reach + 1, 2) / size_px).tolist()
    gain = rng.uniform(1.0 - _GAIN, 1.0 + _GAIN, count).astype(np.float32)
    offset = rng.uniform(-_OFFSET, _OFFSET, count).astype(np.float32)
    return Variation(down, across, gain, offset)
