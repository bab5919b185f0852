from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.scheduling.problem import App, Budget, Option, PieceCost, Place, Problem, Stage
from engine.scheduling.problem_json import problem_from_json, problem_to_json
from tests.scheduling_problems import app, shared_trunks

amounts = st.floats(0.0, allow_nan=False)
names = st.text(min_size=1, max_size=5)
costs = st.builds(PieceCost, amounts, amounts, amounts, amounts, amounts, amounts, st.integers(0, 2**53))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    pieces = draw(st.dictionaries(names, costs, min_size=1, max_size=4))
    parts = st.lists(st.sampled_from(sorted(pieces)), max_size=3).map(tuple)
    stages = st.builds(Stage, st.sampled_from(Place), parts, st.none() | st.sampled_from(sorted(pieces)))
    apps = {
        name: App(name, draw(names), draw(names), 0.0, draw(amounts), draw(amounts), draw(amounts), 0.5)
        for name in draw(st.sets(names, max_size=3))
    }
    options = {
        name: tuple(
            Option(name, draw(names), draw(st.floats(0.0, 1.0)), (draw(stages), draw(stages)))
            for _ in range(draw(st.integers(0, 2)))
        )
        for name in apps
    }
    budget = draw(st.builds(Budget, amounts, amounts, amounts, amounts))
    return Problem(apps, options, pieces, budget, draw(amounts), draw(st.dictionaries(names, amounts)), 30.0)


@given(problem=problems())
def test_a_problem_is_read_back_as_it_was_from_strict_json(problem: Problem) -> None:
    text = json.dumps(problem_to_json(problem), allow_nan=False)
    assert problem_from_json(json.loads(text), "costs.json") == problem


def written() -> dict[str, Any]:
    return problem_to_json(shared_trunks([app("who")]))


def test_no_limit_is_written_as_a_word() -> None:
    assert written()["budget"]["energy_j"] == "inf"


def refuse(data: object, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        problem_from_json(data, "costs.json")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_key_is_named() -> None:
    data = written()
    del data["pieces"]["large"]["run_s"]
    refuse(data, "costs.json: pieces.large.run_s: Field required")


def test_something_else_than_a_problem_is_refused() -> None:
    refuse([1, 2], "costs.json: ")


@pytest.mark.parametrize("figure", ["nan", "NaN", math.nan])
def test_nan_is_refused_wherever_it_stands(figure: str | float) -> None:
    data = written()
    data["pieces"]["large"]["run_s"] = figure
    refuse(data, "costs.json: pieces.large.run_s: nan: expected a number")


def test_an_option_whose_costs_are_missing_is_refused() -> None:
    data = written()
    del data["pieces"]["large"]
    refuse(data, "costs.json: options.who: large/who: no cost is given for ['large']")


def test_an_option_of_an_unknown_app_is_refused() -> None:
    data = written()
    data["options"]["odd"] = data["options"]["who"]
    refuse(data, "costs.json: options.odd: large/who: expected an option of an app of the file")


def test_an_option_without_stages_is_refused() -> None:
    data = written()
    data["options"]["who"][0]["stages"] = []
    refuse(data, "costs.json: options.who: large/who: no stages")
