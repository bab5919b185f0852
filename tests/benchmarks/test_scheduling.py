from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.scheduling import run
from tests.outside_data import outside_folder


@pytest.mark.data
def test_a_quick_run_has_every_policy_and_the_bound_in_every_scenario(tmp_path: Path) -> None:
    data = outside_folder("mcdnn2016").parent
    text = run(data, ["figure13", "grid"], True, 1, tmp_path, quiet=True)
    rows = json.loads((tmp_path / "scheduling.json").read_text())["rows"]
    by_scenario: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        by_scenario.setdefault((row["group"], row["scenario"]), set()).add(row["policy"])
    assert {group for group, _ in by_scenario} == {"figure13", "grid"}
    assert all({"paced", "mcdnn2016", "best-static", "bound"} <= found for found in by_scenario.values())
    assert text == (tmp_path / "scheduling.md").read_text()


@pytest.mark.data
def test_nothing_that_keeps_its_budgets_beats_the_bound(tmp_path: Path) -> None:
    data = outside_folder("mcdnn2016").parent
    run(data, ["figure13"], True, 1, tmp_path, quiet=True)
    rows = json.loads((tmp_path / "scheduling.json").read_text())["rows"]
    fair = [r for r in rows if r["policy"] != "bound" and not r["overdraft_j"] and not r["overdraft_usd"]]
    assert len(fair) > 5
    assert all(r["share_of_bound"] <= 1.0 + 1e-6 for r in fair)
