"""The catalogs that benchmarks.catalog compiles: their tasks, their reference, what is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cifar_tasks, face_tasks, scene_tasks
from catalog.store import Catalog
from catalog.variants import MeasuredVariant

_LOADED = 2  # lines in the lineage of a trunk that was loaded: its architecture, its weights


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked at some loss of accuracy.

    Args:
        points: of accuracy lost against the reference, at most.
        memory_x: how many times less memory, at least.
        latency_x: how many times less latency, at least.
    """

    points: float
    memory_x: float
    latency_x: float


@dataclass(frozen=True, slots=True)
class Group:
    """One catalog.

    Args:
        name: of the group, and of its folder.
        about: what it is, for the report.
        tasks: all of them, the leading one first.
        write: writes images and TASKS.toml into a folder, given that of the data, and returns the file.
        candidates: that a search may try, at most; None to make what TASKS.toml lists.
        is_reference: tells from a catalog whether a variant may be what others are compared with; the
            one with the most operations is.
        asked: what is asked.
        tried: what stands in the way and what was tried beside what is listed; told where something
            that is asked was missed.
    """

    name: str
    about: str
    tasks: tuple[str, ...]
    write: Callable[[Path, Path, bool], Path]
    candidates: int | None
    is_reference: Callable[[Catalog, MeasuredVariant], bool]
    asked: tuple[Asked, ...]
    tried: str = ""


def _published(catalog: Catalog, measured: MeasuredVariant) -> bool:
    """Tell whether a variant is a network as it was published: loaded, and nothing done to it."""
    lineage = catalog.trunks[measured.variant.trunk].lineage
    return lineage[0].startswith("load ") and len(lineage) == _LOADED


def _full_size(catalog: Catalog, measured: MeasuredVariant) -> bool:
    """Tell whether a variant was trained, and nothing done to it since."""
    return len(catalog.trunks[measured.variant.trunk].lineage) == 1


def _write_objects(data: Path, folder: Path, quick: bool) -> Path:
    return cifar_tasks.write_objects(data, folder, cifar_tasks.QUICK if quick else cifar_tasks.FULL)


def _write_faces(data: Path, folder: Path, quick: bool) -> Path:
    return face_tasks.write_faces(data, folder, face_tasks.QUICK if quick else face_tasks.FULL)


def _write_scenes(data: Path, folder: Path, quick: bool) -> Path:
    return scene_tasks.write_scenes(data, folder, scene_tasks.QUICK if quick else scene_tasks.FULL)


GROUPS = (
    Group(
        "objects",
        "CIFAR-10 at 32 px. Validated and tested by its test images, which no published network saw. "
        "Reference: the published ResNet-56.",
        ("object",),
        _write_objects,
        None,
        _published,
        (Asked(1.0, 3.0, 2.3), Asked(4.0, 10.0, 4.0)),
        "In the way: on processors without products of 8-bit integers (the first line says what this one "
        "has) int8 makes these narrow convolutions about one and a half times as fast, not twice to three "
        "times; a third of the published training images are at hand, so that tuning loses some of what "
        "the published training had won. Tried: filters removed to save operations and to save weights, "
        "at .4 to .9, in one round and in several; low rank at .4 and .5; blocks left out at .45 to .88, "
        "at the usual learning rate and at a fifth of it; ResNet-20 and ResNet-32 taught by ResNet-56; "
        "three, four, six and eight passes; mirroring and shifts, mixing, twice the learning rate; parts "
        "joined; other ranges for int8 (docs/decisions.md).",
    ),
    Group(
        "faces",
        "Grey faces, of 112 px where the network is as published. Identity: people of LFW, of each one "
        "image in five validates and one tests. Age band (five) and gender: UTKFace. All three train the "
        "trunks together. Reference: the published MobileFaceNet with a head for each task.",
        ("identity", "age", "gender"),
        _write_faces,
        None,
        _published,
        (Asked(1.0, 3.0, 3.0), Asked(4.0, 10.0, 6.0)),
        "In the way: an int8 layer of this network takes some eight microseconds whatever its width, and "
        "seven of ten bytes of a small one are its weights. Tried besides what is listed: three passes "
        "after filters were removed at 80, 64 and 56 px, with .55 of the weights kept (4 to 9 points of "
        "identity) and with .4 (11 to 16 points); four passes in place of ten at 64 px (3.2 points); at "
        "112 px to .6 of the operations (2 points for 1.4 times less latency) and to .35 (15 points, 1.9 "
        "times); MobileNets of half the width from fresh weights, taught by the published network's "
        "answers (65 points); ReLU in the place of PReLU at 64 px (10 points after four of six passes, "
        "then given up).",
    ),
    Group(
        "scenes",
        "Intel scenes, six classes at 64 px. Reference: a ResNet-20 of twice the width that it has for "
        "CIFAR-10, trained here.",
        ("scene",),
        _write_scenes,
        24,
        _full_size,
        (Asked(1.0, 3.0, 3.0), Asked(4.0, 10.0, 6.0)),
    ),
)
