"""The closing summary: everything a reader asks for, as text and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from engine.meter_figures import MeterFigures
from engine.snapshot import CloudFigures, Snapshot, Standing
from mcdnn.closing_summary import print_closing_summary, print_comparison, summary_to_json, text_console
from mcdnn.figures_table import meter_line
from tests.mcdnn.snapshots import app_figures, full_snapshot


def printed(width: int, *snapshots: Snapshot) -> str:
    console = Console(file=io.StringIO(), width=width)
    if len(snapshots) == 1:
        print_closing_summary(snapshots[0], console, "digits, original")
    else:
        print_comparison(dict(zip(("original", "mcdnn2016"), snapshots, strict=True)), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_figure_is_there() -> None:
    text = printed(100, full_snapshot())
    for figure in (
        "digits, original: 24.0 s of video in 12.5 s",
        "90.0%     90.0%  1.25 ms   3.2 ms   12.5 mJ  small",
        "parity [odd] answered by large 64%, small 36%",
        "unserved: 12 (6.0%): energy budget gone",
        "frames: 360 processed of 372 read, 5 dropped",
        "sink video out.mp4: 191 results delivered of 200, 9 dropped (the sink was too slow)",
        "windows: 95 of 100 found (recall 95.0%), 3 false",
        "energy spent: execution 4 J modelled, base load 24 J modelled",
        "energy budget: 12.2 J left of 60 J, renews in 3 s; overdraft 0 J",
        "memory: 3 MB held, 4 MB at most, limit 8 MB; 7 loads, 3 evictions",
    ):
        assert figure in text


def test_what_there_is_not_is_not_spoken_of() -> None:
    text = printed(100, Snapshot())
    for word in ("windows", "energy budget", "cloud", "unserved"):
        assert word not in text


def test_with_a_cloud_it_says_where_answers_came_from_and_who_answered_for_it() -> None:
    standing = replace(full_snapshot().standing, cloud=CloudFigures(60, 56, 3, 1))
    away = replace(app_figures("who"), places={"device": 38, "cloud": 40, "split": 16})
    text = printed(140, replace(full_snapshot(), apps=(away,), standing=standing))
    assert "answered: cloud 40 (42.6%), device 38 (40.4%), split 16 (17.0%)" in text
    assert "the cloud was asked 60 times: the device answered 3 for it, nobody 1" in text


def test_the_table_keeps_its_figures_at_80_columns() -> None:
    assert "90.0%     90.0%  1.25 ms   3.2 ms   12.5 mJ" in printed(80, full_snapshot())


def test_energy_of_different_origin_is_never_added() -> None:
    mixed = replace(app_figures("who"), energy_j={"modelled": 1.0, "measured": 2.0})
    assert "2 J measured + 1 J modelled" in printed(140, replace(full_snapshot(), apps=(mixed,)))


def test_runs_are_compared_row_by_row() -> None:
    worse = replace(full_snapshot(), apps=(replace(app_figures("who"), served=50, correct=40),))
    text = printed(80, worse, full_snapshot())
    original, mcdnn2016 = (line for line in text.splitlines() if "%" in line)
    assert original.split()[:3] == ["original", "50.0%", "50.0%"]
    assert mcdnn2016.split()[:5] == ["mcdnn2016", "90.0%", "90.0%", "3.2", "ms"]


def test_the_json_is_strict_and_has_no_limit_as_null() -> None:
    figures = json.loads(json.dumps(summary_to_json(full_snapshot()), allow_nan=False))
    assert figures["accuracy"] == 0.9
    assert figures["apps"][1]["app"] == "parity [odd]"
    assert figures["apps"][0]["served_share"] == 0.9
    assert figures["standing"]["truth"]["recall"] == 0.95
    assert figures["standing"]["spent"][0] == {
        "category": "execution",
        "origin": "modelled",
        "energy_j": 4.0,
        "cost_usd": 0.0,
        "unsettled_j": 0.0,
    }
    assert figures["standing"]["budget"]["cost_usd"] is None
    assert summary_to_json(Snapshot())["accuracy"] is None


def test_a_pipe_gets_wide_plain_text() -> None:
    console = text_console(io.StringIO())
    assert not console.is_terminal
    assert console.width == 120


@pytest.mark.parametrize(
    ("meter", "line"),
    [
        (MeterFigures(), ""),
        (
            MeterFigures("rapl", "processor packages"),
            "meter rapl: not used: recordings at full speed are not measured",
        ),
        (
            MeterFigures("rapl", "processor packages", 12.0, 3.0, 1.5, 0.0),
            "meter rapl: 12 J counted (processor packages), about 3 J of it by other programs; a busy core "
            "takes 1.50 times the profile's power",
        ),
        (
            MeterFigures("battery", "all", 12.0, 0.0, 1.0, None, "it charges", 61.0, 2),
            "meter battery: 12 J counted (all); a busy core takes 1.00 times the profile's power; modelled "
            "since 61.0 s: it charges",
        ),
        (
            MeterFigures("battery", "all", 12.0, 0.0, 1.0, 90.0, "it charged", 61.0, 2),
            "meter battery: 12 J counted (all); a busy core takes 1.00 times the profile's power; failed 2 "
            "times, last at 61.0 s: it charged",
        ),
    ],
)
def test_what_a_meter_counted_and_since_when_it_does_not_is_a_line(meter: MeterFigures, line: str) -> None:
    assert meter_line(Snapshot(standing=Standing(meter=meter))) == line
