"""From a data spec to windows on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from catalog.datasets.data_spec import DIGITS, DataSpec
from catalog.datasets.listing import FileSplits, LabelledFile, list_splits
from catalog.datasets.prepared_data import PreparedData, WindowFolder
from catalog.digits.digit_images import SPLITS
from catalog.errors import DataError
from catalog.preprocessing import resize, window_pixels
from catalog.tasks import InputType

UInt8 = npt.NDArray[np.uint8]

_AT_A_TIME = 256


@dataclass(frozen=True, slots=True)
class WindowsWanted:
    """How a task's windows are to be cut.

    Args:
        input_type: how they become square.
        sizes_px: sides that trunks read.
        rendered: how many to render from a built-in set, all splits together.
    """

    input_type: InputType
    sizes_px: tuple[int, ...]
    rendered: int


def prepare(
    spec: DataSpec, wanted: WindowsWanted, seed: int, folder: WindowFolder, threads: int
) -> PreparedData:
    """Write a task's windows into a folder.

    Args:
        spec: where they come from.
        wanted: how they are to be cut.
        seed: of splitting and rendering.
        folder: where they go.
        threads: that decode at the same time; the result is the same for any number.

    Raises:
        DataError: see list_splits; also a class of which no training image can be read.
        RunFailed: the disk cannot be written.
    """
    if spec.source == DIGITS:
        return _render_digits(spec, wanted, seed, folder)
    return _decode_files(list_splits(spec, seed), wanted, folder, threads)


def class_names(spec: DataSpec, seed: int) -> tuple[str, ...]:
    """Return the classes of a source in the order of their ids; no image is read.

    Raises:
        DataError: see list_splits.
    """
    from catalog.digits.digit_images import IDENTITY

    return IDENTITY.classes if spec.source == DIGITS else list_splits(spec, seed).classes


def _render_digits(spec: DataSpec, wanted: WindowsWanted, seed: int, folder: WindowFolder) -> PreparedData:
    from catalog.digits.digit_images import IDENTITY
    from catalog.digits.digit_windows import found_digits

    for k, split in enumerate(SPLITS):
        count = max(1, round(wanted.rendered * spec.shares[k]))
        windows = {size_px: folder.create(split, count, size_px) for size_px in wanted.sizes_px}
        digits = np.empty(count, np.int64)
        found = found_digits(split, len(SPLITS) * seed + k)
        for row, digit in enumerate(islice(found, count)):
            digits[row] = digit.digit
            for size_px, rows in windows.items():
                rows[row] = window_pixels(digit.frame, digit.box, wanted.input_type, size_px)[0]
        folder.write_labels(split, digits)
    return folder.finish(IDENTITY.classes, wanted.sizes_px, ())


def _decode_files(
    splits: FileSplits, wanted: WindowsWanted, folder: WindowFolder, threads: int
) -> PreparedData:
    skipped: list[tuple[LabelledFile, str]] = []
    ids = {name: i for i, name in enumerate(splits.classes)}
    for split, files in splits.files.items():
        windows = [folder.create(split, len(files), size_px) for size_px in wanted.sizes_px]
        labels: list[int] = []
        for file, cut in _decoded(files, wanted, threads):
            if isinstance(cut, str):
                skipped.append((file, cut))
                continue
            for rows, window in zip(windows, cut, strict=True):
                rows[len(labels)] = window
            labels.append(ids[file.label])
        folder.write_labels(split, np.array(labels, np.int64))
        _check_readable(split, labels, splits, skipped)
    reasons = tuple(f"{file.path}: {reason}" for file, reason in skipped)
    return folder.finish(splits.classes, wanted.sizes_px, reasons)


def _check_readable(
    split: str, labels: list[int], splits: FileSplits, skipped: list[tuple[LabelledFile, str]]
) -> None:
    missing = sorted(set(range(len(splits.classes))) - set(labels)) if split == "train" else []
    if not labels or missing:
        names = [splits.classes[i] for i in missing] or list(splits.classes)
        file, reason = next(s for s in skipped if s[0].label in names)
        raise DataError(f"no image of {split} can be read for classes {names}; first {file.path}: {reason}")


def _decoded(
    files: Sequence[LabelledFile], wanted: WindowsWanted, threads: int
) -> Iterator[tuple[LabelledFile, tuple[UInt8, ...] | str]]:
    """Yield each file with its windows, or with the reason why there are none, in order."""
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(files), _AT_A_TIME):
            some = files[start : start + _AT_A_TIME]
            cuts = pool.map(lambda f: read_windows(f.path, wanted.input_type, wanted.sizes_px), some)
            yield from zip(some, cuts, strict=True)


def read_windows(path: Path, input_type: InputType, sizes_px: Sequence[int]) -> tuple[UInt8, ...] | str:
    """Decode an image as windows (S, S, 3) uint8 RGB of several sides, or return why it cannot be."""
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as e:
        return e.strerror or str(e)
    if not encoded.size:
        return "an empty file"
    try:
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    except cv2.error as e:
        return f"not an image: {e.err}"
    if image is None:
        return "not an image that can be decoded"
    pixels = np.asarray(image, dtype=np.uint8)
    return tuple(resize(pixels, size_px, input_type.resize) for size_px in sizes_px)
