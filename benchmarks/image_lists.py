"""Lists of images with labels, as task files name them: one CSV a split."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

Labelled = tuple[Path, str]
SPLITS = ("train", "validation", "test")


def write_lists(folder: Path, prefix: str, splits: Mapping[str, Iterable[Labelled]]) -> list[str]:
    """Write the images of each split into PREFIX_SPLIT.csv and return the names of the files, in order."""
    names = []
    for split in SPLITS:
        name = f"{prefix}_{split}.csv"
        with (folder / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("file", "label"))
            writer.writerows((str(file), label) for file, label in splits[split])
        names.append(name)
    return names


def counted(folder: Path, prefix: str) -> dict[str, tuple[int, int]]:
    """Return how many images, and of how many classes, each list of write_lists has."""
    counts = {}
    for split in SPLITS:
        with (folder / f"{prefix}_{split}.csv").open(encoding="utf-8") as stream:
            labels = [row["label"] for row in csv.DictReader(stream)]
        counts[split] = (len(labels), len(set(labels)))
    return counts


def every_nth_for_validation(images: Iterable[Labelled], nth: int) -> dict[str, list[Labelled]]:
    """Divide images into train and validation: of each label's images the first and every nth after it."""
    splits: dict[str, list[Labelled]] = {"train": [], "validation": []}
    seen: dict[str, int] = {}
    for file, label in images:
        number = seen[label] = seen.get(label, -1) + 1
        splits["validation" if number % nth == 0 else "train"].append((file, label))
    return splits
