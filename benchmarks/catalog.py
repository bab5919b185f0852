"""What the compiler makes of published models and real images: accuracy against memory and latency.

    python -m benchmarks.catalog --data DIR [--work DIR] [--group NAME ...] [--budget-minutes M] [--quick]

Compiles catalogs, as listed or by a search (kept in --work and resumed there), and compares every variant
with the group's reference on the held-out test split: points of accuracy lost, memory of resident parts,
and latency of one window. Each variant takes turns with the reference in one process, both by the
backend that was picked for them on this machine.
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

from benchmarks.backends import measured as measured_backends
from benchmarks.catalog_groups import GROUPS, Asked, Group
from benchmarks.report import RESULTS, Row, write_report
from catalog.backends.part_chain import PartChain
from catalog.backends.picked import PickedBackends
from catalog.errors import RunFailed
from catalog.further_apps import further_apps
from catalog.models.architecture import Architecture
from catalog.store import Catalog, open_catalog
from catalog.variants import MeasuredVariant

_ROUNDS, _QUICK_ROUNDS = 100, 5
_CALLS_A_TURN = 2
_QUICK_CANDIDATES = 4
_MOST_SHARE, _MOST_S = 0.01, 10e-6  # of the trunk's time, or of time: a further app's head
_FIGURES = ("variant", "precision", "backend", "test_accuracy_pct", "points_lost")
_COSTS = ("memory_mb", "memory_x_less", "latency_ms", "latency_x_less", "on_front")


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
            g.name: compiled(g, data.resolve(), work / g.name, args.budget_minutes, quick=args.quick)
            for g in chosen
        }
        compared_rows = [r for g in chosen for r in compared(g, catalogs[g.name], rounds)]
        further = [r for g in chosen for r in further_rows(g.name, catalogs[g.name])]
    speeds = measured_backends(Architecture("resnet"), 1, rounds)
    body = [*_backend_lines(speeds), *_further_lines(further)]
    for group in chosen:
        body += _group_lines(group, [r for r in compared_rows if r["group"] == group.name])
    packages = ("mcdnn", "torch", "onnxruntime", "openvino", "numpy")
    tables = {"further_apps": further, "backends": speeds}
    title = "Catalogs of real images"
    print(write_report("catalog", title, compared_rows, _NOTES, packages, args.out, body, tables))


def compiled(group: Group, data: Path, work: Path, budget_minutes: float | None, quick: bool) -> Catalog:
    """Compile a catalog as a user does, or continue where an earlier run stopped.

    Raises:
        RunFailed: the compiler failed; what it said is in the message.
    """
    work.mkdir(parents=True, exist_ok=True)
    tasks = group.write(data, work, quick)
    command = [sys.executable, "-m", "mcdnn", "compile", str(tasks), "--out", str(work / "catalog")]
    flags = ["--resume"]
    if group.candidates is not None:
        flags += ["--max-candidates", str(_QUICK_CANDIDATES if quick else group.candidates)]
        flags += [] if budget_minutes is None else ["--budget-minutes", str(budget_minutes)]
    done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunFailed(f"mcdnn compile ({group.name}): {done.stderr.strip()[-2000:]}")
    return open_catalog(work / "catalog")


def compared(group: Group, catalog: Catalog, rounds: int) -> list[Row]:
    """Return a row for every variant of every task, most accurate on the test split first."""
    leading = catalog.measured(group.tasks[0])
    reference = max((m for m in leading if group.is_reference(catalog, m)), key=lambda m: m.memory_bytes)
    trunks = [m.variant.trunk for m in leading]
    paired = {t: _paired_s(catalog, t, reference.variant.trunk, rounds) for t in trunks}
    rows = []
    for task in group.tasks:
        measured = {m.variant.trunk: m for m in catalog.measured(task)}
        against = measured[reference.variant.trunk]
        front = {m.variant.id for m in catalog.front(task)}
        of_task = [
            _row(group.name, task, catalog, m, against, paired[trunk], m.variant.id in front)
            for trunk, m in measured.items()
            if trunk in paired
        ]
        rows += sorted(of_task, key=lambda r: -_figure(r, "test_accuracy_pct"))
    return rows


def _row(
    group: str,
    task: str,
    catalog: Catalog,
    measured: MeasuredVariant,
    reference: MeasuredVariant,
    paired_s: tuple[float, float],
    on_front: bool,
) -> Row:
    own_s, reference_s = paired_s
    lost = reference.variant.test_accuracy - measured.variant.test_accuracy
    return {
        "group": group,
        "task": task,
        "variant": measured.variant.trunk,
        "lineage": ", ".join(catalog.trunks[measured.variant.trunk].lineage),
        "precision": measured.precision,
        "backend": "+".join(dict.fromkeys(measured.backends)),
        "on_front": int(on_front),
        "is_reference": int(measured is reference),
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


def _paired_s(catalog: Catalog, trunk: str, reference: str, rounds: int) -> tuple[float, float]:
    """Return median times of one window, taking turns."""
    chains = [_chain(catalog, name) for name in (trunk, reference)]
    side_px = [catalog.trunks[name].size_px for name in (trunk, reference)]
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


def _chain(catalog: Catalog, trunk: str) -> PartChain:
    parts = [catalog.part_path(p) for p in catalog.trunks[trunk].parts]
    return PartChain(PickedBackends(catalog.measurements()), parts)


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


def _group_lines(group: Group, rows: list[Row]) -> list[str]:
    lines = [f"## {group.name.capitalize()}", "", group.about, ""]
    for task in group.tasks:
        of_task = [r for r in rows if r["task"] == task]
        lines += [f"### {task}", "", *_asked_lines(group.asked, of_task), "", *_table(of_task), ""]
    return lines


def _asked_lines(asked: tuple[Asked, ...], rows: list[Row]) -> list[str]:
    """Say for each loss allowed which variant saves most, and whether that is what was asked for."""
    lines = ["| points lost, at most | asked: memory, latency | best variant | memory | latency | kept |"]
    lines.append("|---|---|---|---|---|---|")
    for a in asked:
        fitting = [r for r in rows if _figure(r, "points_lost") <= a.points]
        best = max(
            fitting,
            key=lambda r: min(
                1.0, _figure(r, "memory_x_less") / a.memory_x, _figure(r, "latency_x_less") / a.latency_x
            ),
        )
        found = (_figure(best, "memory_x_less"), _figure(best, "latency_x_less"))
        kept = "yes" if found[0] >= a.memory_x and found[1] >= a.latency_x else "no"
        lines.append(
            f"| {a.points:g} | {a.memory_x:g}x less, {a.latency_x:g}x less | {best['variant']} "
            f"| {found[0]:.3g}x less | {found[1]:.3g}x less | {kept} |"
        )
    front = sum(int(r["on_front"] or 0) for r in rows)
    return [*lines, "", f"{len(rows)} variants measured (asked: 20), {front} on the front (asked: 6)."]


def _backend_lines(speeds: list[Row]) -> list[str]:
    """Say how much faster the best backend runs the mid-sized trunk than eager torch."""
    lines = ["## Backends", "", "ResNet-20, one window, one thread, against eager torch in the same run:", ""]
    lines += ["| precision | asked | fastest | times as fast | kept |", "|---|---|---|---|---|"]
    for precision, asked in (("f32", 2.5), ("bf16", 4.0)):
        of_precision = [r for r in speeds if r["precision"] == precision]
        if not of_precision:
            lines.append(f"| {precision} | {asked:g}x | this processor has none | | |")
            continue
        best = max(of_precision, key=lambda r: _figure(r, "speedup"))
        found = _figure(best, "speedup")
        kept = "yes" if found >= asked else "no"
        lines.append(f"| {precision} | {asked:g}x | {best['backend']} | {found:.3g} | {kept} |")
    return [*lines, ""]


def _further_lines(rows: list[Row]) -> list[str]:
    lines = ["## A further app on a trunk that runs already", ""]
    lines.append(
        "Asked: 4 C (D + 1) bytes, and at most 1 % of the trunk's time or 10 µs. Median over the trunks."
    )
    lines += ["", "| group | task | bytes | head, µs | share of the trunk, % | trunks that keep it |"]
    lines.append("|---|---|---|---|---|---|")
    for group, task in dict.fromkeys((str(r["group"]), str(r["task"])) for r in rows):
        mine = [r for r in rows if (r["group"], r["task"]) == (group, task)]
        figures = [median(_figure(r, name) for r in mine) for name in ("bytes", "head_us")]
        part = median(_figure(r, "share_of_trunk_pct") for r in mine)
        kept = sum(int(r["kept"] or 0) for r in mine)
        lines.append(
            f"| {group} | {task} | {figures[0]:.0f} | {figures[1]:.3g} | {part:.3g} | {kept} of {len(mine)} |"
        )
    return [*lines, ""]


def _figure(row: Row, name: str) -> float:
    return float(row[name] or 0.0)


def _table(rows: list[Row]) -> list[str]:
    names = (*_FIGURES, *_COSTS)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = (f"{v:.3g}" if isinstance(v, float) else str(v) for v in (row[n] for n in names))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


_NOTES = [
    "Test images are looked at for this report alone; variants are made and picked by the validation "
    "split. Memory is that of resident parts (weights and the largest activations) with the head. Latency: "
    "medians of one window, each trunk taking turns with the reference in one process, by the backend that "
    "was picked for it.",
]

if __name__ == "__main__":
    main()
