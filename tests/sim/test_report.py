from __future__ import annotations

import json

import pytest

from engine.ledger import Category, EnergyOrigin, LedgerLine
from engine.scheduling.problem import Budget
from sim.report import DayResult, Tally, results_to_csv, results_to_json
from tests.scheduling_problems import app, option


def result() -> DayResult:
    tally = Tally({"who": app("who", weight=3.0), "odd": app("odd")})
    tally.answered(option("who", "large", 0.9), 0.2)
    tally.answered(option("who", "small", 0.6), 0.4)
    tally.unserved("odd", "late")
    tally.loads = 2
    lines = (
        LedgerLine(Category.EXECUTION, EnergyOrigin.MODELLED, 5.0, 0.25),
        LedgerLine(Category.EXECUTION, EnergyOrigin.GIVEN, 1.0, 0.0),
        LedgerLine(Category.BASE_LOAD, EnergyOrigin.MODELLED, 0.0, 0.0),
    )
    return tally.result("original", 60.0, lines, 0.5, Budget(), 900)


def test_an_unserved_request_has_accuracy_zero_and_apps_count_by_their_weight() -> None:
    day = result()
    who, odd = day.apps
    assert (who.accuracy, who.latency_s, who.variants) == (
        0.75,
        pytest.approx(0.3),
        {"large/who": 1, "small/who": 1},
    )
    assert (odd.accuracy, odd.latency_s, odd.unserved) == (0.0, None, {"late": 1})
    assert (day.requests, day.served, day.served_share) == (3, 2, pytest.approx(2 / 3))
    assert day.accuracy == pytest.approx(3.0 * 1.5 / (3.0 * 2 + 1.0))


def test_energy_is_given_by_category() -> None:
    day = result()
    assert (day.energy_j, day.total_energy_j, day.cost_usd) == ({"execution": 6.0}, 6.0, 0.25)


def test_json_is_strict_and_names_figures_with_their_units() -> None:
    (written,) = json.loads(json.dumps(results_to_json([result()]), allow_nan=False))
    assert written["energy_budget_j"] is None
    assert written["overdraft_j"] == 0.5
    assert written["apps"][0]["app"] == "who"


def test_csv_has_a_row_for_every_policy_and_app() -> None:
    header, who, odd = results_to_csv([result()]).splitlines()
    assert header.startswith("policy,app,requests,served,accuracy,latency_s,policy_energy_j")
    assert who == "original,who,2,2,0.75,0.3,6,0.5,2,0"
    assert odd == "original,odd,1,0,0,,6,0.5,2,0"
