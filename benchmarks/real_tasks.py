"""TASKS.toml for real photographs: who a face belongs to, and what place a scene shows.

Faces are UTKFace's aligned crops, scenes the six classes of Intel's image set (docs/data.md). A trunk
for faces is trained on gender and age group together, and both are asked of it as groups of classes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from catalog.errors import BadInput
from engine.extractors.faces import FaceExtractor
from engine.frames import Frame

GENDERS = ("male", "female")  # in the order of UTKFace's codes
AGES = {"child": 13, "young": 35, "middle": 55, "senior": 200}  # below this age, in years
_SPLITS = ("train", "test")
_FACES = "faces/utkface_112"
_LABELS = "faces/utkface_labels.csv"
_SCENES = "scenes/intel6"
_BORDER_SHARE = 0.35  # of the image, so that a box may be larger than it
_PROBED_FACES = 300


@dataclass(frozen=True, slots=True)
class TaskScale:
    """How much to train.

    Args:
        size_px: side of all windows.
        epochs: of every trunk.
        every: of the training faces so many one is taken.
    """

    size_px: int
    epochs: int
    every: int


FULL = TaskScale(size_px=64, epochs=8, every=1)
QUICK = TaskScale(size_px=32, epochs=1, every=8)


@dataclass(frozen=True, slots=True)
class FaceMatch:
    """How the extractor's boxes lie on the training faces, medians in shares of a face image's side.

    Args:
        faces: training faces in which one was found.
        side: of the box.
        left: from the image's left side to the box's; negative outside the image.
        top: from the image's upper side to the box's.
    """

    faces: int
    side: float
    left: float
    top: float


def write_tasks(data: Path, folder: Path, scale: TaskScale) -> Path:
    """Write TASKS.toml and its lists of labelled faces into a folder and return the file.

    Raises:
        BadInput: the data is not there.
    """
    rows = _labelled_faces(data)
    for split in _SPLITS:
        chosen = [r for r in rows if r["split"] == split][:: scale.every]
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("file", "label"))
            writer.writerows((data / _FACES / r["file"], _person(r)) for r in chosen)
    path = folder / "TASKS.toml"
    path.write_text(_tasks_toml(data, scale), encoding="utf-8")
    return path


def match_of_faces(data: Path) -> FaceMatch:
    """Look for faces on the training faces as the engine does in a frame.

    A box as large as the image and where the image is means that windows are cut as the training
    faces were, with no margin.
    """
    files = [data / _FACES / r["file"] for r in _labelled_faces(data) if r["split"] == "train"]
    extractor = FaceExtractor()
    found = []
    for file in files[:: max(1, len(files) // _PROBED_FACES)]:
        image = np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR_RGB), np.uint8)
        border = round(_BORDER_SHARE * len(image))
        framed = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
        boxes = extractor.extract(Frame("", 0, 0.0, np.asarray(framed, np.uint8), 0.0))
        if boxes:
            x, y, w, _ = max(boxes, key=lambda b: b[2])
            found.append((w / len(image), (x - border) / len(image), (y - border) / len(image)))
    side, left, top = np.median(np.array(found), axis=0)
    return FaceMatch(len(found), float(side), float(left), float(top))


def _labelled_faces(data: Path) -> list[dict[str, str]]:
    path = data / _LABELS
    if not path.is_file():
        raise BadInput(f"{path}: no such file: docs/data.md says where the data comes from")
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _person(row: Mapping[str, str]) -> str:
    age = next(name for name, below in AGES.items() if int(row["age"]) < below)
    return f"{GENDERS[int(row['gender'])]}_{age}"


def _tasks_toml(data: Path, scale: TaskScale) -> str:
    genders = {g: [f"{g}_{a}" for a in AGES] for g in GENDERS}
    ages = {a: [f"{g}_{a}" for g in GENDERS] for a in AGES}
    return f"""
[input.face]
size = {scale.size_px}
[input.scene]
size = {scale.size_px}

[task.person]
input = "face"
data = "."
split = ["train.csv", "train.csv", "test.csv"]
[task.gender]
input = "face"
relabel = {_inline(genders)}
[task.age]
input = "face"
relabel = {_inline(ages)}
[task.place]
input = "scene"
data = {json.dumps(str((data / _SCENES).resolve()))}
split = ["train", "train", "test"]

[[model]]
techniques = ["scale", "int8"]
[[model.scale]]
width = 0.5
resolution = 0.75
[[model.scale]]
width = 0.5
depth = 0.67
resolution = 0.5

[training]
epochs = {scale.epochs}
scaled_epochs = {scale.epochs}
tuning_epochs = 1
"""


def _inline(groups: Mapping[str, Sequence[str]]) -> str:
    """Return groups as a TOML inline table."""
    return "{ " + ", ".join(f"{name} = {json.dumps(members)}" for name, members in groups.items()) + " }"
