from __future__ import annotations

from dataclasses import replace

import pytest

from engine.scheduling.policies.candidates import candidates_of
from engine.scheduling.problem import Budget, Option, Place, Stage
from tests.scheduling_problems import app, shared_trunks

WHO = app("who")


def test_candidates_come_most_accurate_first_and_at_the_device_first_where_equal() -> None:
    problem = shared_trunks([WHO])
    away = Option("who", "away", 0.8, (Stage(Place.CLOUD, (), run_s=0.1, cost_usd=0.5),))
    problem = replace(problem, options={"who": (away, *problem.options["who"])})
    found = candidates_of(problem, WHO)
    assert [c.option.variant for c in found.best_first] == ["large/who", "middle/who", "away", "small/who"]
    assert [c.option.variant for c in found.at_device] == ["small/who", "middle/who", "large/who"]
    assert [(c.option.variant, c.device_share) for c in found.in_cloud] == [("away", 0.0)]


def test_what_is_missing_is_loaded_piece_by_piece() -> None:
    large = candidates_of(shared_trunks([WHO], load_share=1.0), WHO).best_first[0]
    assert large.missing(frozenset()) == (8.0, 0.8)
    assert large.missing(frozenset({"large"})) == (0.0, 0.0)
    assert large.missing(frozenset({"large", "large.who"})) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("limit_s", "memory_bytes", "reason"),
    [
        (1e9, 50, "no variant fits the memory alone"),
        (0.1, 1e9, "no variant is fast enough for the latency limit"),
    ],
)
def test_an_app_without_candidates_is_told_why(limit_s: float, memory_bytes: float, reason: str) -> None:
    who = app("who", latency_limit_s=limit_s)
    found = candidates_of(shared_trunks([who], Budget(memory_bytes=memory_bytes)), who)
    assert (found.best_first, found.none_because) == ((), reason)


def test_an_app_whose_task_has_no_variant_is_told_so() -> None:
    problem = replace(shared_trunks([WHO]), options={})
    assert candidates_of(problem, WHO).none_because == "no variant of task of who is offered"
