"""Training windows in shuffled batches, varied by small shifts, changes of light and mirroring."""

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
    """How a batch of N windows is varied.

    Args:
        shifts: (N, 2); how far down and across each moves, as shares of its side.
        gain: (N,) float32; what pixels are multiplied by.
        offset: (N,) float32; what is added then, in steps of 0..255.
        mirrored: (N,) which ones are seen as in a mirror.
    """

    shifts: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    mirrored: npt.NDArray[np.bool_]

    def __call__(self, windows: UInt8) -> UInt8:
        """Vary windows (N, S, S, 3) of any side; what moves in repeats the border."""
        size = windows.shape[1]
        moved = np.rint(self.shifts * size).astype(np.int64)  # (N, 2)
        places = np.arange(size)
        rows = np.clip(places + moved[:, :1], 0, size - 1)  # (N, S)
        columns = np.clip(places + moved[:, 1:], 0, size - 1)
        columns[self.mirrored] = columns[self.mirrored, ::-1]
        numbers = np.arange(len(windows))[:, np.newaxis, np.newaxis]
        gain, offset = (values.reshape(-1, 1, 1, 1) for values in (self.gain, self.offset))
        lit = windows[numbers, rows[:, :, np.newaxis], columns[:, np.newaxis]] * gain + offset
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
        variation = drawn_variation(len(rows), windows.shape[1], rng, data.mirrored_alike)
        yield Batch(variation(windows), data.labels[rows], rows, variation)


def drawn_variation(count: int, size_px: int, rng: np.random.Generator, mirror: bool) -> Variation:
    """Draw each window's shift, by up to a sixteenth of its side and at least 1 px, and its light.

    What is asked about a window must not depend on these.

    Args:
        count: windows, N.
        size_px: their side.
        rng: draws.
        mirror: whether one in two is mirrored, too.
    """
    reach = max(1, round(size_px * _SHIFT_SHARE))
    shifts = rng.integers(-reach, reach + 1, (count, 2)) / size_px
    gain = rng.uniform(1.0 - _GAIN, 1.0 + _GAIN, count).astype(np.float32)
    offset = rng.uniform(-_OFFSET, _OFFSET, count).astype(np.float32)
    mirrored = rng.random(count) < 0.5 if mirror else np.zeros(count, np.bool_)
    return Variation(shifts, gain, offset, mirrored)
