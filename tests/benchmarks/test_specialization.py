from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measured_groups import MeasuredGroups
from benchmarks.specialization import run
from catalog.errors import BadInput
from tests.outside_data import outside_folder


@pytest.mark.data
def test_a_quick_replay_saves_more_than_the_published_policy_at_no_less_accuracy(tmp_path: Path) -> None:
    data = outside_folder("traces/tv_faces").parents[1]
    run(data, ["tv"], True, tmp_path, tmp_path)
    rows = {r["policy"]: r for r in json.loads((tmp_path / "specialization.json").read_text())["rows"]}
    ours, published = rows["expected-saving"], rows["WEG"]
    assert ours["gpu_times_less"] > published["gpu_times_less"] > 1.5
    assert ours["accuracy_pct"] >= ours["generic_accuracy_pct"]
    assert rows["MCDNN 2016"]["gpu_times_less"] == 1.0


@pytest.mark.data
def test_a_quick_run_compiles_a_catalog_and_specialises_on_it_in_replays_and_live(tmp_path: Path) -> None:
    data = outside_folder("objects").parent
    run(data, ["objects", "objects_live"], True, tmp_path, tmp_path / "work")
    skewed, equal, lived = json.loads((tmp_path / "specialization.json").read_text())["rows"]
    assert skewed["windows"] == 1200
    assert equal["trace"] == "all classes equal"
    assert equal["with_heads"] > 0.95
    assert lived["windows"] == 300
    assert 0.0 < lived["with_heads"] <= lived["times_less"]


@pytest.mark.data
def test_what_was_measured_before_is_reported_with_the_rest_and_not_measured_again(tmp_path: Path) -> None:
    data = outside_folder("traces/tv_faces").parents[1]
    kept = MeasuredGroups(tmp_path, quick=True)
    kept.put("training", [{"group": "training", "way": "of another day"}])
    run(data, ["training", "skews"], True, tmp_path, tmp_path, resume=True)
    rows = json.loads((tmp_path / "specialization.json").read_text())["rows"]
    assert [r["group"] for r in rows] == ["training", *["skews"] * (len(rows) - 1)]
    assert rows[0]["way"] == "of another day"
    assert len(rows) > 1
    assert kept.get("skews") is not None
    assert MeasuredGroups(tmp_path, quick=False).get("skews") is None


def test_damaged_rows_of_before_are_named(tmp_path: Path) -> None:
    MeasuredGroups(tmp_path, quick=False).put("tv", [{"group": "tv"}])
    (tmp_path / "groups" / "tv.json").write_text("{}")
    with pytest.raises(BadInput, match=r"tv\.json: .*remove it"):
        MeasuredGroups(tmp_path, quick=False).get("tv")
