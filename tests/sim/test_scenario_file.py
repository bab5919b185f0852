from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from sim.scenario_file import parse_scenario_table, read_scenario_table, schema
from sim.scenario_tables import seconds
from tests.sim.scenario_tables import generated_table, replayed_table


def refused(table: dict[str, Any]) -> str:
    with pytest.raises(BadInput) as raised:
        parse_scenario_table(table, "day.toml")
    return str(raised.value)


def test_a_scenario_may_be_generated_or_replayed() -> None:
    assert parse_scenario_table(generated_table(), "day.toml").stretch[0].windows["face"].hz == 1.0
    assert parse_scenario_table(replayed_table(), "day.toml").table is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budgets": {}}, "day.toml: budgets: no such key: expected one of name, about, seed"),
        (
            {"budget": {"energy": 3.0}},
            "budget.energy: no such key: expected one of energy_j, energy_lasts, cloud_usd",
        ),
        (
            {"family": {"face": {"trunk": 3}}},
            "family.face.trunk: no such key: expected one of trunks, least_j",
        ),
        ({"device": {"radio": {"watts": 3}}}, "no such key: expected one of exchange_j, up_j_per_byte"),
        ({"budget": {"energy_j": -1.0}}, "budget.energy_j: Input should be greater than or equal to 0"),
        ({"budget": {"energy_j": 1.0, "energy_lasts": 0.3}}, "give energy_j or energy_lasts, not both"),
        ({"budget": {"period": "ten hours"}}, "budget.period: expected a number with s, m, h or d"),
        ({"device": {"radio": {"exchange_j": 1, "tail_w": 1, "tail_s": 1}}}, "give exchange_j or a tail"),
        ({"app": []}, "app: no app: add an [[app]]"),
        ({"budget": {"energy_j": "much"}}, "budget.energy_j: Input should be a valid number, unable"),
        ({"app": [{"name": "a", "rate_hz": 2}]}, "app.0.rate_hz: expected [least, wanted], two numbers"),
        ({"app": [{"name": "a", "weight": -2}]}, "app.0.weight: Input should be greater than 0, got -2"),
        ({"stretch": [{"name": "x"}]}, "stretch.0.lasts: missing: it must be given"),
        ({"stretch": [{"name": "x", "lasts": "0s"}]}, "stretch.0.lasts: expected more than 0, got '0s'"),
        (
            {"stretch": [{"name": "x", "lasts": "1h", "windows": {"face": {"hz": 1, "contexts": {}}}}]},
            "stretch.0.windows.face.contexts: Dictionary should have at least 1 item",
        ),
        (
            {"stretch": [{"name": "x", "lasts": "1h", "windows": {"face": {"hz": 1e9}}}]},
            "stretch.0.windows.face.hz: Input should be less than or equal to 10000",
        ),
        ({"family": {"face": {"least_j": 5}}}, "family.face: least_j = 5 is above most_j = 2"),
        ({"app": [{"name": "a"}, {"name": "a"}]}, "app names ['a'] are given twice"),
        ({"app": [{"name": "a", "rate_hz": [2, 1]}]}, "expected [least, wanted] with least <= wanted"),
        ({"family": {}}, "expected one of [catalog], [table] and [family.INPUT], got none"),
        ({"table": {"variants": "v.csv"}}, "got ['table', 'family']"),
        ({"stretch": []}, "expected either [trace] or [[stretch]]"),
        ({"network": {}}, "[network] goes with [trace]"),
        (
            {"stretch": [{"name": "x", "lasts": "1h", "link": {"up": "often"}}]},
            "stretch.0.link.up: expected a",
        ),
    ],
)
def test_what_is_wrong_is_named_by_key(changes: dict[str, Any], message: str) -> None:
    said = refused(generated_table(**changes))
    assert message in said
    assert "\n" not in said


def test_a_trace_names_one_kind_of_requests() -> None:
    assert "expected either requests or [[trace.published]]" in refused(replayed_table(trace={}))


def test_a_network_needs_a_cloud_at_its_other_end() -> None:
    table = replayed_table(network={})
    del table["cloud"]
    assert "[network] goes with [cloud]" in refused(table)


def test_a_mark_that_some_editors_put_first_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_text("name = 'day'\n", encoding="utf-8-sig")
    assert read_scenario_table(tmp_path / "marked.toml") == {"name": "day"}


def test_durations_and_stays() -> None:
    assert [seconds(t) for t in ("90s", "15m", "never", "always")] == [90.0, 900.0, 0.0, float("inf")]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.toml: No such file"):
        read_scenario_table(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(BadInput, match=r"bad\.toml: not TOML"):
        read_scenario_table(tmp_path / "bad.toml")
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"noise\.toml: not a text file"):
        read_scenario_table(tmp_path / "noise.toml")


def test_the_schema_names_every_key() -> None:
    assert {"budget", "stretch", "trace", "app"} <= set(json.loads(schema())["properties"])
