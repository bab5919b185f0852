"""A workplace whose windows are easy to tell apart, so that trunks are made in a second or two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from catalog.compiler.workplace import Workplace
from catalog.datasets.data_spec import SPLITS
from catalog.datasets.prepared_data import WindowFolder
from catalog.models.architecture import Architecture
from catalog.tasks import Task
from catalog.transforms.recipe import Candidate, Effort
from catalog.transforms.trained_trunks import TrainTrunk

SIDE = 16
LEVEL = Task("level", "patch", ("dark", "dim", "bright"))
SIDES = Task("sides", "patch", ("left", "right"))
EFFORT = Effort(epochs=2, scaled_epochs=2, tuning_epochs=1)
SMALL = Candidate("small", "patch", SIDE, TrainTrunk(Architecture("convnet"), 0.25, 0.33), ("train small",))


def level_windows(counts: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows whose class is how bright they are, so many of each."""
    labels = np.repeat(np.arange(len(counts)), counts)
    noise = np.random.default_rng(seed).integers(0, 40, (len(labels), SIDE, SIDE, 3))
    return (noise + 100 * labels[:, None, None, None]).astype(np.uint8), labels


def side_windows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows whose class is which half is lit, at any brightness."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    windows = rng.integers(0, 40, (count, SIDE, SIDE, 3))
    lit = rng.integers(60, 180, count)
    for k, label in enumerate(labels):
        half = slice(SIDE // 2, SIDE) if label else slice(0, SIDE // 2)
        windows[k, :, half] += lit[k]
    return windows.astype(np.uint8), labels


def rough_windows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows whose class is which half is rougher: one who knows about brightness knows little of it."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    grain = rng.normal(0.0, 8.0, (count, SIDE, SIDE, 3))
    for k, label in enumerate(labels):
        half = slice(SIDE // 2, SIDE) if label else slice(0, SIDE // 2)
        grain[k, :, half] *= 4.0
    windows = grain + rng.uniform(60.0, 190.0, (count, 1, 1, 1))
    return np.clip(windows, 0.0, 255.0).astype(np.uint8), labels


def write_windows(folder: WindowFolder, split: str, windows: np.ndarray, labels: np.ndarray) -> None:
    """Write one split as the compiler does."""
    folder.create(split, len(windows), windows.shape[1])[:] = windows
    folder.write_labels(split, labels)


def workplace(
    root: Path,
    counts: Mapping[str, tuple[int, ...]],
    effort: Effort = EFFORT,
    sides: int = 0,
    weights: Mapping[str, float] = MappingProxyType({}),
) -> Workplace:
    """Write windows of "level", so many of each class by split, and of "sides" if asked for."""
    for k, split in enumerate(SPLITS):
        write_windows(WindowFolder(root / "data" / "level"), split, *level_windows(counts[split], k))
        if sides:
            write_windows(WindowFolder(root / "data" / "sides"), split, *side_windows(sides, 10 + k))
    tasks = (LEVEL, SIDES) if sides else (LEVEL,)
    return Workplace(root / "catalog", root / "data", tasks, effort, 0, dict(weights))
