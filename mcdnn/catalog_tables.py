"""A catalog's variants as tables for people and as rows for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from catalog.contents import CompileRecord
from catalog.further_apps import FurtherApp, further_apps
from catalog.measurements import DeviceMeasurements, PartMeasurement
from catalog.parts import Trunk
from catalog.store import Catalog
from catalog.variants import MeasuredVariant, OffFront, off_front
from mcdnn.quantities import NONE, energy, kilobytes, latency, megabytes, share

if TYPE_CHECKING:
    from catalog.compiler.forecast import Forecast

_FIGURES = ("valid.", "test", "memory", "latency", "energy")
_MOST_TRUNKS = 2
_ON_FRONT = "*"


def variants_table(catalog: Catalog, task: str, device: str) -> Table:
    """Return one row for each variant of a task, most accurate first, in 80 columns.

    Accuracy on validation and test, and what the variant costs alone on a device; those that no other
    dominates there are marked as the front, the others by the number of one that does.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column(task, overflow="fold")
    for figure in _FIGURES:
        table.add_column(figure, justify="right", no_wrap=True)
    table.add_column("front", no_wrap=True)
    measured = catalog.measured(task, device)
    numbers = {m.variant.id: str(k) for k, m in enumerate(measured, start=1)}
    off = off_front(measured)
    for m in measured:
        table.add_row(
            numbers[m.variant.id],
            m.variant.trunk,
            share(m.variant.validation_accuracy),
            share(m.variant.test_accuracy),
            megabytes(m.memory_bytes),
            latency(m.latency_s),
            NONE if m.energy_j is None else energy(m.energy_j),
            _standing(off.get(m.variant.id), numbers),
        )
    return table


def forecast_table(forecast: Forecast) -> Table:
    """Return what a compile would try, in order: what each would cost to run, and to make."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("would try", overflow="fold")
    for figure in ("million MACs", "memory", "to make"):
        table.add_column(figure, justify="right", no_wrap=True)
    for e in forecast.expected:
        table.add_row(e.candidate, f"{e.macs / 1e6:.3g}", megabytes(e.memory_bytes), f"{e.seconds:.0f} s")
    return table


def _standing(off: OffFront | None, numbers: Mapping[str, str]) -> str:
    if off is None:
        return _ON_FRONT
    return "slow" if off.better is None else f"< {numbers[off.better]}"


def trunks_table(catalog: Catalog, device: str) -> Table:
    """Return what made each trunk and what runs it on a device; it wraps."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("trunk", overflow="fold")
    table.add_column("in", no_wrap=True)
    table.add_column("run by", no_wrap=True)
    table.add_column("made by", overflow="fold")
    found = {m.variant.trunk: m for task in catalog.tasks for m in catalog.measured(task, device)}
    for trunk in catalog.contents.trunks:
        m = found.get(trunk.name)
        ran = (NONE, NONE) if m is None else (m.precision, "+".join(dict.fromkeys(m.backends)))
        table.add_row(trunk.name, *ran, ", then ".join(trunk.lineage))
    return table


