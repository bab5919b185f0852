"""Explains what a policy chose at a moment of a simulated day."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from catalog.errors import BadInput
from engine.scheduling.explanation import Explanation, explain
from engine.scheduling.explanation_text import explanation_to_lines
from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import Problem
from sim.day import simulate_scenario
from sim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class DeviceMoment:
    """What was chosen at one device.

    Args:
        device: its name in the scenario.
        policy: that chose.
        choices: the first at or after the moment for each input type, as they came; none where
            nothing was asked any more.
    """

    device: str
    policy: str
    choices: tuple[Explanation, ...]


def explain_moment(
    scenario: Scenario,
    policy: Callable[[Problem], Policy],
    t_s: float,
    admission: bool = True,
) -> tuple[DeviceMoment, ...]:
    """Live the days up to a moment and explain the choices that follow.

    Args:
        scenario: what is simulated together.
        policy: makes a new policy for a device.
        t_s: the moment, in seconds since the start.
        admission: see simulate_scenario.

    Returns:
        One a device, in the scenario's order.

    Raises:
        BadInput: no such moment, or a trace is wrong where it is read.
    """
    if not (math.isfinite(t_s) and t_s >= 0.0):
        raise BadInput(f"moment {t_s:g}: expected seconds since the start of the day")
    made: list[ExplainedPolicy] = []
    pending = [0]

    def done() -> None:
        pending[0] -= 1
        if not pending[0]:
            raise _AllExplained

    def watched(problem: Problem) -> Policy:
        made.append(ExplainedPolicy(policy(problem), problem, t_s, done))
        pending[0] += 1
        return made[-1]

    with suppress(_AllExplained):
        simulate_scenario(scenario, watched, admission=admission)
    return tuple(
        DeviceMoment(day.name, watching.name, tuple(watching.explained))
        for day, watching in zip(scenario.devices, made, strict=True)
    )


def moment_to_lines(moment: DeviceMoment) -> list[str]:
    """Return what was chosen at a device as plain text, a line each."""
    lines = [f"{moment.device}: {moment.policy}" if moment.device else moment.policy]
    if not moment.choices:
        lines.append("no app asks about anything any more")
    for choice in moment.choices:
        lines += ["", *explanation_to_lines(choice)]
    return lines


class _AllExplained(Exception):
    """Nothing is left to be looked for, so the rest of the day need not be lived."""


class ExplainedPolicy:
    """Passes every call on, and explains the first choice for each input type from a moment on.

    Args:
        policy: made for the problem.
        problem: what it knows.
        from_s: the moment.
        done: called once, when every input type that an app asks about is explained.
    """

    def __init__(self, policy: Policy, problem: Problem, from_s: float, done: Callable[[], None]) -> None:
        self._policy = policy
        self._problem = problem
        self._from_s = from_s
        self._done = done
        self._plan = Plan()
        self._missing = {a.input_type for a in problem.apps.values()}
        self.explained: list[Explanation] = []

    @property
    def name(self) -> str:
        """That of the policy."""
        return self._policy.name

    def set_problem(self, problem: Problem) -> None:
        """Pass it on."""
        self._policy.set_problem(problem)
        self._problem = problem

    def plan(self, state: State, now: float) -> Plan:
        """Plan."""
        self._plan = self._policy.plan(state, now)
        return self._plan

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Choose, and explain it where that is asked for."""
        choice = self._policy.choose(input_type, due, state, now)
        if now >= self._from_s and input_type in self._missing:
            self.explained.append(explain(self._problem, self._plan, choice, input_type, due, state, now))
            self._missing.discard(input_type)
            if not self._missing:
                self._done()
        return choice
