"""The picture of runs: a readable PNG, whatever the runs have and lack."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from catalog.errors import BadInput, RunFailed
from engine.course import CoursePoint
from mcdnn.pictures import Limits, RunToDraw, draw_runs
from tests.engine.media import result, unserved
from tests.mcdnn.test_result_history import results_file


@pytest.fixture
def runs(tmp_path: Path) -> list[RunToDraw]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    many = [result(i, variant=f"trunk{i % 14}/who", truth="7") for i in range(300)]
    few = [result(i, truth="1") if i < 150 else unserved(i, truth="1") for i in range(300)]
    course = tuple(CoursePoint(float(t), 2.0 * t, 3_000_000) for t in range(30))
    return [
        RunToDraw("original", results_file(tmp_path / "a", few), course),
        RunToDraw("mcdnn2016", results_file(tmp_path / "b", many)),
    ]


def test_two_runs_with_limits_make_one_picture(tmp_path: Path, runs: list[RunToDraw]) -> None:
    path = tmp_path / "out" / "runs.png"
    draw_runs(runs, path, "Digit camera on 60 J", Limits(60.0, 30.0, 5e6))
    image = cv2.imread(str(path))
    assert image is not None
    height, width = image.shape[:2]
    assert width > 1000
    assert height > 1000
    assert image.std() > 20.0


def test_one_run_without_truth_course_or_limits_is_drawn_too(tmp_path: Path) -> None:
    run = RunToDraw("paced", results_file(tmp_path, [result(0), unserved(1)]))
    draw_runs([run], tmp_path / "run.png", "One run")
    assert cv2.imread(str(tmp_path / "run.png")) is not None


def test_a_run_with_a_cloud_has_a_panel_of_places_more(tmp_path: Path) -> None:
    def height(place: str, name: str) -> int:
        (tmp_path / name).mkdir()
        lines = [result(i)._replace(place=place if i % 2 else "device") for i in range(40)]
        run = RunToDraw("paced", results_file(tmp_path / name, [*lines, unserved(40)]), cuts=((10.0, 20.0),))
        draw_runs([run], tmp_path / f"{name}.png", "A cut")
        image = cv2.imread(str(tmp_path / f"{name}.png"))
        assert image is not None
        return image.shape[0]

    assert height("cloud", "with") > height("device", "without")


def test_errors_name_the_file(tmp_path: Path, runs: list[RunToDraw]) -> None:
    with pytest.raises(BadInput, match=r"gone\.jsonl"):
        draw_runs([RunToDraw("x", tmp_path / "gone.jsonl")], tmp_path / "x.png", "x")
    with pytest.raises(RunFailed, match=r"x\.png: cannot be written"):
        draw_runs(runs[:1], Path("/proc/x.png"), "x")
