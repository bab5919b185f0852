from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalog.special_rates import FILE, SpecialRates, read_special_rates
from catalog.store import open_catalog
from mcdnn.cli import main
from specializer.cascade import CascadeRates
from specializer.rates_measuring import measure_catalog, rates_by_count


def test_every_trunk_is_either_measured_or_said_why_it_never_pays(tiny_catalog: Path) -> None:
    catalog = open_catalog(tiny_catalog)
    found = measure_catalog(catalog, counts=(2, 5), sets=2)
    named = {f"{r.trunk}/{r.task}" for r in found.rows} | found.never.keys()
    assert named == set(catalog.variants)
    assert all(r.task == "identity" for r in found.rows)
    assert all(0.0 <= v <= 1.0 for r in found.rows for v in (r.accuracy_in, r.in_to_other, r.accuracy_out))
    assert all(r.strayed_in <= 1.0 - r.accuracy_in - r.in_to_other + 1e-6 for r in found.rows)
    assert all(r.right_out <= 1.0 - r.accuracy_out + 1e-6 for r in found.rows)
    assert any(r.right_out > 0.0 for r in found.rows)  # heads with moved priors are among them


def test_what_heads_make_of_other_classes_is_expected_of_the_next_ones() -> None:
    row = SpecialRates("small", "identity", 2, 0.9, 0.05, 0.3, 3, 0, 0.05, 0.2, 0.1, 0.6, 0.02)
    rates = rates_by_count([row], "small", "identity")
    assert rates is not None
    assert rates.of(2) == CascadeRates(0.9, 0.05, 0.3, 0.2, 0.1, right_out=0.6, strayed_in=0.02)


def test_the_same_seed_measures_the_same(tiny_catalog: Path) -> None:
    catalog = open_catalog(tiny_catalog)
    first, second = (measure_catalog(catalog, counts=(2,), sets=1, seed=3) for _ in range(2))
    assert [r.accuracy_in for r in first.rows] == [r.accuracy_in for r in second.rows]


def test_the_command_adds_a_file_to_a_catalog_that_opens_as_before(
    tiny_catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "catalog"
    shutil.copytree(tiny_catalog, root)
    (root / FILE).unlink(missing_ok=True)
    before = open_catalog(root).contents
    assert main(["catalog", "specialize", str(root), "--sets", "1"]) == 0
    told = capsys.readouterr().out
    assert open_catalog(root).contents == before
    rows = read_special_rates(root).rows
    assert rows
    for r in rows:
        others = f"of others {r.accuracy_out:.1%} passed on, {r.right_out:.1%} right;"
        assert f"{r.trunk}/{r.task}, {r.classes} classes: {r.accuracy_in:.1%} of theirs right" in told
        assert others in told
    assert all(rates_by_count(rows, r.trunk, r.task) is not None for r in rows)
    assert rates_by_count(rows, "nothing", "identity") is None