def further_apps_table(catalog: Catalog, device: str) -> Table:
    """Return what each task costs where its trunk runs for another one already, over all trunks."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("a further app", overflow="fold")
    for figure in ("memory", "time", "of the trunk's"):
        table.add_column(figure, justify="right", no_wrap=True)
    for task in catalog.tasks:
        apps = _further_apps(catalog, catalog.measured(task, device), device)
        if apps:
            table.add_row(
                task,
                _range([a.size_bytes for a in apps], kilobytes),
                _range([a.head_s for a in apps], latency),
                _range([a.trunk_share for a in apps], share),
            )
    return table


def _further_apps(catalog: Catalog, measured: Sequence[MeasuredVariant], device: str) -> list[FurtherApp]:
    heads = {h.id: h for h in catalog.contents.heads}
    return further_apps(measured, heads, catalog.measurements(device))


def _range(figures: Sequence[float], shown: Callable[[float], str]) -> str:
    least, most = shown(min(figures)), shown(max(figures))
    return least if least == most else f"{least} - {most}"


def kept_off(catalog: Catalog, device: str) -> list[str]:
    """Return which trunks are kept off every front for what they are here, and why, one line for each."""
    lines = {}
    for task in catalog.tasks:
        measured = catalog.measured(task, device)
        lines.update({m.variant.trunk: m.excluded for m in measured if m.excluded is not None})
    return [f"slow: {trunk}: kept off the front: {reason}" for trunk, reason in lines.items()]


def parts_table(catalog: Catalog, measurements: DeviceMeasurements) -> Table:
    """Return one row for each part and backend that ran it, those that were picked marked."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("part", "in", "by"):
        table.add_column(heading, no_wrap=True)
    for heading in ("1 window", "p95", "8", "load", "peak", "energy"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    rows = {(m.part, m.backend, m.batch): m for m in measurements.parts}
    for part in catalog.contents.parts:
        for m in [m for m in measurements.parts if m.part == part.id and m.batch == 1]:
            many = rows.get((m.part, m.backend, 8))
            table.add_row(part.id[:8], m.precision, m.backend, *_figures(m, many), _mark(m, measurements))
    return table


def _figures(m: PartMeasurement, many: PartMeasurement | None) -> list[str]:
    return [
        latency(m.latency_p50_s),
        latency(m.latency_p95_s),
        NONE if many is None else latency(many.latency_p50_s),
        latency(m.load_s),
        NONE if m.peak_memory_bytes is None else megabytes(m.peak_memory_bytes),
        NONE if m.energy_j is None else energy(m.energy_j),
    ]


def _mark(m: PartMeasurement, measurements: DeviceMeasurements) -> str:
    return _ON_FRONT if measurements.best(m.part) == m else ""


def not_made(compiled: CompileRecord) -> list[str]:
    """Return what was asked for and is not there, one line for each trunk and technique."""
    skipped = [f"skipped: {technique}: {reason}" for technique, reason in compiled.skipped.items()]
    return skipped + [f"failed: {name}: {reason}" for name, reason in compiled.failed.items()]


def failures(catalog: Catalog, measurements: DeviceMeasurements) -> list[str]:
    """Return what could not be measured, one line for each part and backend, with the trunks it costs."""
    lines = []
    for failure in measurements.failures:
        users = [t.name for t in catalog.contents.trunks if failure.part in t.parts]
        named = ", ".join(users[:_MOST_TRUNKS]) + (", ..." if len(users) > _MOST_TRUNKS else "")
        lines.append(f"failed: part {failure.part} of {named} by {failure.backend}: {failure.reason}")
    return lines


def catalog_rows(catalog: Catalog, device: str) -> dict[str, Any]:
    """Return the catalog as plain data: how it came about, and every variant of every task."""
    compiled = catalog.contents.compiled
    measurements = catalog.measurements(device)
    return {
        "catalog": str(catalog.root),
        "complete": compiled.complete,
        "failed": compiled.failed,
        "skipped": compiled.skipped,
        "date": compiled.date,
        "versions": compiled.versions,
        "device": device,
        "machine": measurements.machine,
        "measured_versions": measurements.versions,
        "failures": [asdict(f) for f in measurements.failures],
        "tasks": {name: task_rows(catalog, name, device) for name in catalog.tasks},
        "parts": {p: _part_rows(p, measurements) for p in catalog.parts},
    }


def task_rows(catalog: Catalog, task: str, device: str) -> list[dict[str, Any]]:
    """Return every variant of a task as plain data, most accurate first."""
    measured = catalog.measured(task, device)
    off = off_front(measured)
    apps = _further_apps(catalog, measured, device)
    return [_row(catalog, m, off.get(m.variant.id), app) for m, app in zip(measured, apps, strict=True)]


def _row(catalog: Catalog, m: MeasuredVariant, off: OffFront | None, app: FurtherApp) -> dict[str, Any]:
    trunk = catalog.trunks[m.variant.trunk]
    return {
        "variant": m.variant.id,
        "trunk": trunk.name,
        "lineage": list(trunk.lineage),
        "parts": list(trunk.parts),
        "head": m.variant.head,
        "validation_accuracy": m.variant.validation_accuracy,
        "test_accuracy": m.variant.test_accuracy,
        "calibration_error": m.variant.calibration_error,
        "jpeg": [{**asdict(t), "accuracy_loss": t.accuracy_loss} for t in m.variant.jpeg],
        "memory_bytes": m.memory_bytes,
        "macs": sum(catalog.parts[p].macs for p in trunk.parts),
        "file_bytes": sum(catalog.parts[p].file_bytes for p in trunk.parts),
        "download_bytes": _download_bytes(catalog, trunk),
        "latency_s": m.latency_s,
        "latency_p95_s": m.latency_p95_s,
        "load_s": m.load_s,
        "energy_j": m.energy_j,
        "energy_origin": m.energy_origin,
        "precision": m.precision,
        "backends": list(m.backends),
        "further_app": {
            "size_bytes": app.size_bytes,
            "latency_s": app.head_s,
            "share_of_trunk_latency": app.trunk_share,
        },
        "on_front": off is None,
        "off_front_because": None if off is None else off.reason,
    }


def _download_bytes(catalog: Catalog, trunk: Trunk) -> int | None:
    """Return the compressed size of a trunk; None where a part's was never computed."""
    sizes = [catalog.parts[p].download_bytes for p in trunk.parts]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _part_rows(part: str, measurements: DeviceMeasurements) -> list[dict[str, Any]]:
    rows = [m for m in measurements.parts if m.part == part]
    if not rows:
        return []
    best = measurements.best(part)
    picked = (best.backend, best.precision)
    return [{**asdict(m), "picked": (m.backend, m.precision) == picked} for m in rows]
