from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.scheduling.problem import App
from sim.traces import (
    Arrival,
    ContextChange,
    Request,
    group_by_window,
    merge_requests,
    read_bandwidth,
    read_connectivity,
    read_contexts,
    read_requests,
    read_requests_of,
    with_contexts,
)

APPS = {
    "who": App("who", "identity", "face"),
    "age": App("age", "age", "face"),
    "where": App("where", "places", "scene"),
}
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "trace.csv"
        path.write_text(text)
        return path

    return write


def arrivals(path: Path) -> list[Arrival]:
    return list(group_by_window(read_requests(path, APPS), APPS))


def test_requests_are_read_with_and_without_the_optional_columns(write: Write) -> None:
    full = write("t_s,source,window,app,class_id\n0.5,cam,0.face.0,who,3\n1,cam,1.face.0,age,\n")
    assert list(read_requests(full, APPS)) == [
        Request(0.5, "cam", "0.face.0", "who", 3),
        Request(1.0, "cam", "1.face.0", "age", None),
    ]
    assert list(read_requests(write("t_s,app\n0,who\n"), APPS)) == [Request(0.0, "", "", "who")]


def test_requests_about_one_window_arrive_together(write: Write) -> None:
    path = write(
        "t_s,source,window,app\n0,cam,0.face.0,who\n0,cam,0.face.0,age\n0,cam,0.face.1,who\n0,cam,0.scene.0,where\n"
    )
    assert arrivals(path) == [
        Arrival(0.0, "cam", "0.face.0", "face", ("who", "age")),
        Arrival(0.0, "cam", "0.face.1", "face", ("who",)),
        Arrival(0.0, "cam", "0.scene.0", "scene", ("where",)),
    ]


def test_a_window_of_two_input_types_is_two_windows(write: Write) -> None:
    path = write("t_s,window,app\n0,w,who\n0,w,where\n0,w,age\n")
    assert [(a.input_type, a.due) for a in arrivals(path)] == [
        ("face", ("who", "age")),
        ("scene", ("where",)),
    ]


def test_requests_without_a_window_are_windows_of_their_own(write: Write) -> None:
    assert [a.due for a in arrivals(write("t_s,app\n0,who\n0,who\n2,age\n"))] == [
        ("who",),
        ("who",),
        ("age",),
    ]


