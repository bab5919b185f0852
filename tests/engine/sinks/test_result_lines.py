"""A result as a line of JSON: field order, rounding, and the way back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.results import Result
from engine.sinks.result_lines import line_to_result, result_to_line
from tests.engine.media import result, unserved

numbers = st.floats(allow_nan=True, allow_infinity=True)


def test_keys_are_in_the_order_of_the_fields_of_a_result() -> None:
    assert list(json.loads(result_to_line(result()))) == list(Result._fields)


def test_numbers_are_rounded_and_a_line_has_no_surprises() -> None:
    line = result_to_line(
        result(t_s=1 / 3, latency_s=0.00123456789, energy_j=1.23456789e-4, confidence=2 / 3)
    )
    row = json.loads(line)
    assert (row["t_s"], row["latency_s"], row["energy_j"]) == (0.333333, 0.001235, 0.000123457)
    assert row["confidence"] == 0.6667
    assert row["box"] == [4, 4, 20, 24]
    assert "\n" not in line


@given(numbers, numbers, numbers, st.text())
def test_any_figures_and_text_give_strict_json_in_one_line(
    t_s: float, energy_j: float, latency_s: float, name: str
) -> None:
    line = result_to_line(result(t_s=t_s, energy_j=energy_j, latency_s=latency_s, answer=name, truth=name))
    assert "NaN" not in line.replace(name, "") or "NaN" in name
    assert line.count("\n") == 0
    row = json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert row["answer"] == name


@pytest.mark.parametrize(
    "written", [result(3, truth="7"), unserved(4, "late"), result(cost_usd=1.25e-9, track=4)]
)
def test_a_line_reads_back_as_the_same_result(written: Result) -> None:
    assert line_to_result(result_to_line(written), "x") == written


def test_a_line_of_an_earlier_version_has_no_track() -> None:
    row = json.loads(result_to_line(result(3)))
    del row["track"]
    assert line_to_result(json.dumps(row), "x") == result(3)


@pytest.mark.parametrize("line", ["", "{", "[1, 2]", "7", '{"t_s": 1.0}', result_to_line(result())[:-5]])
def test_what_is_no_result_is_named_by_its_place(line: str) -> None:
    with pytest.raises(BadInput, match=r"^results\.jsonl, line 7: "):
        line_to_result(line, "results.jsonl, line 7")
