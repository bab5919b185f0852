"""What the engine adds to a window over calling the bare backend in a loop on the same windows.

    python -m benchmarks.engine_overhead [--quick] [--catalog DIR]

Both sides run in turn in one process, block by block: the bare loop crops, resizes and calls the
backend part by part; the engine does the same through its whole pipeline (capture thread, policy,
ledger, residency, four apps' heads, results, summary and a JSON-lines sink). Finding windows is
left out by asking about whole frames. A block's figure is the time from one frame to another, so
that starting and ending are left out too. Beside the time that passed, the processor time of the
thread that serves is given: on a busy machine it says more.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.report import Row, write_report
from benchmarks.synthetic_catalog import build_synthetic_catalog
from catalog.backends.table import open_backend
from catalog.preprocessing import window_pixels
from catalog.store import Catalog, CatalogWriter, open_catalog
from engine.frames import Frame
from engine.sinks.json_lines import JsonLinesSink
from mcdnn.engine import Engine

_SIDE_PX = 96
_SKIPPED = 20
_FULL_BLOCKS, _QUICK_BLOCKS = 9, 3
_BLOCK_S = 1.5
_MEMORY_WINDOWS = 20_000
_POLICY = "paced"
_HEAVY = (9, 48)  # layers and channels of a part of about 5 ms


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks: time that passed, and processor time of the main thread; or differences of them."""

    wall_s: float
    busy_s: float

    def a_window(self, before: Reading, windows: int) -> Reading:
        """Return what a window took since a reading before."""
        return Reading((self.wall_s - before.wall_s) / windows, (self.busy_s - before.busy_s) / windows)


def read_clocks() -> Reading:
    """Read them, in any thread."""
    main_clock = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
    return Reading(time.perf_counter(), time.clock_gettime(main_clock))


@dataclass(frozen=True, slots=True)
class Block:
    """One pair of runs: what a window took."""

    bare: Reading
    engine: Reading

    @property
    def added_us(self) -> float:
        """Time that the engine added."""
        return 1e6 * (self.engine.wall_s - self.bare.wall_s)

    @property
    def added_busy_us(self) -> float:
        """Processor time that it added in the thread that serves."""
        return 1e6 * (self.engine.busy_s - self.bare.busy_s)


class TimedFrames:
    """A source that gives the same few frames over and over and reads the clocks, first and last."""

    name = "timed"
    live = False

    def __init__(self, frames: Sequence[npt.NDArray[np.uint8]], count: int) -> None:
        self._frames = frames
        self._count = count
        self._given = 0
        self.readings: list[Reading] = []

    def read(self) -> Frame | None:
        """Return the next frame; see Source."""
        index = self._given
        if index in (_SKIPPED, self._count):
            self.readings.append(read_clocks())
        if index >= self._count:
            return None
        self._given += 1
        return Frame(self.name, index, index / 30, self._frames[index % len(self._frames)], time.monotonic())

    def close(self) -> None:
        """Nothing is held; see Source."""


def random_frames(count: int) -> list[npt.NDArray[np.uint8]]:
    """Return noise as (96, 96, 3) uint8 RGB."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (_SIDE_PX, _SIDE_PX, 3), np.uint8) for _ in range(count)]


def bare_loop(catalog: Catalog, frames: Sequence[npt.NDArray[np.uint8]], count: int) -> Reading:
    """Return what a window takes of cropping, resizing and calling the only trunk's parts."""
    (trunk,) = catalog.contents.trunks
    input_type = catalog.input_types[trunk.input_type]
    backend = open_backend("onnxruntime")
    parts = [backend.load(catalog.part_path(p)) for p in trunk.parts]
    before = read_clocks()
    for i in range(count + _SKIPPED):
        if i == _SKIPPED:
            before = read_clocks()
        values: npt.NDArray[np.uint8] | npt.NDArray[np.float32] = window_pixels(
            frames[i % len(frames)], (0, 0, _SIDE_PX, _SIDE_PX), input_type, trunk.size_px
        )
        for part in parts:
            values = part(values)
    return read_clocks().a_window(before, count)


def engine_run(
    catalog: Catalog, frames: Sequence[npt.NDArray[np.uint8]], count: int, results: Path
) -> Reading:
    """Return what a window takes of the engine with an app for each task and a results file."""
    source = TimedFrames(frames, count + _SKIPPED)
    engine = Engine(engine_config(catalog))
    engine.add_sink(JsonLinesSink(results))
    served = engine.run(source).served_share
    if served != 1.0:
        raise SystemExit(f"the engine served {served} of the requests: this would flatter it")
    first, last = source.readings
    return last.a_window(first, count)


