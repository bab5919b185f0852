"""TASKS.toml for CIFAR-10: ten kinds of objects, and what becomes of published ResNets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.image_lists import SPLITS, Labelled, write_lists
from catalog.errors import BadInput

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE_PX, _A_ROW = 32, 50
_VALIDATION_EVERY = 4  # of the test images, one goes to the validation split: no published network saw it
_WEIGHTS = "weights/cifar10_resnet"
# Blocks a stage, and what is made of them; the first is the reference.
_PUBLISHED = {
    "resnet56": (9, ("int8", "int8-whole", "drop-blocks:kept=0.88,rate=0.0002+int8-whole")),
    "resnet20": (
        3,
        (
            "int8",
            "int8-whole",
            "prune-weights:kept=0.7+int8-whole",
            "drop-blocks:kept=0.7+int8-whole",
            "prune-weights:kept=0.55+int8-whole",
            "lowrank:kept=0.5+int8-whole",
        ),
    ),
    "resnet32": (5, ("int8", "int8-whole", "drop-blocks:kept=0.85,rate=0.0002+int8-whole")),
}


@dataclass(frozen=True, slots=True)
class ObjectsScale:
    """How much to compile.

    Args:
        every: of the images so many one is taken.
        tuning_epochs: of what starts from trained weights.
    """

    every: int
    tuning_epochs: int


FULL = ObjectsScale(every=1, tuning_epochs=6)
QUICK = ObjectsScale(every=40, tuning_epochs=1)


def write_objects(data: Path, folder: Path, scale: ObjectsScale) -> Path:
    """Write images, their lists and TASKS.toml into a folder and return the file.

    Raises:
        BadInput: the data is not there.
    """
    files = write_images(data, folder, scale.every)
    path = folder / "TASKS.toml"
    path.write_text(_tasks_toml(data, files, scale), encoding="utf-8")
    return path


def write_images(
    data: Path, folder: Path, every: int, validation_every: int = _VALIDATION_EVERY
) -> list[str]:
    """Write one image of so many, and lists of them, into a folder and return the lists' names.

    Args:
        validation_every: of the test images that are written one of so many validates.

    Raises:
        BadInput: the data is not there.
    """
    lists: dict[str, list[Labelled]] = {split: [] for split in SPLITS}
    for split in ("train", "test"):
        for name in CLASSES:
            tiles = read_tiles(data / "objects/cifar10" / f"{split}_{name}.webp")[::every]
            for number, tile in enumerate(tiles):
                is_validation = split == "test" and number % validation_every == 0
                file = folder / "images" / split / f"{name}_{number:05d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                if not file.is_file():
                    cv2.imwrite(str(file), cv2.cvtColor(tile, cv2.COLOR_RGB2BGR))
                lists["validation" if is_validation else split].append((file, name))
    return write_lists(folder, "object", lists)


def read_tiles(path: Path) -> npt.NDArray[np.uint8]:
    """Return the (N, 32, 32, 3) RGB images of a mosaic.

    Raises:
        BadInput: there is no such file.
    """
    mosaic = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if mosaic is None:
        raise BadInput(f"{path}: no such image: docs/data.md says where the data comes from")
    tiles = mosaic.reshape(-1, SIDE_PX, _A_ROW, SIDE_PX, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(tiles.reshape(-1, SIDE_PX, SIDE_PX, 3), np.uint8)


def _tasks_toml(data: Path, files: list[str], scale: ObjectsScale) -> str:
    published = "".join(published_model(data, name, *of) for name, of in _PUBLISHED.items())
    return f"""
[input.object]
size = {SIDE_PX}
mirror = true

[task.object]
input = "object"
data = "."
split = {json.dumps(files)}
{published}
[training]
tuning_epochs = {scale.tuning_epochs}
"""


def published_model(
    data: Path,
    name: str,
    blocks: int,
    techniques: tuple[str, ...],
    arch: str = "resnet",
    teacher: str = "none",
) -> str:
    """Return the table of a published ResNet of so many blocks a stage.

    Args:
        teacher: whom what is made of it learns from; see TASKS.toml.
    """
    (weights,) = sorted((data / _WEIGHTS).glob(f"{name}*")) or [data / _WEIGHTS / name]
    return f"""
[[model]]
arch = "{arch}"
arguments = {{ blocks = {blocks} }}
weights = {json.dumps(str(weights.resolve()))}
techniques = {json.dumps(techniques)}
teacher = "{teacher}"
[model.pixels]
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
"""
