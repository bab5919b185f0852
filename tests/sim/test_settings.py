from __future__ import annotations

import pytest

from catalog.errors import BadInput
from sim.settings import Setting, grid, parse_setting, with_settings

TABLE = {"budget": {"energy_j": 1.0}, "app": [{"name": "who", "weight": 1.0}, {"name": "age"}], "name": "day"}


def test_values_are_read_as_numbers_where_they_are_numbers() -> None:
    assert parse_setting("seed=1,2") == Setting("seed", (1, 2))
    assert parse_setting("cloud.usd_per_s=1.8e-4") == Setting("cloud.usd_per_s", (1.8e-4,))
    assert parse_setting("knows_day=true") == Setting("knows_day", (True,))
    assert parse_setting("device.radio=wifi,lte") == Setting("device.radio", ("wifi", "lte"))
    assert parse_setting("budget.period = 10h") == Setting("budget.period", ("10h",))


@pytest.mark.parametrize("text", ["seed", "=3", "seed=", "seed=1,,2", "budget..x=1"])
def test_a_setting_without_a_key_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=f"--set {text}: expected KEY=VALUE"):
        parse_setting(text)


def test_a_list_is_not_taken_apart() -> None:
    with pytest.raises(BadInput, match=r"--set app\.who\.rate_hz=\[0,1\]: only numbers, texts"):
        parse_setting("app.who.rate_hz=[0,1]")


def test_every_combination_comes_once_and_none_is_one_point() -> None:
    settings = [Setting("a", (1, 2)), Setting("b", ("x", "y"))]
    assert list(grid(settings)) == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]
    assert list(grid([])) == [{}]
    with pytest.raises(BadInput, match="--set a: given twice"):
        list(grid([Setting("a", (1,)), Setting("a", (2,))]))


def test_keys_reach_into_tables_by_name_or_number_and_leave_the_original_alone() -> None:
    changed = with_settings(TABLE, {"budget.energy_j": 2, "app.age.weight": 3, "app.0.weight": 4, "seed": 5})
    assert changed == {
        "budget": {"energy_j": 2},
        "app": [{"name": "who", "weight": 4}, {"name": "age", "weight": 3}],
        "name": "day",
        "seed": 5,
    }
    assert TABLE["budget"] == {"energy_j": 1.0}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("name.length", "name is 'day': no table"),
        ("app.mood.weight", "no 'mood': expected one of who, age"),
        ("app.7.weight", "no '7'"),
    ],
)
def test_a_key_that_leads_nowhere_is_refused(key: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        with_settings(TABLE, {key: 1})
