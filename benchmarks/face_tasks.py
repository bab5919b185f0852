"""TASKS.toml for faces: who, how old and which gender, on trunks that all three share.

Identity has images of its own (LFW, grey), age and gender have others (UTKFace, colour): all are seen
grey, and trunks are trained by all three tasks, each window by those that it has a label of.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.image_lists import Labelled, every_nth_for_validation, write_lists
from catalog.errors import BadInput

_IDENTITY_EVERY = 5  # of a person's images one is for validation, and one for the test
_VALIDATION_EVERY = 8
_AGE_BANDS = ((12, "child"), (25, "young"), (45, "adult"), (65, "older"), (200, "old"))
_GENDERS = {"0": "male", "1": "female"}
SIDE_PX = 112
WEIGHTS = "weights/face_id/mobilefacenet_068.ckpt"
_LARGER, _SMALLER = 80 / SIDE_PX, 64 / SIDE_PX
# A fast int8 layer of this network takes some microseconds whatever its width: leaving out whole blocks
# saves time, filters memory.
_SHALLOWER = f"scale:resolution={_SMALLER:.4f}+drop-blocks:kept=0.65"
_TECHNIQUES = (
    *(
        f"{what}{precision}"
        for what in ("", "scale+", f"{_SHALLOWER}+", f"{_SHALLOWER}+prune-weights:kept=0.6+")
        for precision in ("int8", "int8-whole", "bf16")
    ),
    f"{_SHALLOWER}+prune-weights:kept=0.35+int8-whole",
)


@dataclass(frozen=True, slots=True)
class FacesScale:
    """How much to compile.

    Args:
        every: of the images so many one is taken.
        attributes_every: of those that train age and gender so many one is taken.
        people: at most, those with most images first.
        scaled_epochs: of what is made for a lower resolution.
        tuning_epochs: of what is made from that.
    """

    every: int
    attributes_every: int
    people: int
    scaled_epochs: int
    tuning_epochs: int


FULL = FacesScale(every=1, attributes_every=2, people=158, scaled_epochs=10, tuning_epochs=10)
QUICK = FacesScale(every=40, attributes_every=1, people=4, scaled_epochs=1, tuning_epochs=1)


def write_faces(data: Path, folder: Path, scale: FacesScale) -> Path:
    """Write lists of images and TASKS.toml into a folder and return the file.

    Raises:
        BadInput: the data is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = []
    for task, splits in {"identity": identities(data, scale.people), **_attributes(data, scale)}.items():
        files = write_lists(folder, task, splits)
        tables.append(
            f'[task.{task}]\ninput = "face"\ndata = "."\nsplit = {json.dumps(files)}\ntrunk_weight = 1.0\n'
        )
    path = folder / "TASKS.toml"
    path.write_text(_tasks_toml(data, tables, scale), encoding="utf-8")
    return path


def identities(data: Path, most_people: int) -> dict[str, list[Labelled]]:
    """Return the images of the people of whom there are most, by split.

    Raises:
        BadInput: the data is not there.
    """
    people = sorted(
        (sorted(p.glob("*.jpg")) for p in (data / "faces/lfw_a_112").glob("person_*")),
        key=lambda files: (-len(files), files[0].parent.name),
    )
    if not people:
        raise BadInput(f"{data / 'faces/lfw_a_112'}: no faces: docs/data.md says where the data comes from")
    splits: dict[str, list[Labelled]] = {"train": [], "validation": [], "test": []}
    kinds = ("test", "validation", *["train"] * (_IDENTITY_EVERY - 2))
    for files in people[:most_people]:
        for number, file in enumerate(files):
            splits[kinds[number % _IDENTITY_EVERY]].append((file, file.parent.name))
    return splits


def _attributes(data: Path, scale: FacesScale) -> dict[str, dict[str, list[Labelled]]]:
    """Return the lists for age and gender: the same images, divided in the same way."""
    ages: dict[str, list[Labelled]] = {"rest": [], "test": []}
    genders: dict[Path, str] = {}
    with (data / "faces/utkface_labels.csv").open(encoding="utf-8") as stream:
        for row in list(csv.DictReader(stream))[:: scale.every]:
            file = data / "faces/utkface_112" / row["file"]
            genders[file] = _GENDERS[row["gender"]]
            ages["test" if row["split"] == "test" else "rest"].append((file, age_band(int(row["age"]))))
    age = {**every_nth_for_validation(ages["rest"], _VALIDATION_EVERY), "test": ages["test"]}
    age["train"] = age["train"][:: scale.attributes_every]
    gender = {split: [(file, genders[file]) for file, _ in images] for split, images in age.items()}
    return {"age": age, "gender": gender}


def age_band(years: int) -> str:
    """Return the name of the band that an age falls into."""
    return next(name for most, name in _AGE_BANDS if years <= most)


def _tasks_toml(data: Path, tables: list[str], scale: FacesScale) -> str:
    return f"""
[input.face]
size = {SIDE_PX}
mirror = true

{"".join(tables)}
{published_model(data / WEIGHTS, _TECHNIQUES, (_LARGER, _SMALLER))}
[training]
scaled_epochs = {scale.scaled_epochs}
tuning_epochs = {scale.tuning_epochs}
"""


def published_model(weights: Path, techniques: tuple[str, ...], resolutions: tuple[float, ...]) -> str:
    """Return the table of the published MobileFaceNet, which teaches what is made of it.

    Args:
        resolutions: that "scale" takes it to, as shares of the full one.
    """
    return f"""
[[model]]
arch = "benchmarks.mobilefacenet:mobilefacenet"
weights = {json.dumps(str(weights.resolve()))}
techniques = {json.dumps(techniques)}
teacher = "own"
feature_weight = 10.0
[model.pixels]
colour = "grey3"
mean = [0.5]
std = [0.50196]
{"".join(map(_scale, resolutions))}"""


def _scale(resolution: float) -> str:
    return f"[[model.scale]]\nresolution = {resolution:.4f}\n"