def test_a_gap_is_nothing_wrong_and_neither_is_an_empty_trace(write: Write) -> None:
    assert [a.t_s for a in arrivals(write("t_s,app\n0,who\n86400,who\n"))] == [0.0, 86400.0]
    assert arrivals(write("t_s,app\n")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_s,app\n0,who\nnan,who\n", "line 3: t_s = 'nan': expected a number of at least 0"),
        ("t_s,app\n1.7e9,who\n", "line 2: t_s = 1.7e9: expected seconds since the start of the trace"),
        ("t_s,app\ninf,who\n", "line 2: t_s = 'inf': expected a number"),
        ("t_s,app\n-1,who\n", "line 2: t_s = '-1': expected a number"),
        ("t_s,app\nsoon,who\n", "line 2: t_s = 'soon': expected a number"),
        ("t_s,app\n2,who\n1,who\n", "line 3: t_s = 1: earlier than 2 in the line before: sort the file"),
        ("t_s,app\n0,dog\n", "line 2: app 'dog': expected one of ['age', 'where', 'who']"),
        ("t_s,app\n0,who\n0\n", "line 3: 1 fields where the first line has 2; was the file cut off?"),
        ("t_s,app,class_id\n0,who,cat\n", "line 2: class_id = 'cat': expected a whole number or nothing"),
        ("t_s,app,class_id\n0,who,²\n", "line 2: class_id = '²': expected a whole number or nothing"),
        ("t_s,window,app\n0,w,who\n0,w,who\n", "line 3: app 'who' asks twice about window 'w'"),
        ("t_s,app\n0,who,1,2\n", "line 2: 4 fields where the first line has 2"),
        ("time,app\n0,who\n", "line 1: no column 't_s': expected t_s, app"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write: Write, text: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        arrivals(write(text))
    assert f"trace.csv, {message}" in str(raised.value)


def test_a_mark_that_spreadsheets_put_first_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("t_s,app\n0,who\n", encoding="utf-8-sig")
    assert [a.due for a in arrivals(tmp_path / "trace.csv")] == [("who",)]


def test_a_context_that_nobody_knows_is_refused(write: Write) -> None:
    path = write("t_s,app,context\n0,who,home\n1,who,\n2,who,hme\n")
    with pytest.raises(BadInput, match=r"line 4: context 'hme': expected one of \['home'\], or nothing"):
        list(read_requests(path, APPS, ["home"]))


def test_an_empty_file_is_refused_with_what_was_expected(write: Write) -> None:
    with pytest.raises(BadInput, match=r"trace\.csv: the file is empty: expected a first line t_s,app"):
        arrivals(write(""))


def test_a_window_is_in_the_context_of_its_first_request(write: Write) -> None:
    path = write("t_s,window,app,context\n0,w,who,home\n0,w,age,\n1,,who,office\n")
    assert [(a.due, a.context) for a in arrivals(path)] == [(("who", "age"), "home"), (("who",), "office")]


def test_published_traces_of_one_app_each_are_put_together_in_order(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("t_s,class_id\n0.5,88\n2,43\n")
    (tmp_path / "scenes.csv").write_text("t_s\n1\n")
    merged = merge_requests(
        [read_requests_of(tmp_path / "faces.csv", "who"), read_requests_of(tmp_path / "scenes.csv", "where")]
    )
    assert [(r.t_s, r.app, r.class_id) for r in merged] == [
        (0.5, "who", 88),
        (1.0, "where", None),
        (2.0, "who", 43),
    ]


def test_a_published_trace_out_of_order_is_refused(write: Write) -> None:
    with pytest.raises(BadInput, match=r"trace\.csv, line 3: t_s = 1: earlier than 2"):
        list(read_requests_of(write("t_s,class_id\n2,0\n1,0\n"), "who"))


def test_contexts_hold_by_input_type_until_they_change(write: Write) -> None:
    changes = list(read_contexts(write("t_s,input_type,context\n1,face,home\n3,face,\n"), ["face", "scene"]))
    assert changes == [ContextChange(1.0, "face", "home"), ContextChange(3.0, "face", "")]
    asked = [
        Arrival(t, "cam", "", kind, ("a",), "own") for t in (0.0, 1.0, 3.0) for kind in ("face", "scene")
    ]
    found = [(a.t_s, a.input_type, a.context) for a in with_contexts(iter(asked), iter(changes))]
    assert found == [
        (0.0, "face", "own"),
        (0.0, "scene", "own"),
        (1.0, "face", "home"),
        (1.0, "scene", "own"),
        (3.0, "face", ""),
        (3.0, "scene", "own"),
    ]


def test_a_context_of_an_unknown_input_type_is_refused(write: Write) -> None:
    with pytest.raises(BadInput, match=r"line 2: input_type 'smell': expected one of \['face'\]"):
        list(read_contexts(write("t_s,input_type,context\n0,smell,home\n"), ["face"]))


def test_bandwidth_holds_from_one_step_to_the_next_and_must_be_a_number(write: Write) -> None:
    speed = read_bandwidth(write("t_s,mbps\n1,4.5\n2,0\n"))
    assert [speed.at(t) for t in (0.0, 1.0, 1.9, 2.0)] == [0.0, 4.5, 4.5, 0.0]
    with pytest.raises(BadInput, match=r"line 2: mbps = 'fast': expected a number of at least 0"):
        read_bandwidth(write("t_s,mbps\n1,fast\n"))


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv: No such file"):
        arrivals(tmp_path / "none.csv")
    (tmp_path / "noise.csv").write_bytes(b"t_s,app\n\xff\xfe\n")
    with pytest.raises(BadInput, match=r"noise\.csv: not a CSV file"):
        arrivals(tmp_path / "noise.csv")


def test_connectivity_holds_from_one_step_to_the_next(write: Write) -> None:
    connectivity = read_connectivity(write("t_s,connected\n1,1\n5,0\n7.5,1\n"))
    assert [connectivity.at(t) for t in (0.0, 1.0, 4.9, 5.0, 7.5, 1e9)] == [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_s,connected\n0,yes\n", "line 2: connected = 'yes': expected 0 or 1"),
        ("t_s,connected\n3,1\n2,0\n", "line 3: t_s = 2: earlier than 3"),
        ("t_s\n0\n", "line 1: no column 'connected'"),
    ],
)
def test_wrong_connectivity_is_named_with_its_line(write: Write, text: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_connectivity(write(text))
    assert message in str(raised.value)
