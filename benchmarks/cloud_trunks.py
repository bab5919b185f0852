"""The trunks that the cloud server is measured with, compiled from CIFAR-10 images as a user does.

Few images and one epoch: how fast a network runs does not hang on its weights.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cifar_tasks import write_images
from catalog.backends.part_chain import PartChain
from catalog.errors import RunFailed
from catalog.store import Catalog, open_catalog
from mcdnn.wiring import backends_to_serve

_EVERY = 200


@dataclass(frozen=True, slots=True)
class TrunkSize:
    """A residual network for small windows.

    Args:
        about: what it is, for the report.
        blocks: of each of its three stages.
        channels: of its first stage.
    """

    about: str
    blocks: int
    channels: int


@dataclass(frozen=True, slots=True)
class Served:
    """What requests ask for.

    Args:
        trunk: what it is, for the report.
        variant: its id in the catalog.
    """

    trunk: str
    variant: str


HEAVY = TrunkSize("ResNet-56, 2.5 times as wide", 9, 40)
LIGHT = TrunkSize("ResNet-8", 1, 16)
TINY = TrunkSize("ResNet-8, half as wide", 1, 8)


def compiled(data: Path, work: Path, sizes: tuple[TrunkSize, ...]) -> list[Served]:
    """Compile the trunks, or take those of an earlier run, and return a variant of each.

    Raises:
        BadInput: the data is not there.
        RunFailed: the compiler failed; what it said is in the message.
    """
    work.mkdir(parents=True, exist_ok=True)
    files = write_images(data, work, _EVERY)
    tasks = work / "TASKS.toml"
    tasks.write_text(_tasks_toml(files, sizes), encoding="utf-8")
    words = ["compile", str(tasks), "--out", str(folder_of(work)), "--resume"]
    command = [sys.executable, "-m", "mcdnn", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"mcdnn compile: {done.stderr.strip()[-2000:]}")
    catalog = open_catalog(folder_of(work))
    variants = sorted(catalog.contents.variants, key=lambda v: v.trunk)  # named by their model's number
    return [Served(size.about, v.id) for size, v in zip(sizes, variants, strict=True)]


def folder_of(work: Path) -> Path:
    """Return where the catalog lies."""
    return work / "catalog"


def served_chain(catalog: Catalog, trunk: str) -> PartChain:
    """Return a trunk as the server runs it: by the backends that were picked, on one thread."""
    paths = [catalog.part_path(p) for p in catalog.trunks[trunk].parts]
    return PartChain(backends_to_serve(catalog, None, 1), paths)


def _tasks_toml(files: list[str], sizes: tuple[TrunkSize, ...]) -> str:
    models = "".join(
        f"""
[[model]]
arch = "resnet"
arguments = {{ blocks = {size.blocks}, channels = {size.channels} }}
techniques = []
"""
        for size in sizes
    )
    return f"""
[input.object]
size = 32

[task.object]
input = "object"
data = "."
split = {json.dumps(files)}
{models}
[training]
epochs = 1
"""
