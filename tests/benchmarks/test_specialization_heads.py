from __future__ import annotations

from pathlib import Path

from benchmarks.specialization_heads import WAYS, head_rows
from catalog.store import open_catalog
from tests.catalog_builder import build_catalog


def test_every_way_to_make_heads_is_judged_on_rows_that_it_did_not_see(tmp_path: Path) -> None:
    rows = head_rows(open_catalog(build_catalog(tmp_path)), "identity", quick=True)
    assert [r["way"] for r in rows] == [*WAYS] * 3
    assert [r["dominant"] for r in rows] == [1] * 4 + [2] * 4 + [5] * 4
    published = [r for r in rows if r["way"] == "published"]
    assert all(r["rejected"] == 0 and r["passed_on_pct"] > 0.0 for r in published)
