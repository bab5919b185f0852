from __future__ import annotations

import re
from xml.dom import minidom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.charts import Layer, Line, Scale, draw_lines, draw_stack, nice_top

DAY = Scale(36_000.0, 1.0, lambda v: f"{v:g}")


def paths(picture: str) -> list[str]:
    """The courses and layers of a picture, without its axes."""
    drawn = minidom.parseString(picture).getElementsByTagName("path")
    return [p.getAttribute("d") for p in drawn if p.getElementsByTagName("title")]


def texts(picture: str) -> list[str]:
    return re.findall(r"<text[^>]*>(.*?)</text>", picture)


def test_a_line_goes_from_corner_to_corner_and_breaks_where_there_is_no_value() -> None:
    whole = Line("paced", "--c0", [(0.0, 0.0), (36_000.0, 1.0)])
    broken = Line("other", "--c1", [(0.0, 0.5), (9_000.0, None), (18_000.0, 0.5)])
    first, second = paths(draw_lines([whole, broken], DAY, "test"))
    assert first == "M46.0 186.0L412.0 10.0"
    assert second == "M46.0 98.0M229.0 98.0"


def test_layers_stand_on_one_another_and_equal_bins_are_one_step() -> None:
    layers = [
        Layer("low", "--c0", [0.5, 0.5]),
        Layer("none", "--c1", [0.0, 0.0]),
        Layer("high", "--c2", [0.5, 0.0]),
    ]
    low, high = paths(draw_stack(layers, 18_000.0, DAY, "test"))
    assert low == "M46.0 98.0L412.0 98.0L412.0 186.0L46.0 186.0Z"
    assert high == "M46.0 10.0L229.0 10.0L229.0 98.0L412.0 98.0L412.0 98.0L46.0 98.0Z"


def test_the_last_bin_ends_with_the_day() -> None:
    (layer,) = paths(draw_stack([Layer("all", "--c0", [1.0])], 1e9, DAY, "test"))
    assert layer.startswith("M46.0 10.0L412.0 10.0")


@pytest.mark.parametrize(
    ("end_s", "expected"),
    [
        (36_000.0, ["0 h", "2", "4", "6", "8", "10"]),
        (86_400.0, ["0 h", "4", "8", "12", "16", "20", "24"]),
        (600.0, ["0 min", "2", "4", "6", "8", "10"]),
        (6.0, ["0 s", "1", "2", "3", "4", "5", "6"]),
    ],
)
def test_the_time_axis_has_round_figures(end_s: float, expected: list[str]) -> None:
    picture = draw_lines([], Scale(end_s, 1.0, lambda v: f"y{v:g}"), "test")
    assert [t for t in texts(picture) if not t.startswith("y")] == expected


@given(st.floats(1e-9, 1e12))
def test_axes_end_at_a_round_number_above_what_they_show(most: float) -> None:
    top = nice_top(most)
    assert most * (1.0 - 1e-6) <= top <= 1.5 * most + 1e-12
    assert float(f"{top:.3g}") == pytest.approx(top, rel=1e-9)


@pytest.mark.parametrize("most", [0.0, -1.0, float("inf"), float("nan")])
def test_axes_of_nothing_end_at_one(most: float) -> None:
    assert nice_top(most) == 1.0


def test_names_are_escaped() -> None:
    picture = draw_lines([Line("<b>&", "--c0", [(0.0, 1.0)])], DAY, 'a "quoted" <thing>')
    assert "<title>&lt;b&gt;&amp;</title>" in picture
    assert minidom.parseString(picture).documentElement.getAttribute("aria-label") == 'a "quoted" <thing>'


def test_a_day_without_length_can_be_drawn() -> None:
    assert "nan" not in draw_stack([Layer("x", "--c0", [])], 1.0, Scale(1e-3, 1.0, str), "test")
