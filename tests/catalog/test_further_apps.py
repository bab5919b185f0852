from __future__ import annotations

from pathlib import Path

import pytest

from catalog.further_apps import FurtherApp, further_apps
from catalog.store import open_catalog
from tests.catalog_builder import SKETCHES


def apps(root: Path, task: str) -> list[FurtherApp]:
    catalog = open_catalog(root)
    heads = {h.id: h for h in catalog.contents.heads}
    return further_apps(catalog.measured(task), heads, catalog.measurements())


@pytest.mark.parametrize(("task", "classes"), [("identity", 10), ("parity", 2)])
def test_a_further_task_costs_the_bytes_of_its_weights_and_bias(root: Path, task: str, classes: int) -> None:
    dims = {s.name: s.feature_dim for s in SKETCHES}
    assert {a.trunk: a.size_bytes for a in apps(root, task)} == {
        name: 4 * classes * (dim + 1) for name, dim in dims.items()
    }


def test_its_time_is_held_against_that_of_the_trunk_alone(root: Path) -> None:
    wide = next(a for a in apps(root, "parity") if a.trunk == "wide")
    assert (wide.head_s, wide.trunk_s) == (pytest.approx(5e-6), pytest.approx(1000e-6))
    assert wide.trunk_share == pytest.approx(0.005)
