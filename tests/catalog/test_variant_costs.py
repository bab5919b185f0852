from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.contents import CatalogContents
from catalog.measurements import DeviceMeasurements, PartFailure
from catalog.store import open_catalog
from catalog.variant_costs import measured_variants, unmeasurable_variants
from catalog.variants import MeasuredVariant, OffFront, off_front, pareto_front


@pytest.fixture
def contents(pristine: Path) -> CatalogContents:
    """The built catalog with "narrow" as an int8 trunk made from "wide"; each has parts of its own."""
    built = open_catalog(pristine).contents
    wide, narrow, small = built.trunks
    quantised = replace(narrow, lineage=("random", "int8 static per-channel"))
    parts = tuple(replace(p, precision="int8") if p.id == narrow.parts[1] else p for p in built.parts)
    return replace(built, parts=parts, trunks=(wide, quantised, replace(small, lineage=("other",))))


@pytest.fixture
def measured(pristine: Path) -> DeviceMeasurements:
    return open_catalog(pristine).measurements()


def with_latency(measured: DeviceMeasurements, part: str, latency_s: float) -> DeviceMeasurements:
    rows = [replace(m, latency_p50_s=latency_s) if m.part == part else m for m in measured.parts]
    return replace(measured, parts=tuple(rows))


def by_trunk(rows: list[MeasuredVariant]) -> dict[str, MeasuredVariant]:
    return {m.variant.trunk: m for m in rows}


def test_int8_that_is_faster_than_float_is_on_the_front(
    contents: CatalogContents, measured: DeviceMeasurements
) -> None:
    rows = measured_variants(contents, "identity", measured)
    assert [m.variant.trunk for m in pareto_front(rows)] == ["wide", "narrow", "small"]
    assert by_trunk(rows)["narrow"].excluded is None


def test_int8_that_is_slower_than_float_is_kept_off_the_front_and_says_so(
    contents: CatalogContents, measured: DeviceMeasurements
) -> None:
    slow = with_latency(measured, contents.trunks[1].parts[1], 2e-3)
    slow = replace(
        slow, parts=tuple(replace(m, precision="int8") if m.latency_p50_s == 2e-3 else m for m in slow.parts)
    )
    rows = measured_variants(contents, "identity", slow)
    assert [m.variant.trunk for m in pareto_front(rows)] == ["wide", "small"]
    assert by_trunk(rows)["narrow"].precision == "int8"
    assert off_front(rows) == {"narrow/identity": OffFront("int8 is slower here: 2.39 x wide")}


def test_float_may_be_slower_than_anything(pristine: Path, measured: DeviceMeasurements) -> None:
    built = open_catalog(pristine).contents
    slow = with_latency(measured, built.trunks[1].parts[1], 2e-3)
    assert all(m.excluded is None for m in measured_variants(built, "identity", slow))


def test_energy_is_summed_where_every_part_was_metered(
    contents: CatalogContents, measured: DeviceMeasurements
) -> None:
    assert {m.energy_j for m in measured_variants(contents, "identity", measured)} == {None}
    rows = [replace(m, energy_j=0.25, energy_origin="measured") for m in measured.parts]
    metered = replace(measured, parts=tuple(rows))
    found = measured_variants(contents, "identity", metered)
    assert {(m.energy_j, m.energy_origin) for m in found} == {(0.5, "measured")}
    mixed = replace(metered, parts=(replace(rows[0], energy_origin="modelled"), *rows[1:]))
    assert by_trunk(measured_variants(contents, "identity", mixed))["wide"].energy_origin == "modelled"


def test_a_part_that_no_backend_can_run_costs_only_its_variants(
    contents: CatalogContents, measured: DeviceMeasurements
) -> None:
    part = contents.trunks[2].parts[0]
    failing = replace(
        measured,
        parts=tuple(m for m in measured.parts if m.part != part),
        failures=(PartFailure(part, "onnxruntime", "f32", "gives values that are not finite"),),
    )
    assert set(by_trunk(measured_variants(contents, "identity", failing))) == {"wide", "narrow"}
    reason = f"part {part}: onnxruntime: gives values that are not finite"
    assert unmeasurable_variants(contents, "identity", failing) == {"small/identity": reason}


def test_what_beats_a_variant_is_named(contents: CatalogContents, measured: DeviceMeasurements) -> None:
    slow = with_latency(measured, contents.trunks[2].parts[0], 1.0)
    parts = tuple(
        replace(p, weight_bytes=10**9) if p.id == contents.trunks[2].parts[0] else p for p in contents.parts
    )
    rows = measured_variants(replace(contents, parts=parts), "identity", slow)
    assert off_front(rows) == {"small/identity": OffFront("beaten by wide", "wide/identity")}


def test_of_two_that_are_equal_one_is_off_the_front(
    contents: CatalogContents, measured: DeviceMeasurements
) -> None:
    first, *_ = measured_variants(contents, "identity", measured)
    twin = replace(first, variant=replace(first.variant, id="x/identity", trunk="x"))
    assert off_front([first, twin]) == {"x/identity": OffFront("no better than wide", "wide/identity")}
