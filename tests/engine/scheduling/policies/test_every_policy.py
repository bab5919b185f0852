"""What holds for every policy, whatever it is called with."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduling.policies.table import POLICIES, make_policy
from engine.scheduling.policy import Choice, State
from engine.scheduling.problem import Budget, Problem, configuration_cost, distinct_pieces, memory_bytes
from tests.scheduling_problems import app, own_trunks, shared_trunks

APPS = [app("who", latency_limit_s=5.0), app("odd", weight=2.0), app("low", wanted_hz=2.0)]
PIECES = sorted({*shared_trunks(APPS).pieces, *own_trunks(APPS).pieces})

problems = st.builds(
    lambda make, energy_j, memory, load, hz: make(
        APPS, Budget(energy_j, period_s=60.0, memory_bytes=memory), load, hz
    ),
    st.sampled_from([shared_trunks, own_trunks]),
    st.sampled_from([10.0, 500.0, float("inf")]),
    st.sampled_from([100, 450, 800, 2000, float("inf")]),
    st.sampled_from([0.0, 3.0]),
    st.sampled_from([None, 1.0, 10.0]),
)
states = st.builds(
    State,
    st.sampled_from([0.0, 1.5, 10.0, 100.0, float("inf")]),
    st.just(0.0),
    st.sampled_from([0.0, 1e-3, 10.0, float("inf")]),
    st.frozensets(st.sampled_from(PIECES)),
    st.just(frozenset()),
    st.booleans(),
    st.sampled_from([0.0, 3.0]),
    missed=st.integers(0, 1000),
    carried=st.sampled_from([0.0, 0.3, float("inf")]),
    held_back_j=st.sampled_from([0.0, 1.0, 1000.0]),
)
due = st.lists(st.sampled_from(["who", "odd", "low", "stray"]), unique=True).map(tuple)
calls = st.lists(st.tuples(due, states, st.floats(0.0, 20.0)), min_size=1, max_size=12)


def play(name: str, problem: Problem, script: list[tuple[tuple[str, ...], State, float]]) -> list[Choice]:
    policy = make_policy(name, problem)
    choices = []
    now = 0.0
    with nothing_given_up():
        for asked, state, wait_s in script:
            now += wait_s
            policy.plan(state, now)
            choices.append(policy.choose("digit", asked, state, now))
    return choices


@contextmanager
def nothing_given_up() -> Iterator[None]:
    """Fail where a policy goes on without the plan that it wanted: these problems can all be solved."""
    said: list[str] = []
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("engine.scheduling")
    log.addHandler(listener)
    try:
        yield
    finally:
        log.removeHandler(listener)
    assert not said


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=40, deadline=None)
@given(problem=problems, script=calls)
def test_every_due_app_gets_an_option_of_its_own_or_a_reason(
    name: str, problem: Problem, script: list[tuple[tuple[str, ...], State, float]]
) -> None:
    for (asked, state, _), choice in zip(script, play(name, problem, script), strict=True):
        assert {*choice.options} | {*choice.unserved} == {*asked}
        assert not {*choice.options} & {*choice.unserved}
        assert all(option in problem.options[a] for a, option in choice.options.items())
        assert all(reason for reason in choice.unserved.values())
        cost = configuration_cost(problem, choice.options.values())
        assert cost.worst_energy_j <= state.energy_left_j
        limit_bytes = problem.budget.memory_bytes
        for option in choice.options.values():
            assert memory_bytes(problem.pieces, option.device_pieces) <= limit_bytes
        assert {*choice.wanted} <= {
            *distinct_pieces(o for chosen in problem.options.values() for o in chosen)
        }


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=15, deadline=None)
@given(problem=problems, script=calls)
def test_the_same_calls_give_the_same_answers(
    name: str, problem: Problem, script: list[tuple[tuple[str, ...], State, float]]
) -> None:
    assert play(name, problem, script) == play(name, problem, script)
