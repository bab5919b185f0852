"""The two catalogs that specialising is measured on: CIFAR-10's objects and LFW's people.

The most accurate variant of each is a network as it was published; the smaller ones in front of it are
made of published weights as well, so that both are compiled in minutes. Half of CIFAR-10's test images
validate, since thresholds are chosen on them; the other half, and a fifth of the faces, are shown.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import cifar_tasks, face_tasks
from benchmarks.catalog import compiled
from benchmarks.catalog_groups import Group
from benchmarks.image_lists import write_lists
from catalog.errors import BadInput
from catalog.store import Catalog, CatalogWriter
from mcdnn.catalog_specialize import specialize

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

_VALIDATION_EVERY = 2
_EPOCHS, _TUNING_EPOCHS = 40, 30  # of objects, the first where weights are fresh
_TEACHER = "resnet"
_SMALL = "benchmarks.undivided_resnet:undivided_resnet"
_RESNETS = {
    "resnet56": (9, ("int8-whole",), _TEACHER),
    "resnet20": (3, ("int8-whole", "drop-blocks:kept=0.77,rate=0.0003+int8-whole"), _SMALL),
}
_PLAIN = f"""
[[model]]
arch = "convnet"
arguments = {{ channels = [16, 48, 64, 128] }}
techniques = ["int8-whole", "scale+int8-whole"]
teacher = "{_TEACHER}"
[[model.scale]]
width = 0.6
"""
_FACE_TECHNIQUES = ("int8-whole", "scale", "scale+int8-whole", "scale+drop-blocks:kept=0.5+int8-whole")
_FACE_RESOLUTIONS = (56 / face_tasks.SIDE_PX, 40 / face_tasks.SIDE_PX)
_FACE_EPOCHS = 12
_PEOPLE, _QUICK_PEOPLE = 158, 8
_QUICK_EVERY = 40
_SETS = 3

AS_A_CAMERA_CALLS = "host"
IN_A_LOOP = "in-a-loop"


@dataclass(frozen=True, slots=True)
class Shown:
    """A catalog and windows that nothing in it was made of.

    Args:
        task: that is asked about them.
        windows: (N, S, S, 3) uint8 RGB.
        truth: class ids (N,).
    """

    catalog: Catalog
    task: str
    windows: UInt8
    truth: Int64

    @property
    def classes(self) -> tuple[str, ...]:
        """Names."""
        return self.catalog.tasks[self.task].classes


def objects(data: Path, work: Path, quick: bool) -> Shown:
    """Compile ten kinds of objects into a folder, or measure what is there anew; see module.

    Raises:
        BadInput: the data is not there.
        RunFailed: the compiler failed.
    """
    return _shown("objects", "object", _write_objects, data, work, quick)


def faces(data: Path, work: Path, quick: bool) -> Shown:
    """Likewise people by their faces."""
    return _shown("faces", "identity", _write_faces, data, work, quick)


def _shown(
    name: str, task: str, write: Callable[[Path, Path, bool], Path], data: Path, work: Path, quick: bool
) -> Shown:
    group = Group(name, "", (task,), write, None, lambda *_: True, ())
    folder = work / name
    catalog = compiled(group, data.resolve(), folder.resolve(), None, as_made=False, quick=quick)
    windows, truth = _read(folder / f"{task}_test.csv", catalog.tasks[task].classes)
    return Shown(catalog, task, windows, truth)


def settle(shown: Shown, device: str) -> None:
    """Measure on which trunks specialising pays by a device's times, for what is to come.

    Args:
        device: AS_A_CAMERA_CALLS for times with caches that went cold since the frame before, IN_A_LOOP for
            those of call after call, as the tables of models have them.
    """
    if device == IN_A_LOOP:
        measured = shown.catalog.measurements(AS_A_CAMERA_CALLS)
        in_a_loop = replace(measured, device=IN_A_LOOP, live={}, chains=())
        CatalogWriter(shown.catalog.root).write_measurements(in_a_loop)
    specialize(shown.catalog, device, _SETS)


def _write_objects(data: Path, folder: Path, quick: bool) -> Path:
    files = cifar_tasks.write_images(data, folder, _QUICK_EVERY if quick else 1, _VALIDATION_EVERY)
    models = []
    for name, (blocks, techniques, arch) in _RESNETS.items():
        made = techniques[:1] if quick else techniques
        teacher = "none" if arch == _TEACHER else _TEACHER
        models.append(cifar_tasks.published_model(data, name, blocks, made, arch, teacher))
    models += [] if quick else [_PLAIN]
    return _write_tasks(
        folder, "object", "object", cifar_tasks.SIDE_PX, files, "".join(models), _EPOCHS, quick
    )


def _write_faces(data: Path, folder: Path, quick: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    splits = face_tasks.identities(data, _QUICK_PEOPLE if quick else _PEOPLE)
    files = write_lists(folder, "identity", splits)
    resolutions = _FACE_RESOLUTIONS[-1:] if quick else _FACE_RESOLUTIONS
    model = face_tasks.published_model(data / face_tasks.WEIGHTS, _FACE_TECHNIQUES, resolutions)
    return _write_tasks(folder, "face", "identity", face_tasks.SIDE_PX, files, model, _FACE_EPOCHS, quick)


def _write_tasks(
    folder: Path,
    kind: str,
    task: str,
    side_px: int,
    files: Sequence[str],
    models: str,
    epochs: int,
    quick: bool,
) -> Path:
    path = folder / "TASKS.toml"
    path.write_text(
        f"""
[input.{kind}]
size = {side_px}
mirror = true

[task.{task}]
input = "{kind}"
data = "."
split = {json.dumps(files)}
{models}
[training]
epochs = {1 if quick else epochs}
scaled_epochs = {1 if quick else epochs}
tuning_epochs = {1 if quick else _TUNING_EPOCHS}
""",
        encoding="utf-8",
    )
    return path


def _read(path: Path, classes: Sequence[str]) -> tuple[UInt8, Int64]:
    """Return the images of a list and their class ids."""
    ids = {name: i for i, name in enumerate(classes)}
    windows, truth = [], []
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            image = cv2.imread(row["file"], cv2.IMREAD_COLOR_RGB)
            if image is None:
                raise BadInput(f"{row['file']}: no such image: begin with an empty --work")
            windows.append(image)
            truth.append(ids[row["label"]])
    return np.asarray(windows, np.uint8), np.asarray(truth, np.int64)
