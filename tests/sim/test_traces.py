from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.scheduling.problem import App
from sim.traces import Arrival, Connectivity, Request, group_by_window, read_connectivity, read_requests

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
        ("t_s,app\n0,who\nnan,who\n", "line 3: t_s = 'nan': expected seconds, at least 0"),
        ("t_s,app\ninf,who\n", "line 2: t_s = 'inf': expected seconds"),
        ("t_s,app\n-1,who\n", "line 2: t_s = '-1': expected seconds"),
        ("t_s,app\nsoon,who\n", "line 2: t_s = 'soon': expected seconds"),
        ("t_s,app\n2,who\n1,who\n", "line 3: t_s = 1: earlier than 2 in the line before: sort the file"),
        ("t_s,app\n0,dog\n", "line 2: app 'dog': expected one of ['age', 'where', 'who']"),
        ("t_s,app\n0\n", "line 2: app '': expected one of"),
        ("t_s,app,class_id\n0,who,cat\n", "line 2: class_id = 'cat': expected a whole number or nothing"),
        ("t_s,app\n0,who,1,2\n", "line 2: more fields than columns"),
        ("time,app\n0,who\n", "line 1: no column 't_s': expected t_s, app"),
        ("", "line 1: no column 't_s'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write: Write, text: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        arrivals(write(text))
    assert f"trace.csv, {message}" in str(raised.value)


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv: No such file"):
        arrivals(tmp_path / "none.csv")
    (tmp_path / "noise.csv").write_bytes(b"t_s,app\n\xff\xfe\n")
    with pytest.raises(BadInput, match=r"noise\.csv: not a CSV file"):
        arrivals(tmp_path / "noise.csv")


def test_connectivity_holds_from_one_step_to_the_next(write: Write) -> None:
    connectivity = read_connectivity(write("t_s,connected\n1,1\n5,0\n7.5,1\n"))
    assert [connectivity.at(t) for t in (0.0, 1.0, 4.9, 5.0, 7.5, 1e9)] == [
        False,
        True,
        True,
        False,
        True,
        True,
    ]
    assert not Connectivity({}).at(3.0)


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
