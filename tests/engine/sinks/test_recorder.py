"""Recordings: exactly what was asked, in the formats that the simulator reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.scheduling.problem import App, Problem
from engine.scheduling.problem_json import problem_to_json
from engine.sinks.recorder import Recorder
from sim.recording import open_recording
from tests.engine.media import frame, result, unserved

_CLASSES = {"who": ("5", "7"), "parity": ("even", "odd")}


def recorder_in(folder: Path) -> Recorder:
    return Recorder(folder, _CLASSES.__getitem__, lambda: {"apps": {}})


def test_requests_and_windows_are_written_as_they_were_asked(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path / "recording")
    recorder.accept(frame(0), [result(0, truth="7"), unserved(0, app="parity", truth="odd")])
    recorder.accept(frame(1), [])
    recorder.accept(
        frame(2), [result(2), result(2, window="2.digit.1", box=(9, 9, 3, 3), app="parity", truth="even")]
    )
    recorder.close()
    assert (tmp_path / "recording" / "requests.csv").read_text() == (
        "t_s,source,window,app,class_id\n"
        "0.0,clip,0.digit.0,who,1\n"
        "0.0,clip,0.digit.0,parity,1\n"
        "0.2,clip,2.digit.0,who,\n"
        "0.2,clip,2.digit.1,parity,0\n"
    )
    assert (tmp_path / "recording" / "windows.csv").read_text() == (
        "t_s,source,window,input_type,x,y,w,h,truth\n"
        "0.0,clip,0.digit.0,digit,4,4,20,24,who=7;parity=odd\n"
        "0.2,clip,2.digit.0,digit,4,4,20,24,\n"
        "0.2,clip,2.digit.1,digit,9,9,3,3,parity=even\n"
    )


def test_answers_that_were_reused_are_no_requests(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recorder.accept(frame(0), [result(0), result(0, app="parity", place="reused")])
    recorder.accept(frame(1), [result(1, place="reused")])
    recorder.close()
    assert (tmp_path / "requests.csv").read_text().splitlines()[1:] == ["0.0,clip,0.digit.0,who,"]
    assert len((tmp_path / "windows.csv").read_text().splitlines()) == 2


def test_only_changes_of_connectivity_are_written(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    for t_s, connected in ((0.0, False), (0.5, False), (1.25, True), (2.0, True), (3.0, False)):
        recorder.connectivity(t_s, connected)
    recorder.close()
    assert (tmp_path / "connectivity.csv").read_text() == "t_s,connected\n0.0,0\n1.25,1\n3.0,0\n"


def test_costs_make_the_recording_complete_and_come_last(tmp_path: Path) -> None:
    (tmp_path / "costs.json").write_text("of an older run")
    recorder = recorder_in(tmp_path)
    assert not (tmp_path / "costs.json").exists()
    recorder.close()
    assert json.loads((tmp_path / "costs.json").read_text()) == {"apps": {}}


def test_the_simulator_reads_what_the_recorder_wrote(tmp_path: Path) -> None:
    apps = {name: App(name, name, "digit") for name in _CLASSES}
    problem = Problem(apps, dict.fromkeys(apps, ()), {})
    recorder = Recorder(tmp_path, _CLASSES.__getitem__, lambda: problem_to_json(problem))
    recorder.connectivity(0.0, True)
    for i in range(3):
        recorder.accept(frame(i), [result(i), result(i, app="parity", truth="odd")])
    recorder.close()
    recording = open_recording(tmp_path)
    arrivals = list(recording.arrivals())
    assert [(a.t_s, a.window, a.due) for a in arrivals] == [
        (i / 10.0, f"{i}.digit.0", ("who", "parity")) for i in range(3)
    ]
    assert recording.network.is_connected(1.0)


def test_a_folder_that_cannot_be_created_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"recording .*file: cannot be created"):
        recorder_in(tmp_path / "file")


def test_a_full_disk_is_an_error_and_the_recording_is_never_complete(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").symlink_to("/dev/full")
    recorder = recorder_in(tmp_path)
    with pytest.raises(SinkError, match=rf"recording {tmp_path}: cannot be written: No space left"):
        for i in range(5000):
            recorder.accept(frame(i), [result(i)])
    recorder.close()
    assert not (tmp_path / "costs.json").exists()
