"""What the compiler makes of published models and real images: accuracy against memory and latency.

    python -m benchmarks.catalog --data DIR [--work DIR] [--quick]

Compiles CIFAR-10 objects into a catalog (kept in --work and resumed there), with the published ResNet-56
as the reference, and compares every variant with it on the held-out test split: points of accuracy
lost, memory of resident parts, and latency of one window. Each variant takes turns with the reference
in one process, both by the backend that was picked for them on this machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.cifar_tasks import FULL, QUICK, write_objects
from benchmarks.report import RESULTS, Row, write_report
from catalog.backends.part_chain import PartChain
from catalog.backends.picked import PickedBackends
from catalog.errors import RunFailed
from catalog.store import Catalog, open_catalog
from catalog.variants import MeasuredVariant

_TASK = "object"
_LOADED = 2  # lines in the lineage of a trunk that was loaded: its architecture, its weights
_ROUNDS, _QUICK_ROUNDS = 100, 5
_CALLS_A_TURN = 2
# Points lost at most, and how much less memory and latency is asked for there.
_ASKED = ((1.0, 3.0, 2.3), (4.0, 10.0, 4.0))


def main() -> None:
    """Compile, compare and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--work", type=Path, help="where catalogs are kept (default: a temporary folder)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    parser.add_argument("--quick", action="store_true", help="few images, one epoch")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "objects").is_dir():
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        catalog = compiled_objects(data, work / "objects", quick=args.quick)
        rows = compared(catalog, _QUICK_ROUNDS if args.quick else _ROUNDS)
    packages = ("mcdnn", "torch", "onnxruntime", "openvino", "numpy")
    body = [*_summary(rows), "", *_table(rows)]
    text = write_report("catalog", "Catalogs of real images", rows, _NOTES, packages, args.out, body)
    print(text)


def compiled_objects(data: Path, work: Path, quick: bool) -> Catalog:
    """Compile the catalog of CIFAR-10 objects as a user does, or continue where an earlier run stopped.

    Raises:
        RunFailed: the compiler failed; what it said is in the message.
    """
    work.mkdir(parents=True, exist_ok=True)
    tasks = write_objects(data, work, QUICK if quick else FULL)
    command = [sys.executable, "-m", "mcdnn", "compile", str(tasks), "--out", str(work / "catalog")]
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"mcdnn compile: {done.stderr.strip()[-2000:]}")
    return open_catalog(work / "catalog")


def compared(catalog: Catalog, rounds: int) -> list[Row]:
    """Return a row for every variant, most accurate on the test split first."""
    measured = catalog.measured(_TASK)
    reference = max((m for m in measured if _is_reference(catalog, m)), key=lambda m: m.memory_bytes)
    front = {m.variant.id for m in catalog.front(_TASK)}
    rows = [_row(catalog, m, reference, m.variant.id in front, rounds) for m in measured]
    return sorted(rows, key=lambda r: -float(r["test_accuracy_pct"] or 0.0))


def _is_reference(catalog: Catalog, measured: MeasuredVariant) -> bool:
    """Tell whether a variant is a network as it was published: loaded, and nothing done to it."""
    lineage = catalog.trunks[measured.variant.trunk].lineage
    return lineage[0].startswith("load ") and len(lineage) == _LOADED


def _row(
    catalog: Catalog, measured: MeasuredVariant, reference: MeasuredVariant, on_front: bool, rounds: int
) -> Row:
    own_s, reference_s = _paired_s(catalog, measured, reference, rounds)
    lost = reference.variant.test_accuracy - measured.variant.test_accuracy
    return {
        "group": "objects",
        "variant": measured.variant.id,
        "lineage": ", ".join(catalog.trunks[measured.variant.trunk].lineage),
        "precision": measured.precision,
        "backend": "+".join(dict.fromkeys(measured.backends)),
        "on_front": int(on_front),
        "test_accuracy_pct": 100.0 * measured.variant.test_accuracy,
        "validation_accuracy_pct": 100.0 * measured.variant.validation_accuracy,
        "points_lost": 100.0 * lost,
        "memory_mb": measured.memory_bytes / 1e6,
        "memory_x_less": reference.memory_bytes / measured.memory_bytes,
        "latency_ms": 1e3 * own_s,
        "reference_latency_ms": 1e3 * reference_s,
        "latency_x_less": reference_s / own_s,
        "kept_off_because": measured.excluded,
    }


def _paired_s(
    catalog: Catalog, measured: MeasuredVariant, reference: MeasuredVariant, rounds: int
) -> tuple[float, float]:
    """Return median times of one window, taking turns."""
    chains = [_chain(catalog, m) for m in (measured, reference)]
    side_px = [catalog.trunks[m.variant.trunk].size_px for m in (measured, reference)]
    rng = np.random.default_rng(0)
    windows = [rng.integers(0, 256, (1, s, s, 3), dtype=np.uint8) for s in side_px]
    times_s: list[list[float]] = [[], []]
    for number in range(rounds + 1):
        for chain, window, own in zip(chains, windows, times_s, strict=True):
            for _ in range(_CALLS_A_TURN):
                start_s = time.perf_counter()
                chain(window)
                if number:  # the first round warms up
                    own.append(time.perf_counter() - start_s)
    return median(times_s[0]), median(times_s[1])


def _chain(catalog: Catalog, measured: MeasuredVariant) -> PartChain:
    trunk = catalog.trunks[measured.variant.trunk]
    return PartChain(PickedBackends(catalog.measurements()), [catalog.part_path(p) for p in trunk.parts])


def _summary(rows: list[Row]) -> list[str]:
    """Say for each loss allowed which variant saves most, and whether that is what was asked for."""
    lines = ["| points lost, at most | asked: memory, latency | best variant | memory | latency | kept |"]
    lines.append("|---|---|---|---|---|---|")
    for points, memory_x, latency_x in _ASKED:
        fitting = [r for r in rows if float(r["points_lost"] or 0.0) <= points]
        best = max(
            fitting,
            key=lambda r: min(
                _figure(r, "memory_x_less") / memory_x, _figure(r, "latency_x_less") / latency_x
            ),
        )
        found = (_figure(best, "memory_x_less"), _figure(best, "latency_x_less"))
        kept = "yes" if found[0] >= memory_x and found[1] >= latency_x else "no"
        lines.append(
            f"| {points:g} | {memory_x:g}x less, {latency_x:g}x less | {best['variant']} "
            f"| {found[0]:.3g}x less | {found[1]:.3g}x less | {kept} |"
        )
    front = sum(int(r["on_front"] or 0) for r in rows)
    return [*lines, "", f"{len(rows)} variants measured, {front} on the front."]


def _figure(row: Row, name: str) -> float:
    return float(row[name] or 0.0)


def _table(rows: list[Row]) -> list[str]:
    of_variant = ("variant", "precision", "backend", "test_accuracy_pct", "points_lost")
    names = (*of_variant, "memory_mb", "memory_x_less", "latency_ms", "latency_x_less", "on_front")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = (f"{v:.3g}" if isinstance(v, float) else str(v) for v in (row[n] for n in names))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


_NOTES = [
    "CIFAR-10, 16,000 training images of which one in eight is for validation, 4,000 test images "
    "(docs/data.md). The reference is the published ResNet-56, as it is stored and run here. Memory is "
    "that of resident parts (weights and the largest activations) with the head. Variants are chosen by "
    "validation accuracy; test accuracy is for this report. Latency: medians of one window, each "
    "variant taking turns with the reference in one process.",
]

if __name__ == "__main__":
    main()
