"""From a data spec to windows on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from catalog.datasets.data_spec import DIGITS, SPLITS, DataSpec
from catalog.datasets.listing import FileSplits, LabelledFile, list_splits
from catalog.datasets.prepared_data import PreparedData, WindowFolder
from catalog.errors import DataError
from catalog.preprocessing import resize
from catalog.tasks import InputType

UInt8 = npt.NDArray[np.uint8]

_AT_A_TIME = 256


def prepare(
    spec: DataSpec, input_type: InputType, seed: int, rendered: int, folder: WindowFolder, threads: int
) -> PreparedData:
    """Write a task's windows, resized as the input type says, into a folder.

    Args:
        spec: where they come from.
        input_type: their side and how they become square.
        seed: of splitting and rendering.
        rendered: how many windows to render from a built-in set, all splits together.
        folder: where they go.
        threads: that decode at the same time; the result is the same for any number.

    Raises:
        DataError: see list_splits; also a class of which no training image can be read.
    """
    if spec.source == DIGITS:
        return _render_digits(spec, input_type, seed, rendered, folder)
    return _decode_files(list_splits(spec, seed), input_type, folder, threads)


def _render_digits(
    spec: DataSpec, input_type: InputType, seed: int, rendered: int, folder: WindowFolder
) -> PreparedData:
    from catalog.digits.digit_images import IDENTITY
    from catalog.digits.digit_windows import render_windows

    for k, split in enumerate(SPLITS):
        count = max(1, round(rendered * spec.shares[k]))
        windows, digits = render_windows(split, count, len(SPLITS) * seed + k, input_type)  # type: ignore[arg-type]
        folder.create(split, count, input_type.size_px)[:] = windows
        folder.write_labels(split, digits)
    return folder.finish(IDENTITY.classes, ())


def _decode_files(
    splits: FileSplits, input_type: InputType, folder: WindowFolder, threads: int
) -> PreparedData:
    skipped: list[tuple[LabelledFile, str]] = []
    ids = {name: i for i, name in enumerate(splits.classes)}
    for split in SPLITS:
        files = splits.files[split]
        windows = folder.create(split, len(files), input_type.size_px)
        labels: list[int] = []
        for file, window in _decoded(files, input_type, threads):
            if isinstance(window, str):
                skipped.append((file, window))
                continue
            windows[len(labels)] = window
            labels.append(ids[file.label])
        folder.write_labels(split, np.array(labels, np.int64))
        _check_readable(split, labels, splits, skipped)
    return folder.finish(splits.classes, tuple(f"{file.path}: {reason}" for file, reason in skipped))


def _check_readable(
    split: str, labels: list[int], splits: FileSplits, skipped: list[tuple[LabelledFile, str]]
) -> None:
    missing = sorted(set(range(len(splits.classes))) - set(labels)) if split == "train" else []
    if not labels or missing:
        names = [splits.classes[i] for i in missing] or list(splits.classes)
        file, reason = next(s for s in skipped if s[0].label in names)
        raise DataError(f"no image of {split} can be read for classes {names}; first {file.path}: {reason}")


def _decoded(
    files: Sequence[LabelledFile], input_type: InputType, threads: int
) -> Iterator[tuple[LabelledFile, UInt8 | str]]:
    """Yield each file with its window (S, S, 3), or with the reason why there is none, in order."""
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(files), _AT_A_TIME):
            some = files[start : start + _AT_A_TIME]
            windows = pool.map(lambda f: read_window(f.path, input_type), some)
            yield from zip(some, windows, strict=True)


def read_window(path: Path, input_type: InputType) -> UInt8 | str:
    """Decode an image as one window (S, S, 3) uint8 RGB, or return why it cannot be."""
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
    return resize(np.asarray(image, dtype=np.uint8), input_type.size_px, input_type.resize)
