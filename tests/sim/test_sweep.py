from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from catalog.errors import BadInput
from sim.settings import grid, parse_setting
from sim.sweep import do_runs, plan_runs
from sim.sweep_results import Sweep, sweep_to_csv, sweep_to_json

SCENARIO = """
name = "walk"
budget = { energy_j = 60.0 }
family.face = { trunks = 3 }
[[app]]
name = "who"
input = "face"
[[stretch]]
name = "out"
lasts = "2m"
windows = { face = { hz = 1.0 } }
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "walk.toml"
    path.write_text(SCENARIO)
    return str(path)


def swept(scenario: str, jobs: int, *settings: str) -> Sweep:
    points = list(grid(parse_setting(s) for s in settings))
    sweep = Sweep(points, ["original", "paced"])
    for done in do_runs(plan_runs(scenario, points, ["original", "paced"]), jobs):
        sweep.add(done)
    return sweep


def test_every_policy_is_run_at_every_point_beside_the_bound(scenario: str) -> None:
    sweep = swept(scenario, 1, "budget.energy_j=30,1000", "seed=1")
    assert sweep.parameters == ("budget.energy_j", "seed")
    rows = sweep_to_json(sweep.points)
    assert len(json.loads(json.dumps(rows, allow_nan=False))) == 4
    found = [(r["parameters"]["budget.energy_j"], r["policy"]) for r in rows]
    assert found == [(e, p) for e in (30, 1000) for p in ("original", "paced")]
    assert all(r["accuracy"] <= r["bound_accuracy"] + 1e-9 for r in rows)
    assert rows[0]["accuracy"] < rows[1]["accuracy"] < rows[3]["accuracy"]


def test_parameters_are_the_first_columns(scenario: str) -> None:
    sweep = swept(scenario, 1, "budget.energy_j=10,1000")
    rows = list(csv.DictReader(io.StringIO(sweep_to_csv(sweep.points, sweep.parameters))))
    assert [(r["budget.energy_j"], r["policy"], r["app"]) for r in rows] == [
        (e, p, "who") for e in ("10", "1000") for p in ("original", "paced")
    ]


def test_processes_give_what_one_process_gives(scenario: str) -> None:
    alone, together = (swept(scenario, jobs) for jobs in (1, 2))
    assert alone.points[0].results == together.points[0].results
    assert alone.points[0].bounds["walk"].value == together.points[0].bounds["walk"].value
    assert set(together.points[0].timelines) == {("original", "walk"), ("paced", "walk")}


def test_what_is_wrong_in_another_process_is_said_here(scenario: str) -> None:
    runs = plan_runs(scenario, [{"family.face.trunks": 0}], ["paced"])
    with pytest.raises(BadInput, match=r"walk\.toml with .*: family\.face\.trunks: Input should be greater"):
        list(do_runs(runs, 2))


def test_a_recording_has_nothing_to_be_set(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a recording: it has no keys"):
        list(do_runs(plan_runs(str(tmp_path), [{"seed": 1}], ["paced"]), 1))
