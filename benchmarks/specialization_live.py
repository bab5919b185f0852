"""What specialization saves in the live engine, on CIFAR-10 images in skewed orders.

    python -m benchmarks.specialization_live --catalog DIR [--data DIR] [--quick] [--out DIR]

The catalog is that of benchmarks.real_tasks for objects, with mcdnn catalog specialize run on it. Ten
test images a second go through the engine at that pace, with and without specialising, the same
images in the same order. Compute is the processor time that the ledger booked for running models,
and, where it says so, for training heads as well.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.cifar_tasks import CLASSES, read_tiles
from benchmarks.label_traces import skewed_stretches
from benchmarks.report import RESULTS, Row, markdown_table, write_report
from catalog.store import open_catalog
from engine.frames import Frame, TruthWindow
from engine.ledger import Category
from engine.snapshot import Snapshot
from mcdnn.engine import Engine
from sim.label_replay import Sighting

UInt8 = npt.NDArray[np.uint8]

_VALIDATION_EVERY = 4  # test images that the catalog's figures were measured on are not shown
_SLIDING = 200
_NOTES = (
    "Ten windows a second, at that pace; `times_less`: processor time of models without specialising over "
    "that with it, checks included; `times_less_with_heads`: training included. `worst_behind_points`: the "
    "most that the accuracy over 200 windows was below that of the run without. No budget; policy paced.",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One order of images.

    Args:
        dominant: classes that dominate; all ten for none.
        share: of windows that are of those for sure, the rest being of any class.
        stretch_s: after which others take over.
        lasts_s: in all.
    """

    dominant: int
    share: float
    stretch_s: float
    lasts_s: float

    @property
    def name(self) -> str:
        """For people."""
        if self.dominant == len(CLASSES):
            return "all classes equal"
        return f"{self.dominant} classes, {self.share:.0%}, {self.stretch_s:.0f} s"


QUICK = (Case(2, 0.9, 30.0, 30.0),)
FULL = (
    Case(2, 0.9, 60.0, 60.0),
    Case(2, 0.95, 60.0, 60.0),
    Case(5, 0.9, 60.0, 60.0),
    Case(2, 0.9, 15.0, 60.0),
    Case(10, 0.0, 60.0, 60.0),
)


class ImagesInOrder:
    """A source that shows an image of each class in turn, at the times that a trace says.

    Args:
        images: (N, H, W, 3) uint8 RGB, by class.
        sightings: what to show and when.
        task: that knows the classes.
        rng: draws the images.
    """

    name = "order"
    live = False

    def __init__(
        self,
        images: Sequence[UInt8],
        sightings: Sequence[Sighting],
        task: str,
        rng: np.random.Generator,
    ) -> None:
        self._images = images
        self._sightings = sightings
        self._task = task
        self._rng = rng
        self._index = 0
        self._began_s: float | None = None

    def read(self) -> Frame | None:
        """Wait until the next image is due and return it; see Source."""
        if self._index >= len(self._sightings):
            return None
        seen = self._sightings[self._index]
        if self._began_s is None:
            self._began_s = time.monotonic()
        time.sleep(max(0.0, self._began_s + seen.t_s - time.monotonic()))
        of_class = self._images[seen.class_id]
        pixels = of_class[int(self._rng.integers(len(of_class)))]
        truth = TruthWindow((0, 0, pixels.shape[1], pixels.shape[0]), {self._task: CLASSES[seen.class_id]})
        self._index += 1
        return Frame(self.name, self._index - 1, seen.t_s, pixels, time.monotonic(), (truth,))

    def close(self) -> None:
        """Nothing is held; see Source."""


@dataclass(frozen=True, slots=True)
class Lived:
    """One run.

    Args:
        right: one a window.
    """

    snapshot: Snapshot
    right: list[bool]

    def spent_j(self, *categories: Category) -> float:
        """Return the energy booked, in proportion to processor time."""
        return sum(line.energy_j for line in self.snapshot.standing.spent if line.category in categories)


def live(catalog: Path, images: Sequence[UInt8], case: Case, specialize: bool, seed: int) -> Lived:
    """Run the engine on one order."""
    (task,) = (t for t in open_catalog(catalog, verify=False).tasks.values() if t.classes == CLASSES)
    rng = np.random.default_rng(seed)
    seen = list(skewed_stretches(case.dominant, case.share, case.stretch_s, case.lasts_s, len(CLASSES), rng))
    right: list[bool] = []
    engine = Engine(
        {
            "catalog": str(catalog),
            "specialize": specialize,
            "extractor": {task.input_type: "whole-frame"},
            "app": [{"name": "what", "task": task.name}],
        }
    )
    engine.on_result(lambda r: right.append(r.served and r.answer == r.truth))
    return Lived(engine.run(ImagesInOrder(images, seen, task.name, rng)), right)


def row_of(catalog: Path, images: Sequence[UInt8], case: Case, seed: int) -> Row:
    """Compare both ways on one order."""
    without, with_heads = (live(catalog, images, case, specialize, seed) for specialize in (False, True))
    special = with_heads.snapshot.standing.special
    run_j = with_heads.spent_j(Category.EXECUTION)
    all_j = with_heads.spent_j(Category.EXECUTION, Category.TRAINING)
    behind = np.subtract(without.right, with_heads.right, dtype=float)
    sliding = np.convolve(behind, np.full(_SLIDING, 1 / _SLIDING), "valid")
    return {
        "order": case.name,
        "windows": len(without.right),
        "times_less": without.spent_j(Category.EXECUTION) / run_j,
        "times_less_with_heads": without.spent_j(Category.EXECUTION) / all_j,
        "accuracy_pct": 100.0 * float(np.mean(with_heads.right)),
        "generic_accuracy_pct": 100.0 * float(np.mean(without.right)),
        "worst_behind_points": 100.0 * float(sliding.max(initial=0.0)),
        "answered_alone": special.answered,
        "passed_on": special.passed_on,
        "checked": special.checked,
        "heads": special.heads,
        "entered": special.entered,
        "left": special.left,
        "p95_s": with_heads.snapshot.apps[0].latency_p95_s,
        "generic_p95_s": without.snapshot.apps[0].latency_p95_s,
    }


def run(catalog: Path, data: Path, cases: Sequence[Case], folder: Path) -> str:
    """Run all cases, write the report to a folder and return its text."""
    images = [_test_images(data, name) for name in CLASSES]
    rows = [row_of(catalog, images, case, seed) for seed, case in enumerate(cases)]
    title = "Specialization in the live engine"
    return write_report("specialization_live", title, rows, _NOTES, folder=folder, body=markdown_table(rows))


def _test_images(data: Path, name: str) -> UInt8:
    tiles = read_tiles(data / "objects/cifar10" / f"test_{name}.webp")
    shown: UInt8 = tiles[np.arange(len(tiles)) % _VALIDATION_EVERY != 0]
    return shown


def main() -> None:
    """Read the arguments, run, print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one order of half a minute")
    parser.add_argument("--catalog", type=Path, required=True, help="compiled objects")
    parser.add_argument("--data", type=Path, help="folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--out", type=Path, help="folder for the report (default: docs/results)")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "objects" / "cifar10").is_dir():
        parser.error("no CIFAR-10: name the data's folder with --data or MCDNN_DATA (docs/data.md)")
    folder = args.out or (Path(tempfile.mkdtemp(prefix="specialization-")) if args.quick else RESULTS)
    print(run(args.catalog, data, QUICK if args.quick else FULL, folder))


if __name__ == "__main__":
    main()
