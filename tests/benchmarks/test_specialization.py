from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.specialization import run
from tests.outside_data import outside_folder


@pytest.mark.data
def test_a_quick_replay_saves_more_than_the_published_policy_at_no_less_accuracy(tmp_path: Path) -> None:
    data = outside_folder("traces/tv_faces").parents[1]
    run(data, ["tv"], True, tmp_path)
    rows = {r["policy"]: r for r in json.loads((tmp_path / "specialization.json").read_text())["rows"]}
    ours, published = rows["expected-saving"], rows["WEG"]
    assert ours["gpu_times_less"] > published["gpu_times_less"] > 1.5
    assert ours["accuracy_pct"] >= ours["generic_accuracy_pct"]
    assert rows["MCDNN 2016"]["gpu_times_less"] == 1.0
