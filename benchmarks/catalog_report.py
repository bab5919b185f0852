"""What benchmarks.catalog found, as lines of a report."""

from __future__ import annotations

from statistics import median

from benchmarks.catalog_groups import Asked, Group
from benchmarks.report import Row

_FIGURES = ("variant", "precision", "backend", "test_accuracy_pct", "points_lost")
_COSTS = ("memory_mb", "memory_x_less", "latency_ms", "latency_x_less", "first_call_x_less", "on_front")
NOTES = [
    "Test images are looked at for this report alone; variants are made and picked by the validation "
    "split. The best variant of a row is the one that saves most among those whose loss on the test "
    "images is allowed; to pick among twenty by few images makes that loss look a little small, so "
    "the one on the validation images stands beside it.",
    "Test images are answered by the backends that run a trunk here, which round in ways of their own; the "
    "validation split was answered by onnxruntime when the catalog was compiled.",
    "Memory is that of resident parts (weights and the largest activations) with the head. Latency: "
    "medians of one window, each trunk taking turns of ten calls with the reference in one process, by the "
    "backend that was picked for it; the first call of a turn, for which the other trunk has left the "
    "processor's caches cold, stands apart (first_call_x_less). The front is told by times that are taken "
    "as a camera calls.",
]


def group_lines(
    group: Group, images: dict[str, dict[str, tuple[int, int]]], rows: list[Row], ended_early: bool
) -> list[str]:
    """Return a section: each task, what was asked of it and what came out.

    Args:
        group: which.
        images: of each task and split how many there are, and of how many classes.
        rows: of its variants.
        ended_early: whether the compile was ended before it was done.
    """
    lines = [f"## {group.name.capitalize()}", "", group.about, ""]
    if ended_early:
        lines += ["**The compile was ended before all that was listed was made.**", ""]
    by_task = {task: [r for r in rows if r["task"] == task] for task in group.tasks}
    if group.tried and not all(_kept(a, _best(a, own)) for own in by_task.values() for a in group.asked):
        lines += [group.tried, ""]
    for task, of_task in by_task.items():
        counts = "; ".join(f"{n:,} images {split}, of {c} classes" for split, (n, c) in images[task].items())
        lines += [
            f"### {task}",
            "",
            f"{counts}.",
            "",
            *_asked_lines(group.asked, of_task),
            "",
            *_table(of_task),
            "",
        ]
    return lines


def _asked_lines(asked: tuple[Asked, ...], rows: list[Row]) -> list[str]:
    """Say for each loss allowed which variant saves most, and whether that is what was asked for."""
    lines = [
        "| points lost, at most | asked: memory, latency | best variant | lost on test images "
        "| on validation images | memory | latency | kept |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for a in asked:
        best = _best(a, rows)
        found = (_figure(best, "memory_x_less"), _figure(best, "latency_x_less"))
        kept = "yes" if _kept(a, best) else "no"
        lines.append(
            f"| {a.points:g} | {a.memory_x:g}x less, {a.latency_x:g}x less | {best['variant']} "
            f"| {_figure(best, 'points_lost'):.2f} | {_figure(best, 'validation_points_lost'):.2f} "
            f"| {found[0]:.3g}x less | {found[1]:.3g}x less | {kept} |"
        )
    front = sum(int(r["on_front"] or 0) for r in rows)
    lines += ["", f"{len(rows)} variants measured (asked: 20), {front} on the front (asked: 6)."]
    reference = next(r for r in rows if r["is_reference"])
    smaller = [r for r in rows if r["is_next_smaller"]]
    lines.append(_described("Reference", reference))
    return [*lines, *[_described("The next smaller network of its kind", r) for r in smaller]]


def _best(asked: Asked, rows: list[Row]) -> Row:
    """Return the row that comes closest to what is asked, of those that lose no more than allowed."""
    fitting = [r for r in rows if _figure(r, "points_lost") <= asked.points]
    return max(
        fitting,
        key=lambda r: min(
            1.0, _figure(r, "memory_x_less") / asked.memory_x, _figure(r, "latency_x_less") / asked.latency_x
        ),
    )


def _kept(asked: Asked, row: Row) -> bool:
    memory_x, latency_x = _figure(row, "memory_x_less"), _figure(row, "latency_x_less")
    return memory_x >= asked.memory_x and latency_x >= asked.latency_x


def _described(what: str, row: Row) -> str:
    accuracy_pct, memory_mb = _figure(row, "test_accuracy_pct"), _figure(row, "memory_mb")
    return f"{what}: {row['variant']}, {accuracy_pct:.2f} % of the test images, {memory_mb:.3g} MB."


def backend_lines(speeds: list[Row]) -> list[str]:
    """Return a section: how much faster the best backend runs the mid-sized trunk than eager torch."""
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


def further_lines(rows: list[Row]) -> list[str]:
    """Return a section: what one more app costs on a trunk that runs already."""
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
