from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from catalog.errors import BadInput, RunFailed
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import Budget
from engine.scheduling.problem_json import problem_to_json
from mcdnn.commands import simulate
from sim import sweep
from sim.sweep import Done, Run, do_run
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
    assert "original: 4 unserved: energy budget gone (who 4)" in printed


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


WALK = """
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
def walk(tmp_path: Path) -> str:
    path = tmp_path / "walk.toml"
    path.write_text(WALK)
    return str(path)


def test_a_sweep_has_a_row_for_every_combination_and_policy(
    walk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("--set", "budget.energy_j=30,300", "--set", "seed=1,2")
    out = tmp_path / "out"
    assert (
        run(walk, *settings, "--policy", "original", "--policy", "paced", "--jobs", "1", "--out", str(out))
        == 0
    )
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["energy_j", "seed", "policy"]
    assert [row.split()[:3] for row in rows] == [
        [e, s, p] for e in ("30", "300") for s in ("1", "2") for p in ("original", "paced")
    ]
    written = json.loads((out / "simulation.json").read_text())
    assert [r["parameters"] for r in written[::2]] == [
        {"budget.energy_j": e, "seed": s} for e in (30, 300) for s in (1, 2)
    ]
    assert (out / "simulation.csv").read_text().startswith("budget.energy_j,seed,policy,app")
    assert not (out / "report.html").exists()


def test_a_point_that_is_wrong_is_refused_before_anything_is_simulated(walk: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"family\.face\.trunks: Input should be greater"):
        run(walk, "--set", "family.face.trunks=3,0", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_interrupt_keeps_what_was_done(walk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = iter(range(2))

    def do_two(given: Run) -> Done:
        if next(done, None) is None:
            raise KeyboardInterrupt
        return do_run(given)

    monkeypatch.setattr(sweep, "do_run", do_two)
    with pytest.raises(KeyboardInterrupt):
        run(walk, "--policy", "original", "--policy", "paced", "--jobs", "1", "--out", str(tmp_path))
    assert [r["policy"] for r in json.loads((tmp_path / "simulation.json").read_text())] == ["original"]


def test_explaining_looks_at_one_day(walk: str) -> None:
    with pytest.raises(BadInput, match="--explain: looks at one day: give one value for each --set"):
        run(walk, "--set", "seed=1,2", "--explain", "10")


def test_explaining_prints_for_people_and_writes_nothing(walk: str, tmp_path: Path) -> None:
    for more in (["--json"], ["--out", str(tmp_path / "out")]):
        with pytest.raises(BadInput, match="--explain: prints for people and writes nothing"):
            run(walk, "--explain", "10", *more)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("moment", ["-1", "nan", "inf", "7200"])
def test_a_moment_outside_of_the_day_is_refused(walk: str, moment: str) -> None:
    with pytest.raises(BadInput, match=f"(moment|--explain) {moment}: "):
        run(walk, "--policy", "paced", "--explain", moment)


def test_a_day_without_a_request_is_refused(walk: str) -> None:
    with pytest.raises(BadInput, match="no app asks about anything"):
        run(walk, "--set", "stretch.out.windows.face.hz=0")


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_simulated(
    walk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "do_run", None)
    (tmp_path / "taken").touch()
    with pytest.raises(BadInput, match=r"--out .*taken: a file: expected a folder"):
        run(walk, "--out", str(tmp_path / "taken"))
    with pytest.raises(BadInput, match=r"--out .*below: cannot be made: Not a directory"):
        run(walk, "--out", str(tmp_path / "taken" / "below"))


def test_results_that_cannot_be_written_are_printed_all_the_same(
    walk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "simulation.csv").mkdir()
    with pytest.raises(RunFailed, match=r"simulation\.csv: cannot be written"):
        run(walk, "--policy", "original", "--out", str(tmp_path))
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "original"


def test_a_folder_named_like_a_ready_scenario_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "commuter").mkdir()
    with pytest.raises(BadInput, match="commuter with seed = -1: seed: Input should be greater"):
        run("commuter", "--set", "seed=-1")


def test_jobs_must_be_some(walk: str) -> None:
    with pytest.raises(BadInput, match="--jobs 0: expected at least 1"):
        run(walk, "--jobs", "0")
