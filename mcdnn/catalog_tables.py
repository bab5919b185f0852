"""A catalog's variants as tables for people and as rows for programs."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from catalog.store import Catalog
from catalog.variants import MeasuredVariant
from mcdnn.quantities import latency, megabytes, share

_FIGURES = ("valid.", "test", "ECE", "memory", "latency", "load")


def variants_table(catalog: Catalog, task: str, device: str) -> Table:
    """Return one row for each variant of a task, most accurate first, in 80 columns.

    Accuracy on validation and test, expected calibration error, and what the variant costs alone on a device;
    those that no other dominates there are marked as the front.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(task, no_wrap=True)
    for figure in _FIGURES:
        table.add_column(figure, justify="right", no_wrap=True)
    table.add_column("front", justify="center")
    front = {m.variant.id for m in catalog.front(task, device)}
    for m in catalog.measured(task, device):
        table.add_row(
            m.variant.trunk,
            share(m.variant.validation_accuracy),
            share(m.variant.test_accuracy),
            f"{m.variant.calibration_error:.3f}",
            megabytes(m.memory_bytes),
            latency(m.latency_s),
            latency(m.load_s),
            "*" if m.variant.id in front else "",
        )
    return table


def catalog_rows(catalog: Catalog, device: str) -> dict[str, Any]:
    """Return the catalog as plain data: how it came about, and every variant of every task."""
    compiled = catalog.contents.compiled
    return {
        "catalog": str(catalog.root),
        "complete": compiled.complete,
        "failed": compiled.failed,
        "date": compiled.date,
        "versions": compiled.versions,
        "device": device,
        "machine": catalog.measurements(device).machine,
        "tasks": {name: _task_rows(catalog, name, device) for name in catalog.tasks},
    }


def _task_rows(catalog: Catalog, task: str, device: str) -> list[dict[str, Any]]:
    front = {m.variant.id for m in catalog.front(task, device)}
    return [_row(catalog, m, m.variant.id in front) for m in catalog.measured(task, device)]


def _row(catalog: Catalog, m: MeasuredVariant, on_front: bool) -> dict[str, Any]:
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
        "memory_bytes": m.memory_bytes,
        "macs": sum(catalog.parts[p].macs for p in trunk.parts),
        "latency_s": m.latency_s,
        "latency_p95_s": m.latency_p95_s,
        "load_s": m.load_s,
        "on_front": on_front,
    }
