"""TASKS.toml of four apps that look at the whole picture: the kind of place, and three questions about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.image_lists import every_nth_for_validation, write_lists
from benchmarks.scene_tasks import scene_images

LEADING = "place"
FURTHER = {
    "built": {"built": ["buildings", "street"], "open": ["forest", "glacier", "mountain", "sea"]},
    "water": {"water": ["sea"], "ice": ["glacier"], "land": ["buildings", "forest", "mountain", "street"]},
    "height": {"high": ["glacier", "mountain"], "low": ["buildings", "forest", "sea", "street"]},
}
TASKS = (LEADING, *FURTHER)

_SIDE_PX = 96
_VALIDATION_EVERY = 8
_CHANNELS = 48  # three times those of the ResNet-20 for CIFAR-10
# width, depth, resolution
_SCALES = ((0.5, 0.67, 0.67), (0.35, 1.0, 0.67), (0.35, 1.0, 0.5), (0.25, 1.0, 0.5))


@dataclass(frozen=True, slots=True)
class StreamTasksScale:
    """How much to compile.

    Args:
        every: of the images so many one is taken.
        channels: of the largest network's stem.
        epochs: of the largest network.
        scaled_epochs: of smaller ones, which cost a fraction.
        tuning_epochs: of what starts from trained ones.
    """

    every: int
    channels: int
    epochs: int
    scaled_epochs: int
    tuning_epochs: int


FULL = StreamTasksScale(every=1, channels=_CHANNELS, epochs=12, scaled_epochs=16, tuning_epochs=3)
QUICK = StreamTasksScale(every=40, channels=8, epochs=1, scaled_epochs=1, tuning_epochs=1)


def write_stream_tasks(data: Path, folder: Path, scale: StreamTasksScale) -> Path:
    """Write lists of images and TASKS.toml into a folder and return the file.

    Raises:
        BadInput: the data is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train = scene_images(data / "scenes/intel6/train", scale.every)
    test = scene_images(data / "scenes/intel6/test", scale.every)
    splits = {**every_nth_for_validation(train, _VALIDATION_EVERY), "test": test}
    path = folder / "TASKS.toml"
    path.write_text(_tasks_toml(write_lists(folder, LEADING, splits), scale), encoding="utf-8")
    return path


def _tasks_toml(files: list[str], scale: StreamTasksScale) -> str:
    questions = "".join(
        f'[task.{name}]\ninput = "scene"\nrelabel = {_inline(groups)}\n' for name, groups in FURTHER.items()
    )
    scales = "".join(
        f"[[model.scale]]\nwidth = {width}\ndepth = {depth}\nresolution = {resolution}\n"
        for width, depth, resolution in _SCALES
    )
    return f"""
[input.scene]
size = {_SIDE_PX}
mirror = true

[task.{LEADING}]
input = "scene"
data = "."
split = {json.dumps(files)}
{questions}
[[model]]
arch = "resnet"
arguments = {{ channels = {scale.channels} }}
techniques = ["scale", "int8", "scale+int8"]
{scales}
[training]
epochs = {scale.epochs}
scaled_epochs = {scale.scaled_epochs}
tuning_epochs = {scale.tuning_epochs}
"""


def _inline(groups: dict[str, list[str]]) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(members)}" for name, members in groups.items()) + " }"
