"""Accuracy on held-out images by the backends that run a trunk here, which round in ways of their own."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.backends.part_chain import PartChain
from catalog.backends.picked import PickedBackends
from catalog.datasets.preparing import read_windows
from catalog.errors import BadInput
from catalog.store import Catalog
from catalog.tasks import Task
from catalog.training.batches import in_order
from catalog.variants import Variant

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_BATCH = 32


@dataclass(frozen=True, slots=True)
class HeldOutImages:
    """Images that no model was made of.

    Args:
        windows: (N, S, S, 3) uint8 RGB by side S.
        labels: class ids (N,).
    """

    windows: dict[int, UInt8]
    labels: Int64


def accuracies_as_run(catalog: Catalog, task: str, folder: Path) -> dict[str, float]:
    """Return the share of a task's test images that each trunk with its head is right about, by trunk.

    Args:
        folder: of the lists that the catalog was compiled from.

    Raises:
        BadInput: an image cannot be read.
    """
    variants = [v for v in catalog.variants.values() if v.task == task]
    sizes_px = sorted({catalog.trunks[v.trunk].size_px for v in variants})
    images = _read(folder / f"{task}_test.csv", catalog, catalog.tasks[task], sizes_px)
    result = {}
    for variant in variants:
        trunk = catalog.trunks[variant.trunk]
        answers = np.concatenate(list(_answers(catalog, variant, images.windows[trunk.size_px])))
        result[trunk.name] = float((answers == images.labels).mean())
    return result


def picked_chain(catalog: Catalog, trunk: str) -> PartChain:
    """Return a trunk as it runs on this machine."""
    parts = [catalog.part_path(p) for p in catalog.trunks[trunk].parts]
    return PartChain(PickedBackends(catalog.measurements()), parts)


def _answers(catalog: Catalog, variant: Variant, windows: UInt8) -> Iterator[Int64]:
    chain = picked_chain(catalog, variant.trunk)
    weights = catalog.head_weights(variant.head)
    for batch in in_order(windows, _BATCH):
        yield weights.confidences(chain(batch)).argmax(axis=1)


def _read(path: Path, catalog: Catalog, task: Task, sizes_px: Sequence[int]) -> HeldOutImages:
    ids = {name: i for i, name in enumerate(task.classes)}
    input_type = catalog.input_types[task.input_type]
    cut, labels = [], []
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            windows = read_windows(Path(row["file"]), input_type, sizes_px)
            if isinstance(windows, str):
                raise BadInput(f"{row['file']}: {windows}: begin with an empty --work")
            cut.append(windows)
            labels.append(ids[row["label"]])
    by_side = {s: np.stack([c[k] for c in cut]) for k, s in enumerate(sizes_px)}
    return HeldOutImages(by_side, np.asarray(labels, np.int64))
