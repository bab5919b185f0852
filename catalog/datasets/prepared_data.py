"""A task's windows on disk: made once by the compiler, mapped into memory by every worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.datasets.data_spec import SPLITS
from catalog.labelled_windows import LabelledWindows

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_HASHED_ROWS = 1024


@dataclass(frozen=True, slots=True)
class PreparedData:
    """What was prepared for a task.

    Args:
        classes: class names in the order of their ids.
        windows: how many there are, all splits together.
        skipped: files that could not be read, each with the reason.
        identity: hash of all windows, labels and class names.
    """

    classes: tuple[str, ...]
    windows: int
    skipped: tuple[str, ...]
    identity: str


class WindowFolder:
    """The folder in which one task's windows lie, split by split.

    <split>.windows.npy holds (N or more, S, S, 3) uint8 RGB and <split>.labels.npy (N,) int64.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, split: str, most: int, size_px: int) -> UInt8:
        """Return a file-backed array with room for a number of windows."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / f"{split}.windows.npy"
        return np.lib.format.open_memmap(path, "w+", np.uint8, (most, size_px, size_px, 3))

    def write_labels(self, split: str, labels: Int64) -> None:
        """Store the labels of the windows that were filled in."""
        np.save(self.root / f"{split}.labels.npy", labels, allow_pickle=False)

    def read(self, split: str) -> LabelledWindows:
        """Map the windows of one split."""
        labels = np.load(self.root / f"{split}.labels.npy", allow_pickle=False)
        windows = np.load(self.root / f"{split}.windows.npy", mmap_mode="r", allow_pickle=False)
        return LabelledWindows(windows[: len(labels)], labels)

    def finish(self, classes: tuple[str, ...], skipped: tuple[str, ...]) -> PreparedData:
        """Hash what was written and say what it is."""
        digest = hashlib.sha256(json.dumps(classes).encode())
        count = 0
        for split in SPLITS:
            data = self.read(split)
            count += len(data)
            digest.update(np.array(data.windows.shape, np.int64).tobytes())
            for start in range(0, len(data), _HASHED_ROWS):
                digest.update(data.windows[start : start + _HASHED_ROWS].tobytes())
            digest.update(data.labels.tobytes())
        return PreparedData(classes, count, skipped, digest.hexdigest())
