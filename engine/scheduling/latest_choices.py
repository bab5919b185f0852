"""Remembers what a policy chose last for every app, so that it can be explained while the engine runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.scheduling.explanation import AppExplained, Explanation, explain
from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import App, Problem


class _Chosen(NamedTuple):
    """One call with its answer and what held then; none of it ever changes."""

    problem: Problem
    plan: Plan
    choice: Choice
    input_type: str
    due: Sequence[str]
    state: State
    now: float


class LatestChoices:
    """Keeps references alone, so that it costs a window next to nothing; see Decisions.

    The engine's thread fills it; any thread may ask. An explanation is made by who asks for it.
    """

    def __init__(self) -> None:
        self._plan = Plan()
        self._apps: Mapping[str, App] = {}
        self._by_app: dict[str, _Chosen] = {}

    @property
    def plan(self) -> Plan:
        """What the policy planned last."""
        return self._plan

    def watch(self, policy: Policy, problem: Problem) -> Policy:
        """Return a policy that does the same, watched; see Decisions."""
        self.follow(problem)
        return _Remembered(policy, problem, self)

    def close(self) -> None:
        """Keep what is remembered, for who asks after the end; see Decisions."""

    @property
    def apps(self) -> Mapping[str, App]:
        """The apps that the policy knows, by name."""
        return self._apps

    def explain(self) -> dict[str, tuple[Explanation, AppExplained]]:
        """Account for the last choice of every app that was due yet, by app."""
        by_app = dict(self._by_app)
        explained = {id(chosen): _explained(chosen) for chosen in by_app.values()}
        return {
            app: (explained[id(chosen)], _of(explained[id(chosen)], app)) for app, chosen in by_app.items()
        }

    def take_plan(self, plan: Plan) -> None:
        """Remember a plan; called by the policy that is watched."""
        self._plan = plan

    def take(self, chosen: _Chosen) -> None:
        """Remember a choice; called by the policy that is watched."""
        for app in chosen.due:
            self._by_app[app] = chosen

    def follow(self, problem: Problem) -> None:
        """Know the apps of a problem and forget those that are gone; called by the policy that is watched."""
        self._apps = problem.apps
        self._by_app = {app: chosen for app, chosen in self._by_app.items() if app in problem.apps}


def _explained(chosen: _Chosen) -> Explanation:
    problem, plan, choice, input_type, due, state, now = chosen
    return explain(problem, plan, choice, input_type, due, state, now)


def _of(explanation: Explanation, app: str) -> AppExplained:
    return next(a for a in explanation.apps if a.app == app)


class _Remembered:
    """Passes every call on to a policy."""

    def __init__(self, policy: Policy, problem: Problem, latest: LatestChoices) -> None:
        self._policy = policy
        self._problem = problem
        self._latest = latest
        self._plan = Plan()

    @property
    def name(self) -> str:
        return self._policy.name

    def set_problem(self, problem: Problem) -> None:
        self._problem = problem
        self._latest.follow(problem)
        self._policy.set_problem(problem)

    def plan(self, state: State, now: float) -> Plan:
        plan = self._plan = self._policy.plan(state, now)
        self._latest.take_plan(plan)
        return plan

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        choice = self._policy.choose(input_type, due, state, now)
        self._latest.take(_Chosen(self._problem, self._plan, choice, input_type, due, state, now))
        return choice