def engine_config(catalog: Catalog) -> dict[str, object]:
    """Return a configuration with every budget set, so that all accounting runs."""
    (input_type,) = catalog.input_types
    return {
        "catalog": str(catalog.root),
        "policy": _POLICY,
        "budget": {"energy_j": 1e9, "cloud_usd": 1.0, "period": "10h", "memory_mb": 1000.0},
        "extractor": {input_type: "whole-frame"},
        "app": [{"name": t, "task": t, "latency_limit_s": 5.0} for t in catalog.tasks],
    }


def compare(catalog: Catalog, blocks: int, folder: Path) -> tuple[list[Block], int]:
    """Run both sides in turn, some blocks of about a second and a half each; the windows a block."""
    frames = random_frames(16)
    count = max(50, int(_BLOCK_S / bare_loop(catalog, frames, 20).wall_s))
    count = min(count, 3000)
    pairs = []
    for i in range(blocks):
        sides: list[Callable[[], Reading]] = [
            lambda: bare_loop(catalog, frames, count),
            lambda: engine_run(catalog, frames, count, folder / "results.jsonl"),
        ]
        first = i % 2
        figures = {first: sides[first](), 1 - first: sides[1 - first]()}
        pairs.append(Block(figures[0], figures[1]))
    return pairs, count


def row_of(name: str, pairs: Sequence[Block], count: int) -> Row:
    """Return medians over the blocks, with the spread of what is added."""
    added_us = [b.added_us for b in pairs]
    return {
        "trunk": name,
        "blocks": len(pairs),
        "windows_a_block": count,
        "bare_us": float(np.median([1e6 * b.bare.wall_s for b in pairs])),
        "engine_us": float(np.median([1e6 * b.engine.wall_s for b in pairs])),
        "share_of_bare_throughput_pct": float(
            np.median([100 * b.bare.wall_s / b.engine.wall_s for b in pairs])
        ),
        "added_us_median": float(np.median(added_us)),
        "added_us_least": min(added_us),
        "added_us_most": max(added_us),
        "added_busy_us_median": float(np.median([b.added_busy_us for b in pairs])),
    }


def one_trunk(catalog: Catalog, trunk: str, folder: Path) -> Catalog:
    """Return a catalog that holds one trunk of another, files shared."""
    c = catalog.contents
    kept = catalog.trunks[trunk]
    folder.mkdir()
    for sub in ("parts", "heads"):
        shutil.copytree(catalog.root / sub, folder / sub)
    writer = CatalogWriter(folder)
    writer.write_measurements(catalog.measurements())
    writer.write_contents(
        replace(
            c,
            parts=tuple(p for p in c.parts if p.id in kept.parts),
            trunks=(kept,),
            heads=tuple(h for h in c.heads if h.trunk == trunk),
            variants=tuple(v for v in c.variants if v.trunk == trunk),
        )
    )
    return open_catalog(folder)


def memory_growth(catalog: Catalog, windows: int, folder: Path) -> tuple[float, float]:
    """Return peak resident memory (MB) of this process after a tenth of the windows and after all."""
    frames = random_frames(4)
    engine_run(catalog, frames, windows // 10, folder / "warm.jsonl")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    engine_run(catalog, frames, windows, folder / "all.jsonl")
    return before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Measure, print and write docs/results/engine_overhead."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few blocks, nothing written to docs/results")
    parser.add_argument("--catalog", type=Path, help="compiled digits (mcdnn compile digits --out DIR)")
    args = parser.parse_args()
    cv2.setNumThreads(1)  # as the engine does, from the first bare block on
    blocks = _QUICK_BLOCKS if args.quick else _FULL_BLOCKS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        heavy = open_catalog(build_synthetic_catalog(folder / "heavy", 4, *_HEAVY))
        rows = [row_of("random, about 5 ms", *compare(heavy, blocks, folder))]
        if args.catalog is not None:
            digits = open_catalog(args.catalog)
            for trunk in digits.trunks:
                single = one_trunk(digits, trunk, folder / trunk)
                rows.append(row_of(trunk, *compare(single, blocks, folder)))
        light = open_catalog(build_synthetic_catalog(folder / "light", 4, 2, 4))
        windows = _MEMORY_WINDOWS // 10 if args.quick else _MEMORY_WINDOWS
        before_mb, after_mb = memory_growth(light, windows, folder)
    notes = [
        f"Four apps on one trunk, policy {_POLICY}, results file on, every budget set; finding windows left "
        "out. Blocks of both sides alternate in one process; figures are medians over blocks. OpenCV and "
        "the backend use one thread on both sides.",
        f"Peak resident memory of the process: {before_mb:.1f} MB after {windows // 10} windows, "
        f"{after_mb:.1f} MB after {windows} more.",
    ]
    target = Path(tempfile.mkdtemp()) if args.quick else None
    text = (
        write_report("engine_overhead", "What the engine adds to a window", rows, notes)
        if target is None
        else write_report("engine_overhead", "What the engine adds to a window", rows, notes, folder=target)
    )
    print(text)


if __name__ == "__main__":
    main()
