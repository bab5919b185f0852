"""Which image files a data source names, with the class of each: nothing is decoded here."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catalog.datasets.data_spec import SPLITS, DataSpec
from catalog.digits.digit_images import stratified_split
from catalog.errors import DataError

_LEAST_CLASSES = 2
_SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """An image file and the name of its class."""

    path: Path
    label: str


@dataclass(frozen=True, slots=True)
class FileSplits:
    """The files of each split, and the class names in the order of their ids: sorted.

    Args:
        files: by "train", "validation" and "test", in a fixed order.
    """

    classes: tuple[str, ...]
    files: dict[str, tuple[LabelledFile, ...]]


def list_splits(spec: DataSpec, seed: int) -> FileSplits:
    """List a source and share it out; the same files and seed give the same splits.

    Raises:
        DataError: a source that is missing, empty or has a single class, a split that stays empty, or
            a class that is missing from training.
    """
    root = Path(spec.source)
    paths = [root] * len(SPLITS) if spec.paths is None else [root / p for p in spec.paths]
    files: dict[str, tuple[LabelledFile, ...]] = {}
    for path in dict.fromkeys(paths):
        wanted = [s for s, p in zip(SPLITS, paths, strict=True) if p == path]
        shares = [share for share, p in zip(spec.shares, paths, strict=True) if p == path]
        files |= shared_out(list_files(path), wanted, shares, seed)
    classes = tuple(sorted({f.label for f in files["train"]}))
    if len(classes) < _LEAST_CLASSES:
        raise DataError(
            f"{paths[0]}: a single class {list(classes)}: expected two or more class folders or labels"
        )
    for split in SPLITS:
        if not files[split]:
            raise DataError(f"{root}: no images are left for {split}: give more images or other shares")
        unknown = sorted({f.label for f in files[split]} - set(classes))
        if unknown:
            raise DataError(f"{root}: classes {unknown} of {split} have no training images")
    return FileSplits(classes, {s: files[s] for s in SPLITS})


def list_files(path: Path) -> list[LabelledFile]:
    """List a folder of class folders or a CSV of file,label, in a fixed order.

    Raises:
        DataError: missing or empty, or neither.
    """
    if path.is_dir():
        return _list_folders(path)
    if path.is_file():
        return _list_csv(path)
    raise DataError(
        f"{path}: no such folder or file: expected a folder of class folders or a CSV of file,label"
    )


def _list_folders(root: Path) -> list[LabelledFile]:
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise DataError(f"{root}: no class folders in it: expected one folder of images for each class")
    if {p.name.lower() for p in folders} <= _SPLIT_FOLDERS:
        names = [p.name for p in folders]
        raise DataError(
            f'{root}: split already into {names}: say so, for example split = ["train", "train", "test"]'
        )
    listed: list[LabelledFile] = []
    for folder in folders:
        files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
        if not files:
            raise DataError(
                f"{folder}: no files in it: expected images of class {folder.name!r}, or no such folder"
            )
        listed.extend(LabelledFile(p, folder.name) for p in files)
    return listed


def _list_csv(path: Path) -> list[LabelledFile]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: columns {reader.fieldnames}: expected file and label")
            rows = [(row["file"], row["label"]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"{path}: cannot be read as CSV: {e}") from e
    for number, (file, label) in enumerate(rows, start=2):
        if not file or not label:
            raise DataError(f"{path}: line {number}: expected a file and a label")
    if not rows:
        raise DataError(f"{path}: no rows: expected lines of file,label")
    return [LabelledFile(path.parent / file, label) for file, label in rows]


def shared_out(
    listed: Sequence[LabelledFile], splits: Sequence[str], shares: Sequence[float], seed: int
) -> dict[str, tuple[LabelledFile, ...]]:
    """Share files out to splits, every class at the same shares; the shares need not add up to 1."""
    ids = {label: i for i, label in enumerate(sorted({f.label for f in listed}))}
    labels = np.array([ids[f.label] for f in listed], np.int64)
    total = sum(shares)
    groups = stratified_split(labels, tuple(s / total for s in shares), seed)
    return {s: tuple(listed[i] for i in group) for s, group in zip(splits, groups, strict=True)}
