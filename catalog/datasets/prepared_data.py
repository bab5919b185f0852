"""A task's windows on disk: made once by the compiler, mapped into memory by every worker."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.datasets.data_spec import SPLITS
from catalog.durable_file import write_whole
from catalog.errors import RunFailed
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
        unseen: names of classes without a window, by split, where there are such: accuracy says nothing
            about them.
    """

    classes: tuple[str, ...]
    windows: int
    skipped: tuple[str, ...]
    identity: str
    unseen: tuple[tuple[str, tuple[str, ...]], ...] = ()


class WindowFolder:
    """The folder in which one task's windows lie, by split and by side.

    <split>.<S>.windows.npy holds (N or more, S, S, 3) uint8 RGB and <split>.labels.npy (N,) int64.
    Every side that a trunk reads is cut from the original image, as on the device: shrinking the
    largest again would give slightly other pixels.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, split: str, most: int, size_px: int) -> UInt8:
        """Return a file-backed array with room for a number of windows.

        Raises:
            RunFailed: the disk is full or cannot be written.
        """
        path = self._windows_file(split, size_px)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            windows = np.lib.format.open_memmap(path, "w+", np.uint8, (most, size_px, size_px, 3))
            with path.open("r+b") as file:  # a full disk is an error now, not a crash when it is mapped
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as e:
            raise RunFailed(f"{path}: cannot be written: {e.strerror or e}") from e
        return windows

    def write_labels(self, split: str, labels: Int64) -> None:
        """Store the labels of the windows that were filled in.

        Raises:
            RunFailed: the disk is full or cannot be written.
        """
        buffer = io.BytesIO()
        np.save(buffer, labels, allow_pickle=False)
        write_whole(self._labels_file(split), buffer.getvalue())

    def read(self, split: str, size_px: int) -> LabelledWindows:
        """Map the windows of one split and side."""
        labels = np.load(self._labels_file(split), allow_pickle=False)
        windows = np.load(self._windows_file(split, size_px), mmap_mode="r", allow_pickle=False)
        return LabelledWindows(windows[: len(labels)], labels)

    def finish(
        self, classes: tuple[str, ...], sizes_px: Sequence[int], skipped: tuple[str, ...]
    ) -> PreparedData:
        """Hash what was written and say what it is."""
        digest = hashlib.sha256(json.dumps([classes, list(sizes_px)]).encode())
        count = 0
        unseen = []
        for split in SPLITS:
            for size_px in sizes_px:
                _add_to(digest, self.read(split, size_px))
            labels = self.read(split, sizes_px[0]).labels
            count += len(labels)
            lacking = tuple(classes[k] for k in sorted(set(range(len(classes))) - set(labels.tolist())))
            unseen += [(split, lacking)] if lacking else []
        return PreparedData(classes, count, skipped, digest.hexdigest(), tuple(unseen))

    def _windows_file(self, split: str, size_px: int) -> Path:
        return self.root / f"{split}.{size_px}.windows.npy"

    def _labels_file(self, split: str) -> Path:
        return self.root / f"{split}.labels.npy"


def _add_to(digest: hashlib._Hash, data: LabelledWindows) -> None:
    digest.update(np.array(data.windows.shape, np.int64).tobytes())
    for start in range(0, len(data), _HASHED_ROWS):
        digest.update(data.windows[start : start + _HASHED_ROWS].tobytes())
    digest.update(data.labels.tobytes())
