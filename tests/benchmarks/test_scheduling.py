from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks.scheduling import run
from benchmarks.scheduling_figures import figure11_table
from tests.outside_data import outside_folder

GROUPS = ["figure13", "grid", "figure11", "figure12"]
Row = Mapping[str, str | float | None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick run's report."""
    found = tmp_path_factory.mktemp("scheduling")
    run(outside_folder("mcdnn2016").parent, GROUPS, True, 1, found, quiet=True)
    return found


@pytest.fixture(scope="module")
def rows(folder: Path) -> Sequence[Row]:
    """Its rows."""
    found: Sequence[Row] = json.loads((folder / "scheduling.json").read_text())["rows"]
    return found


@pytest.mark.data
def test_a_quick_run_has_paced_and_the_bound_in_every_scenario(rows: Sequence[Row], folder: Path) -> None:
    by_scenario: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        by_scenario.setdefault((str(row["group"]), str(row["scenario"])), set()).add(str(row["policy"]))
    assert {group for group, _ in by_scenario} == set(GROUPS)
    assert all({"paced", "mcdnn2016", "best-static", "bound"} <= found for found in by_scenario.values())
    text = (folder / "scheduling.md").read_text()
    assert all(f"| {scenario} |" in text for _, scenario in by_scenario)


@pytest.mark.data
def test_nothing_that_keeps_its_budgets_beats_the_bound(rows: Sequence[Row]) -> None:
    fair = [r for r in rows if r["policy"] != "bound" and not r["overdraft_j"] and not r["overdraft_usd"]]
    assert len(fair) > 10
    assert all(float(r["share_of_bound"] or 0.0) <= 1.0 + 1e-6 for r in fair)


@pytest.mark.data
def test_the_published_figures_are_shown_as_tables(rows: Sequence[Row], folder: Path) -> None:
    text = (folder / "scheduling.md").read_text()
    assert (
        "| models | load_rate_mb_per_request | policy | served_pct | energy_a_request_j | accuracy_pct |"
        in text
    )
    paced = next(r for r in rows if r["group"] == "figure11" and r["policy"] == "paced")
    shown = next(r for r in figure11_table([paced]))
    energy_j, requests = float(paced["energy_j"] or 0.0), float(paced["requests"] or 0.0)
    assert shown["energy_a_request_j"] == pytest.approx(energy_j / requests)
    assert shown["accuracy_pct"] == paced["accuracy_pct"]
