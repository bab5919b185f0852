"""What variants cost on a device: their parts as picked there, and their heads."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.contents import CatalogContents
from catalog.measurements import DeviceMeasurements, PartMeasurement
from catalog.parts import Part, Trunk
from catalog.variants import MeasuredVariant, Variant

_REDUCED = ("int8", "bf16")


def measured_variants(
    contents: CatalogContents, task: str, measurements: DeviceMeasurements
) -> list[MeasuredVariant]:
    """Return the variants of a task with their cost on a device, most accurate first.

    Variants with a part that no backend can run there are left out.

    Raises:
        KeyError: a part or head that was never measured, after the variant's id.
    """
    parts = {p.id: p for p in contents.parts}
    trunks = {t.name: t for t in contents.trunks}
    head_bytes = {h.id: h.size_bytes for h in contents.heads}
    rows = []
    for variant in contents.variants:
        trunk = trunks[variant.trunk]
        if variant.task == task and not any(measurements.failed(p) for p in trunk.parts):
            rows.append(_measured(variant, trunk, parts, head_bytes[variant.head], measurements))
    checked = _with_slow_precisions_excluded(rows, trunks, parts)
    return sorted(checked, key=lambda m: (-m.variant.validation_accuracy, m.latency_s))


def unmeasurable_variants(
    contents: CatalogContents, task: str, measurements: DeviceMeasurements
) -> dict[str, str]:
    """Return why variants of a task cannot be run on a device, by id."""
    trunks = {t.name: t for t in contents.trunks}
    failed: dict[str, str] = {}
    for variant in contents.variants:
        reasons = [measurements.failed(p) for p in trunks[variant.trunk].parts]
        known = [r for r in reasons if r is not None]
        if variant.task == task and known:
            failed[variant.id] = known[0]
    return failed


def _measured(
    variant: Variant,
    trunk: Trunk,
    parts: Mapping[str, Part],
    head_bytes: int,
    measurements: DeviceMeasurements,
) -> MeasuredVariant:
    try:
        best = [measurements.best(p) for p in trunk.parts]
        head_s = measurements.head_s[variant.head]
    except KeyError as e:
        raise KeyError(f"{variant.id}: {e.args[0]}") from e
    return MeasuredVariant(
        variant,
        sum(parts[p].memory_bytes for p in trunk.parts) + head_bytes,
        sum(m.latency_p50_s for m in best) + head_s,
        sum(m.latency_p95_s for m in best) + head_s,
        sum(m.load_s for m in best),
        _sum([m.energy_j for m in best]),
        _one_of([m.energy_origin for m in best]),
        _precision(best),
        tuple(m.backend for m in best),
    )


def _sum(figures: list[float | None]) -> float | None:
    known = [x for x in figures if x is not None]
    return sum(known) if len(known) == len(figures) else None


def _one_of(origins: list[str | None]) -> str | None:
    """Return the origin that all have; a sum of modelled and measured joules is modelled."""
    return origins[0] if len(set(origins)) == 1 else "modelled" if None not in origins else None


def _precision(best: list[PartMeasurement]) -> str:
    """Return the lowest precision among parts: it limits the accuracy."""
    return next((p for p in _REDUCED if any(m.precision == p for m in best)), "f32")


def _with_slow_precisions_excluded(
    rows: list[MeasuredVariant], trunks: Mapping[str, Trunk], parts: Mapping[str, Part]
) -> list[MeasuredVariant]:
    """Mark variants of reduced precision that are no faster than the float trunk they were made from."""
    by_lineage = {trunks[m.variant.trunk].lineage: m for m in reversed(rows)}
    marked = []
    for m in rows:
        trunk = trunks[m.variant.trunk]
        reduced = {parts[p].precision for p in trunk.parts} - {"f32"}
        lineage = tuple(step for step in trunk.lineage if step.split()[0] not in _REDUCED)
        original = by_lineage.get(lineage) if reduced and lineage != trunk.lineage else None
        slow = original is not None and m.latency_s >= original.latency_s
        marked.append(m.excluded_as(_slow(m, original)) if slow and original is not None else m)
    return marked


def _slow(m: MeasuredVariant, original: MeasuredVariant) -> str:
    factor = m.latency_s / original.latency_s
    return f"{m.precision} is slower here: {factor:.2f} x {original.variant.trunk}"
