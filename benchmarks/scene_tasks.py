"""TASKS.toml for six kinds of scenes, on residual networks of our own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.image_lists import Labelled, every_nth_for_validation, write_lists
from catalog.errors import BadInput

_SIDE_PX = 64
_VALIDATION_EVERY = 8
_CHANNELS = 32  # twice those of the ResNet-20 for CIFAR-10


@dataclass(frozen=True, slots=True)
class ScenesScale:
    """How much to compile.

    Args:
        every: of the images so many one is taken.
        epochs: of trunks that are trained from fresh weights.
        tuning_epochs: of what starts from trained ones.
    """

    every: int
    epochs: int
    tuning_epochs: int


FULL = ScenesScale(every=1, epochs=24, tuning_epochs=6)
QUICK = ScenesScale(every=40, epochs=1, tuning_epochs=1)


def write_scenes(data: Path, folder: Path, scale: ScenesScale) -> Path:
    """Write lists of images and TASKS.toml into a folder and return the file.

    Raises:
        BadInput: the data is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train = scene_images(data / "scenes/intel6/train", scale.every)
    test = scene_images(data / "scenes/intel6/test", scale.every)
    files = write_lists(folder, "scene", {**every_nth_for_validation(train, _VALIDATION_EVERY), "test": test})
    path = folder / "TASKS.toml"
    path.write_text(_tasks_toml(files, scale), encoding="utf-8")
    return path


def scene_images(folder: Path, every: int) -> list[Labelled]:
    """Return every so many-th image of a folder of class folders, with its class.

    Raises:
        BadInput: there are none.
    """
    images = [(file, file.parent.name) for file in sorted(folder.glob("*/*.jpg"))[::every]]
    if not images:
        raise BadInput(f"{folder}: no images: docs/data.md says where the data comes from")
    return images


def _tasks_toml(files: list[str], scale: ScenesScale) -> str:
    return f"""
[input.scene]
size = {_SIDE_PX}
mirror = true

[task.scene]
input = "scene"
data = "."
split = {json.dumps(files)}

[[model]]
arch = "resnet"
arguments = {{ channels = {_CHANNELS} }}
techniques = ["scale", "prune", "int8"]
{_scale(0.75, 1.0)}{_scale(0.5, 1.0)}{_scale(0.5, 0.5)}
[training]
epochs = {scale.epochs}
scaled_epochs = {scale.epochs}
tuning_epochs = {scale.tuning_epochs}
"""


def _scale(width: float, resolution: float) -> str:
    return f"[[model.scale]]\nwidth = {width}\nresolution = {resolution}\n"
