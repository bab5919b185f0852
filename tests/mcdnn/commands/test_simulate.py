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
