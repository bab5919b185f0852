from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.scheduling.problem import Budget
from engine.scheduling.problem_json import problem_to_json
from sim.day import simulate_recording
from sim.recording import open_recording
from tests.scheduling_problems import app, shared_trunks

PROBLEM = shared_trunks([app("who"), app("odd")], Budget(energy_j=60.0, period_s=10.0), windows_hz=1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "costs.json").write_text(json.dumps(problem_to_json(PROBLEM)))
    rows = [f"{t},cam,{t}.digit.0,{a},1\n" for t in range(10) for a in ("who", "odd")]
    (tmp_path / "requests.csv").write_text("t_s,source,window,app,class_id\n" + "".join(rows))
    (tmp_path / "connectivity.csv").write_text("t_s,connected\n0,1\n")
    return tmp_path


def test_a_recording_is_replayed_under_any_policy(folder: Path) -> None:
    recording = open_recording(folder)
    served = {
        name: simulate_recording(recording, name).served for name in ("original", "best-static", "mcdnn2016")
    }
    assert served == {"original": 12, "best-static": 20, "mcdnn2016": 20}


def test_a_recording_without_connectivity_was_never_connected(folder: Path) -> None:
    assert open_recording(folder).network.is_connected(1.0)
    (folder / "connectivity.csv").unlink()
    assert not open_recording(folder).network.is_connected(1.0)


def test_a_folder_that_is_none_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"no recording \(no costs.json\): make one with mcdnn run ENGINE.toml --record"
    ):
        open_recording(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '{"apps": {}}'])
def test_damaged_costs_are_named(folder: Path, text: str) -> None:
    (folder / "costs.json").write_text(text)
    with pytest.raises(BadInput, match=r"costs\.json: "):
        open_recording(folder)


def test_missing_requests_are_named(folder: Path) -> None:
    (folder / "requests.csv").unlink()
    with pytest.raises(BadInput, match=r"requests\.csv: No such file"):
        simulate_recording(open_recording(folder), "original")
