"""What the compiler makes of published models and real images: accuracy against memory and latency.

    python -m benchmarks.catalog --data DIR [--work DIR] [--group NAME ...] [--budget-minutes M]
                                 [--as-made] [--quick]

Compiles catalogs, as listed or by a search (kept in --work and resumed there), and compares every variant
with the group's reference on the held-out test split: points of accuracy lost, memory of resident parts,
and latency of one window. Each variant takes turns with the reference in one process. Answers
and times are those of the backends that were picked on this machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy_as_run import accuracies_as_run, picked_chain
from benchmarks.backends import measured as measured_backends
from benchmarks.catalog_groups import GROUPS, Group
from benchmarks.catalog_report import NOTES, backend_lines, further_lines, group_lines
from benchmarks.image_lists import counted
from benchmarks.report import RESULTS, Row, write_report
from catalog.backends.part_chain import PartChain
from catalog.errors import RunFailed
from catalog.further_apps import further_apps
from catalog.models.architecture import Architecture
from catalog.store import Catalog, open_catalog
from catalog.variants import MeasuredVariant

_ROUNDS, _QUICK_ROUNDS = 20, 3
_CALLS_A_TURN = 10
_QUICK_CANDIDATES = 4
_MOST_SHARE, _MOST_S = 0.01, 10e-6  # of the trunk's time, or of time: a further app's head


def main() -> None:
    """Compile, compare and write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [g.name for g in GROUPS]
    parser.add_argument("--data", type=Path, help="the folder of docs/data.md (default: MCDNN_DATA)")
    parser.add_argument("--work", type=Path, help="where catalogs are kept (default: a temporary folder)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report goes")
    parser.add_argument("--group", action="append", choices=names, help="only this (default: all)")
    parser.add_argument("--budget-minutes", type=float, help="for each search, all runs together")
    parser.add_argument("--as-made", action="store_true", help="compile nothing more: compare what is there")
    parser.add_argument("--quick", action="store_true", help="few images, one epoch, few variants")
    args = parser.parse_args()
    data = args.data or Path(os.environ.get("MCDNN_DATA", ""))
    if not (data / "objects").is_dir():
        parser.error("no data: give --data DIR or set MCDNN_DATA; docs/data.md says where it comes from")
    rounds = _QUICK_ROUNDS if args.quick else _ROUNDS
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or Path(temporary)).resolve()
        chosen = [g for g in GROUPS if g.name in (args.group or names)]
        catalogs = {
            g.name: compiled(
                g, data.resolve(), work / g.name, args.budget_minutes, as_made=args.as_made, quick=args.quick
            )
            for g in chosen
        }
        compared_rows = [r for g in chosen for r in compared(g, catalogs[g.name], work / g.name, rounds)]
        further = [r for g in chosen for r in further_rows(g.name, catalogs[g.name])]
        images = {g.name: {t: counted(work / g.name, t) for t in g.tasks} for g in chosen}
    speeds = measured_backends(Architecture("resnet"), 1, rounds * _CALLS_A_TURN // 2)
    body = [*backend_lines(speeds), *further_lines(further)]
    for group in chosen:
        ended = not catalogs[group.name].contents.compiled.complete
        of_group = [r for r in compared_rows if r["group"] == group.name]
        body += group_lines(group, images[group.name], of_group, ended)
    packages = ("mcdnn", "torch", "onnxruntime", "openvino", "numpy")
    tables = {"further_apps": further, "backends": speeds}
    title = "Catalogs of real images"
    print(write_report("catalog", title, compared_rows, NOTES, packages, args.out, body, tables))


def compiled(
    group: Group, data: Path, work: Path, budget_minutes: float | None, as_made: bool, quick: bool
) -> Catalog:
    """Compile a catalog as a user does, or continue where an earlier run stopped.

    One that is complete already, or taken as it is, is measured anew: the machine may have been busy then.

    Raises:
        RunFailed: the compiler failed; what it said is in the message.
    """
    work.mkdir(parents=True, exist_ok=True)
    catalog = work / "catalog"
    tasks = group.write(data, work, quick)
    measured = (catalog / "profiles").is_dir()
    if as_made or (measured and open_catalog(catalog).contents.compiled.complete):
        run_mcdnn(group.name, "catalog", "profile", str(catalog))
        return open_catalog(catalog)
    flags = ["--resume"]
    if group.candidates is not None:
        flags += ["--max-candidates", str(_QUICK_CANDIDATES if quick else group.candidates)]
        flags += [] if budget_minutes is None else ["--budget-minutes", str(budget_minutes)]
    run_mcdnn(group.name, "compile", str(tasks), "--out", str(catalog), *flags)
    return open_catalog(catalog)


def run_mcdnn(group: str, *words: str) -> None:
    """Run the command line in a process of its own.

    Args:
        group: what it is run for, for the error.
        words: of the command.

    Raises:
        RunFailed: it did not end well; what it said is in the message.
    """
    command = [sys.executable, "-m", "mcdnn", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"mcdnn {words[0]} ({group}): {done.stderr.strip()[-2000:]}")


def compared(group: Group, catalog: Catalog, folder: Path, rounds: int) -> list[Row]:
    """Return a row for every variant of every task, most accurate on the test split first.

    Args:
        folder: of the lists that the catalog was compiled from.
    """
    leading = catalog.measured(group.tasks[0])
    reference, *smaller = sorted(
        (m for m in leading if group.is_reference(catalog, m)), key=lambda m: -_macs(catalog, m)
    )
    next_smaller = smaller[0].variant.trunk if smaller else None
    trunks = [m.variant.trunk for m in leading]
    paired = {t: _paired(catalog, t, reference.variant.trunk, rounds) for t in trunks}
    rows: list[Row] = []
    for task in group.tasks:
        measured = {m.variant.trunk: m for m in catalog.measured(task)}
        against = measured[reference.variant.trunk]
        front = {m.variant.id for m in catalog.front(task)}
        right = accuracies_as_run(catalog, task, folder)
        lost = {trunk: right[against.variant.trunk] - share for trunk, share in right.items()}
        of_task = [
            {
                **_row(group.name, task, catalog, m, against, paired[trunk], m.variant.id in front),
                "test_accuracy_pct": 100.0 * right[trunk],
                "points_lost": 100.0 * lost[trunk],
                "is_next_smaller": int(trunk == next_smaller),
            }
            for trunk, m in measured.items()
            if trunk in paired
        ]
        rows += sorted(of_task, key=lambda r: -float(r["test_accuracy_pct"] or 0.0))
    return rows


def _macs(catalog: Catalog, measured: MeasuredVariant) -> int:
    """Return the operations of a window: a network at half the side is a smaller one of the same bytes."""
    return sum(catalog.parts[p].macs for p in catalog.trunks[measured.variant.trunk].parts)


def _row(
    group: str,
    task: str,
    catalog: Catalog,
    measured: MeasuredVariant,
    reference: MeasuredVariant,
    paired: tuple[_Times, _Times],
    on_front: bool,
) -> Row:
    own, against = paired
    validation_lost = reference.variant.validation_accuracy - measured.variant.validation_accuracy
    return {
        "group": group,
        "task": task,
        "variant": measured.variant.trunk,
        "lineage": ", ".join(catalog.trunks[measured.variant.trunk].lineage),
        "precision": measured.precision,
        "backend": "+".join(dict.fromkeys(measured.backends)),
        "on_front": int(on_front),
        "is_reference": int(measured is reference),
        "validation_accuracy_pct": 100.0 * measured.variant.validation_accuracy,
        "validation_points_lost": 100.0 * validation_lost,
        "memory_mb": measured.memory_bytes / 1e6,
        "memory_x_less": reference.memory_bytes / measured.memory_bytes,
        "latency_ms": 1e3 * own.latency_s,
        "reference_latency_ms": 1e3 * against.latency_s,
        "latency_x_less": against.latency_s / own.latency_s,
        "first_call_ms": 1e3 * own.first_call_s,
        "first_call_x_less": against.first_call_s / own.first_call_s,
        "kept_off_because": measured.excluded,
    }


@dataclass(frozen=True, slots=True)
class _Times:
    """Of one window, medians.

    Args:
        latency_s: of the calls of a turn but for the first.
        first_call_s: of the first, for which the other trunk has left the processor's caches cold.
    """

    latency_s: float
    first_call_s: float


def _paired(catalog: Catalog, trunk: str, reference: str, rounds: int) -> tuple[_Times, _Times]:
    """Return the times of two trunks that take turns."""
    chains = [picked_chain(catalog, name) for name in (trunk, reference)]
    side_px = [catalog.trunks[name].size_px for name in (trunk, reference)]
    rng = np.random.default_rng(0)
    windows = [rng.integers(0, 256, (1, s, s, 3), dtype=np.uint8) for s in side_px]
    turns: list[list[list[float]]] = [[], []]
    for _ in range(rounds + 1):
        for chain, window, own in zip(chains, windows, turns, strict=True):
            own.append([_call_s(chain, window) for _ in range(_CALLS_A_TURN)])
    mine, theirs = (_times(own[1:]) for own in turns)  # the first round warms up
    return mine, theirs


def _call_s(chain: PartChain, window: npt.NDArray[np.uint8]) -> float:
    start_s = time.perf_counter()
    chain(window)
    return time.perf_counter() - start_s


def _times(turns: Sequence[Sequence[float]]) -> _Times:
    return _Times(median(s for turn in turns for s in turn[1:]), median(turn[0] for turn in turns))


def further_rows(group: str, catalog: Catalog) -> list[Row]:
    """Return what a further app costs on each trunk, beside what is asked."""
    measured = [m for task in catalog.tasks for m in catalog.measured(task)]
    heads = {h.id: h for h in catalog.contents.heads}
    return [
        {
            "group": group,
            "trunk": f.trunk,
            "task": f.task,
            "bytes": f.size_bytes,
            "head_us": 1e6 * f.head_s,
            "share_of_trunk_pct": 100.0 * f.trunk_share,
            "kept": int(f.head_s <= _MOST_S or f.trunk_share <= _MOST_SHARE),
        }
        for f in further_apps(measured, heads, catalog.measurements())
    ]


if __name__ == "__main__":
    main()
