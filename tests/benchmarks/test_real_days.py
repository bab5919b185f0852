from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.real_days import REAL_DAYS, real_scenario
from benchmarks.real_traces import Minute, Sighting, read_day, read_faces, read_minute_speeds, read_objects
from tests.outside_data import outside_folder

MINUTES = "user,unix_time,wifi_status,labels\n"


def zipped(folder: Path, text: str) -> Path:
    path = folder / "trace.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_a_day_is_where_most_is_awake_and_times_count_from_its_start(tmp_path: Path) -> None:
    rows = ["a,0,not_reachable,SLEEPING\n", "a,7200,reachable_via_wifi,SITTING;TALKING\n"]
    rows += ["a,7250,not_reachable,SITTING\n", "b,7200,not_reachable,SITTING\n"]
    assert read_day(zipped(tmp_path, MINUTES + "".join(rows)), "a", 1.0) == [
        Minute(0.0, 50.0, True, frozenset(("SITTING", "TALKING"))),
        Minute(50.0, 60.0, False, frozenset(("SITTING",))),
    ]


def test_speeds_are_means_of_whole_minutes(tmp_path: Path) -> None:
    rows = "trace,time_s,mbps\na,0,1\na,30,3\na,61,5\na,120,9\nb,0,7\n"
    assert list(read_minute_speeds(zipped(tmp_path, rows))) == [2.0, 5.0]


def test_faces_are_read_from_every_few_frames(tmp_path: Path) -> None:
    path = tmp_path / "film.csv"
    path.write_text("frame,class_id\n0,1\n0,2\n7,1\n15,3\n")
    assert read_faces(path, 15) == [Sighting(0.0, 1), Sighting(0.0, 2), Sighting(0.5, 3)]


def test_videos_of_a_participant_follow_one_another(tmp_path: Path) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(
        "participant,video,start_s,stop_s,noun_class\nP1,a,0,2,5\nP1,a,1,3,6\nP1,b,1,1,7\nP2,c,0,9,8\n"
    )
    seen = [(s.t_s, s.class_id) for s in read_objects(path, "P1", 1.0)]
    assert seen == [(0.0, 5), (1.0, 5), (1.0, 6), (2.0, 6), (4.0, 7)]


@pytest.mark.data
def test_a_real_day_has_everything_that_makes_scheduling_hard() -> None:
    (day,) = real_scenario(outside_folder("traces"), 3).devices
    arrivals = list(day.arrivals())
    times_s = [a.t_s for a in arrivals]
    assert times_s == sorted(times_s)
    assert 10 * 3600 < times_s[-1] <= 14 * 3600
    assert len(arrivals) < 60_000
    assert {a.input_type for a in arrivals} == {"face", "scene", "object"}
    assert {a.context for a in arrivals} == {"", "few-faces", "few-objects", "home"}
    assert len(day.problem.apps) == 15
    connected = [day.network.is_connected(t) for t in times_s]
    assert 0.2 < sum(connected) / len(connected) < 0.8


def test_the_real_days_differ_in_person_and_budget() -> None:
    assert len({d.user for d in REAL_DAYS}) == len(REAL_DAYS) == 6
    assert len({d.energy_lasts for d in REAL_DAYS}) == 6
