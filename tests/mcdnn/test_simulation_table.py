from __future__ import annotations

from collections.abc import Mapping

from mcdnn.simulation_table import unserved_lines
from sim.report import AppResult, DayResult


def result(policy: str, device: str, missed: Mapping[str, Mapping[str, int]]) -> DayResult:
    apps = tuple(AppResult(a, 9, 9 - sum(m.values()), 0.5, None, m, {}) for a, m in missed.items())
    reasons = {r for m in missed.values() for r in m}
    unserved = {r: sum(m.get(r, 0) for m in missed.values()) for r in reasons}
    return DayResult(
        policy, 1.0, 9, 9, 0.5, {}, 1.0, 0.0, 0.0, 0, 0, 0, apps, unserved=unserved, device=device
    )


def test_reasons_come_in_order_with_the_apps_that_missed_most() -> None:
    missed = {"a": {"late": 1}, "b": {"late": 2, "gone": 9}, "c": {"late": 3}, "d": {"late": 4}, "e": {}}
    assert list(unserved_lines([result("paced", "", missed)])) == [
        "paced: 10 unserved: late (d 4, c 3, b 2 and 1 other app)",
        "paced: 9 unserved: gone (b 9)",
    ]


def test_devices_are_told_apart_where_there_are_several() -> None:
    lines = unserved_lines([result("paced", d, {"a": {"late": 1}}) for d in ("left", "right")])
    assert list(lines) == ["left: paced: 1 unserved: late (a 1)", "right: paced: 1 unserved: late (a 1)"]
