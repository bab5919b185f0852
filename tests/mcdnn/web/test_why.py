"""Sentences about choices that policies really made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.scheduling.latest_choices import LatestChoices
from engine.scheduling.policies.table import make_policy
from engine.scheduling.policy import Choice, Plan, Prices, State
from engine.scheduling.problem import Budget, Problem
from mcdnn.web.why import why
from tests.scheduling_problems import all_resident, app, shared_trunks

WHO = app("who", latency_limit_s=5.0)


class Fixed:
    """A policy that always takes the same trunk, at the same prices."""

    name = "fixed"

    def __init__(self, problem: Problem, trunk: str | None, prices: Prices | None) -> None:
        self._options = {
            o.app: o for os in problem.options.values() for o in os if o.variant.startswith(f"{trunk}/")
        }
        self._prices = prices

    def set_problem(self, problem: Problem) -> None:
        raise AssertionError

    def plan(self, state: State, now: float) -> Plan:
        return Plan(prices=self._prices)

    def choose(self, input_type: str, due: Any, state: State, now: float) -> Choice:
        return Choice(self._options, {} if self._options else dict.fromkeys(due, "energy budget gone"))


def entry(
    trunk: str | None, prices: Prices | None = None, problem: Problem | None = None, **state: Any
) -> dict[str, Any]:
    """What is told of an app that a trunk has answered."""
    problem = problem or shared_trunks([WHO], Budget(1000.0, memory_bytes=10_000.0))
    choices = LatestChoices()
    policy = choices.watch(Fixed(problem, trunk, prices), problem)
    seen = all_resident(problem)._replace(**state)
    policy.plan(seen, 0.0)
    policy.choose("digit", ["who"], seen, 1.0)
    (told,) = why(choices)
    return told


def test_the_most_accurate_needs_no_reason() -> None:
    assert entry("large")["why"] == "It is the most accurate that is offered."


def test_what_is_not_worth_it_is_told_in_the_resource_that_is_short() -> None:
    energy = entry("small", Prices(per_j=0.1))["why"]
    assert energy == (
        "large at the device is 30.0 points more accurate, but takes 8 J instead of 1 J of energy a window, "
        "which that is not worth now. More accurate, too: 1 not worth what they cost."
    )
    processor = entry("small", Prices(per_processor_s=1.0))["why"]
    assert "takes 800 ms instead of 100 ms of processor time a window" in processor


def test_what_takes_turns_with_it_is_told() -> None:
    assert "the two take turns" in entry("small", Prices())["why"]


def test_a_hard_limit_is_told_in_its_own_words() -> None:
    slow = shared_trunks([replace(WHO, latency_limit_s=1.0)], Budget(1000.0, memory_bytes=10_000.0))
    assert "too slow: up to 1.6 s, the limit is 1 s" in entry("small", problem=slow)["why"]
    assert "J left do not cover" in entry("small", energy_left_j=5.0)["why"]


def test_what_is_not_answered_says_why() -> None:
    told = entry(None)
    assert (told["why"], told["chosen"]) == ("Not answered: energy budget gone.", None)
    assert len(told["options"]) == 3


def test_options_come_with_what_they_cost_the_most_accurate_first() -> None:
    told = entry("middle", Prices(per_j=0.1))
    assert [(o["variant"], o["accuracy"], o["energy_j"], o["chosen"]) for o in told["options"]] == [
        ("large/who", 0.9, 8.0, False),
        ("middle/who", 0.8, 4.0, True),
        ("small/who", 0.6, 1.0, False),
    ]
    assert told["chosen"] == told["options"][1]
    assert (told["task"], told["rate_hz"], told["latency_limit_s"]) == ("task of who", [0.0, None], 5.0)


def test_what_the_plan_values_is_told() -> None:
    assert entry("large", Prices(0.25, 2.0, 0.0))["plan"] == (
        "A joule is worth 0.25 right answers now, a dollar 2, a second of the processor 0."
    )
    assert entry("large")["plan"] == ""


def test_an_app_that_was_never_due_says_so() -> None:
    problem = shared_trunks([WHO])
    choices = LatestChoices()
    choices.watch(make_policy("paced", problem), problem)
    assert [e["why"] for e in why(choices)] == ["It has not been asked yet."]
