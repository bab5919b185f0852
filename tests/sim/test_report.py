from __future__ import annotations

import json

import pytest

from engine.ledger import Category
from engine.scheduling.problem import Budget, Place
from sim.accounts import Accounts
from sim.observing import Unobserved
from sim.report import DayResult, results_to_csv, results_to_json
from sim.tally import Tally
from tests.scheduling_problems import app, shared_trunks


def result() -> DayResult:
    tally = Tally({"who": app("who", weight=3.0), "odd": app("odd")})
    tally.served("who", "large/who", Place.CLOUD, 0.9, 0.2, in_budget=True)
    tally.served("who", "small/who", Place.DEVICE, 0.6, 0.4, in_budget=False)
    tally.unserved("odd", "late")
    tally.loads = 2
    accounts = Accounts(shared_trunks([app("who")], Budget(energy_j=5.5)), Unobserved(), admission=False)
    accounts.settle(None, 5.0, 1.0, 0.25)
    accounts.settle(None, 1.0, 2.0, category=Category.RADIO)
    return tally.result("box", "original", 60.0, accounts, 900)


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
    assert (day.energy_j, day.total_energy_j) == ({"execution": 5.0, "radio": 1.0}, 6.0)
    assert (day.overdraft_j, day.cost_usd, day.overdraft_usd) == (0.5, 0.25, 0.0)


def test_answers_count_until_a_budget_is_exhausted_and_by_place() -> None:
    day = result()
    assert day.accuracy_until_exhausted == pytest.approx(3.0 * 0.9 / (3.0 * 2 + 1.0))
    assert day.apps[0].places == day.places == {"cloud": 1, "device": 1}
    assert day.apps[0].latency_p95_s == pytest.approx(0.4, rel=0.011)


def test_json_is_strict_and_names_figures_with_their_units() -> None:
    (written,) = json.loads(json.dumps(results_to_json([result()]), allow_nan=False))
    assert (written["energy_budget_j"], written["cost_budget_usd"]) == (5.5, None)
    assert written["overdraft_j"] == 0.5
    assert written["apps"][0]["app"] == "who"


def test_csv_has_a_row_for_every_policy_and_app() -> None:
    header, who, odd = results_to_csv([result()]).splitlines()
    assert header.startswith("policy,app,requests,served,accuracy,latency_s,policy_energy_j")
    assert who == "original,who,2,2,0.75,0.3,6,0.5,2,0,0.25,0,box"
    assert odd == "original,odd,1,0,0,,6,0.5,2,0,0.25,0,box"
