"""A policy whose own work is measured while it is simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.latency_histogram import LatencyHistogram
from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import Problem
from sim.report import PolicyTiming

_EVERY = 17  # choices; a prime, so that kinds of windows that take turns are all among those measured


class TimedPolicy:
    """Passes every call on, and measures what it takes: every plan, and a part of the choices.

    Asking for processor time twice takes longer than most choices.

    Args:
        policy: does the work.
        clock: processor time in seconds, such as time.thread_time.
        made_in_s: what making the policy took; it counts as a part of planning.
    """

    def __init__(self, policy: Policy, clock: Callable[[], float], made_in_s: float = 0.0) -> None:
        self._policy = policy
        self._clock = clock
        self._plans = LatencyHistogram()
        self._choices = LatencyHistogram()
        self._plan_s = made_in_s
        self._until_measured = 0

    @property
    def name(self) -> str:
        """That of the policy."""
        return self._policy.name

    @property
    def timing(self) -> PolicyTiming:
        """What plans, and the choices that were measured, took so far."""
        return PolicyTiming(self._plan_s, self._plans.percentile_s(0.99), self._choices.percentile_s(0.99))

    def set_problem(self, problem: Problem) -> None:
        """Pass it on; it counts as a part of planning."""
        before_s = self._clock()
        self._policy.set_problem(problem)
        self._plan_s += self._clock() - before_s

    def plan(self, state: State, now: float) -> Plan:
        """Plan, and measure it."""
        before_s = self._clock()
        plan = self._policy.plan(state, now)
        taken_s = self._clock() - before_s
        self._plans.add(taken_s)
        self._plan_s += taken_s
        return plan

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Choose, and measure it where it is its turn."""
        if self._until_measured:
            self._until_measured -= 1
            return self._policy.choose(input_type, due, state, now)
        self._until_measured = _EVERY - 1
        before_s = self._clock()
        choice = self._policy.choose(input_type, due, state, now)
        self._choices.add(self._clock() - before_s)
        return choice
