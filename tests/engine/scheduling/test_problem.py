from __future__ import annotations

from engine.scheduling.problem import Option, Place, Stage, configuration_cost, distinct_pieces, memory_bytes
from tests.scheduling_problems import app, option, piece, shared_trunks


def test_a_part_that_two_apps_use_is_paid_and_held_once() -> None:
    problem = shared_trunks([app("who"), app("odd")])
    both = (option("who", "large", 0.9), option("odd", "large", 0.9))
    assert distinct_pieces(both) == ("large", "large.who", "large.odd")
    assert configuration_cost(problem.pieces, both).energy_j == 8.0
    assert memory_bytes(problem.pieces, distinct_pieces(both)) == 800


def test_the_worst_case_counts_a_stage_that_seldom_runs_as_a_whole() -> None:
    pieces = {"first": piece(1.0), "second": piece(10.0)}
    cascade = Option(
        "who",
        "cascade",
        0.9,
        (Stage(Place.DEVICE, ("first",)), Stage(Place.DEVICE, ("second",), probability=0.25)),
    )
    cost = configuration_cost(pieces, (cascade,))
    assert (cost.energy_j, cost.worst_energy_j) == (3.5, 22.0)


def test_the_cloud_costs_money_and_no_processor() -> None:
    away = Option(
        "who", "away", 0.9, (Stage(Place.CLOUD, ("huge",), probability=0.5, run_s=3.0, cost_usd=0.1),)
    )
    cost = configuration_cost({}, (away,))
    assert (cost.run_s, cost.energy_j, cost.cost_usd) == (0.0, 0.0, 0.05)
    assert away.place is Place.CLOUD
    assert away.device_pieces == ()
