from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import Budget
from engine.scheduling.problem_json import problem_to_json
from mcdnn.commands import simulate
from tests.scheduling_problems import app, shared_trunks


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    problem = shared_trunks([app("who")], Budget(energy_j=60.0, period_s=10.0), windows_hz=1.0)
    (tmp_path / "costs.json").write_text(json.dumps(problem_to_json(problem)))
    rows = "".join(f"{t},cam,{t}.digit.0,who,\n" for t in range(10))
    (tmp_path / "requests.csv").write_text("t_s,source,window,app,class_id\n" + rows)
    return tmp_path


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    simulate.add_parser(parser.add_subparsers())
    return simulate.run(parser.parse_args(["simulate", *words]))


def test_every_policy_is_a_row_of_the_table(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(recording)) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1 : 1 + len(POLICIES)]] == sorted(POLICIES)
    assert "original: who: 4 unserved: energy budget gone" in printed


def test_results_are_printed_and_written_for_programs(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(str(recording), "--policy", "original", "--json", "--out", str(out)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [(r["policy"], r["served"]) for r in printed] == [("original", 6)]
    assert json.loads((out / "simulation.json").read_text()) == printed
    assert (out / "simulation.csv").read_text().startswith("policy,app,")


def test_an_unknown_policy_is_refused(recording: Path) -> None:
    with pytest.raises(BadInput, match="policy 'greedy': expected one of"):
        run(str(recording), "--policy", "greedy")


def test_without_a_file_a_ready_day_is_lived_beside_its_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--policy", "paced", "--json", "--out", str(tmp_path)) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert 0.9 * row["bound_accuracy"] < row["accuracy"] <= row["bound_accuracy"]
    assert row["overdraft_j"] == 0.0
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_moment_is_explained(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(recording), "--policy", "paced", "--explain", "3") == 0
    printed = capsys.readouterr().out
    assert "chosen" in printed and "prices in right answers" in printed


def test_ready_scenarios_and_the_schema_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list") == 0
    assert capsys.readouterr().out.split() == ["commuter", "home-camera", "wearable"]
    assert run("--print-schema") == 0
    assert "properties" in json.loads(capsys.readouterr().out)


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="scenario 'nowhere': expected one of commuter, home-camera, wearable"):
        run("nowhere")
