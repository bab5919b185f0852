"""A policy that knows no contexts, told what its options are worth whenever the context changes.

MCDNN (MobiSys 2016) specialises in the background and gives its scheduler specialised variants while
a skew lasts; the scheduler itself knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import Option, Problem


class ToldTheContext:
    """Passes on calls, and options as they are in the context that holds.

    Args:
        problem: with options that differ by context.
        make: makes the policy that is told.
    """

    def __init__(self, problem: Problem, make: Callable[[Problem], Policy]) -> None:
        self._problem = problem
        self._contexts: dict[str, str] = {}
        self._policy = make(in_contexts(problem, {}))

    @property
    def name(self) -> str:
        """That of the policy, with a remark."""
        return f"{self._policy.name} specialising"

    def set_problem(self, problem: Problem) -> None:
        """Take other apps, costs or budgets."""
        self._problem = problem
        self._policy.set_problem(in_contexts(problem, self._contexts))

    def plan(self, state: State, now: float) -> Plan:
        """Pass it on."""
        return self._policy.plan(state, now)

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Tell the context where it has changed, and pass it on."""
        if state.context != self._contexts.get(input_type, ""):
            self._contexts[input_type] = state.context
            self._policy.set_problem(in_contexts(self._problem, self._contexts))
        return self._policy.choose(input_type, due, state, now)


def in_contexts(problem: Problem, contexts: Mapping[str, str]) -> Problem:
    """Return a problem whose options are worth and cost what they do in contexts; useless ones are gone.

    Args:
        contexts: that hold, by input type; none for the others.
    """
    options = {}
    for app, own in problem.options.items():
        context = contexts.get(problem.apps[app].input_type, "")
        useful = [told for told in (_option(o, context) for o in own) if told.accuracy > 0.0]
        options[app] = tuple(sorted(useful, key=lambda o: -o.accuracy))
    return replace(problem, options=options)


def _option(option: Option, context: str) -> Option:
    runs = zip(option.stages, option.probabilities_in(context), strict=True)
    stages = tuple(replace(stage, probability=p) for stage, p in runs)
    return replace(option, accuracy=option.accuracy_in(context), stages=stages, contexts=())
