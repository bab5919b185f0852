from __future__ import annotations

import pytest

from engine.scheduling.problem import (
    InContext,
    Link,
    Option,
    Place,
    Problem,
    Stage,
    configuration_cost,
    distinct_pieces,
    memory_bytes,
    worst_latency_s,
)
from tests.scheduling_problems import app, option, piece, shared_trunks


def test_a_part_that_two_apps_use_is_paid_and_held_once() -> None:
    problem = shared_trunks([app("who"), app("odd")])
    both = (option("who", "large", 0.9), option("odd", "large", 0.9))
    assert distinct_pieces(both) == ("large", "large.who", "large.odd")
    assert configuration_cost(problem, both).energy_j == 8.0
    assert memory_bytes(problem.pieces, distinct_pieces(both)) == 800


def test_the_worst_case_counts_a_stage_that_seldom_runs_as_a_whole() -> None:
    pieces = {"first": piece(1.0), "second": piece(10.0)}
    cascade = Option(
        "who",
        "cascade",
        0.9,
        (Stage(Place.DEVICE, ("first",)), Stage(Place.DEVICE, ("second",), probability=0.25)),
    )
    cost = configuration_cost(Problem({}, {}, pieces), (cascade,))
    assert (cost.energy_j, cost.worst_energy_j) == (3.5, 22.0)


def test_the_cloud_costs_money_and_no_processor() -> None:
    away = Option(
        "who", "away", 0.9, (Stage(Place.CLOUD, ("huge",), probability=0.5, run_s=3.0, cost_usd=0.1),)
    )
    cost = configuration_cost(Problem({}, {}, {}), (away,))
    assert (cost.run_s, cost.energy_j, cost.cost_usd) == (0.0, 0.0, 0.05)
    assert away.place is Place.CLOUD
    assert away.device_pieces == ()


def away(app: str, trunk: str, **stage: float) -> Option:
    return Option(app, f"{trunk}/{app}", 0.9, (Stage(Place.CLOUD, (trunk,), f"{trunk}.{app}", **stage),))  # type: ignore[arg-type]


def test_apps_on_one_trunk_in_the_cloud_send_the_window_once_and_run_it_once() -> None:
    link = Link(exchange_j=0.5, up_j_per_byte=0.001)
    problem = Problem({}, {}, {}, link=link)
    both = (
        away("who", "large", up_bytes=100, run_s=0.2, cost_usd=2.0),
        away("odd", "large", up_bytes=100, run_s=0.2, cost_usd=2.0),
    )
    cost = configuration_cost(problem, both)
    assert (cost.radio_j, cost.energy_j, cost.cost_usd, cost.cloud_s) == (0.6, 0.6, 2.0, 0.2)
    other = configuration_cost(problem, (*both, away("low", "small", up_bytes=100, run_s=0.1, cost_usd=1.0)))
    assert (other.radio_j, other.cost_usd) == (0.6, 3.0)  # one window sent, two trunks run


def test_a_context_changes_accuracy_and_how_often_later_stages_run() -> None:
    special = Option(
        "who",
        "special",
        0.0,
        (Stage(Place.DEVICE, ("small",)), Stage(Place.DEVICE, ("large",))),
        (InContext("home", 0.95, (1.0, 0.1)),),
    )
    problem = Problem({}, {}, {"small": piece(1.0), "large": piece(10.0)})
    assert (special.accuracy_in("home"), special.accuracy_in("street")) == (0.95, 0.0)
    assert configuration_cost(problem, (special,), "home").energy_j == 2.0
    assert configuration_cost(problem, (special,), "street").energy_j == 11.0


def test_the_slowest_an_option_can_be_counts_its_transfers_at_the_speed_of_now() -> None:
    problem = Problem({}, {}, {"front": piece(1.0)}, link=Link(mbps=8.0, round_trip_s=0.1))
    split = Option(
        "who",
        "split",
        0.9,
        (Stage(Place.DEVICE, ("front",)), Stage(Place.CLOUD, ("rest",), up_bytes=1_000_000, run_s=0.3)),
    )
    assert worst_latency_s(problem, split) == pytest.approx(0.2 + 0.3 + 0.1 + 1.0)
    assert worst_latency_s(problem, split, mbps=4.0) == pytest.approx(0.2 + 0.3 + 0.1 + 2.0)
