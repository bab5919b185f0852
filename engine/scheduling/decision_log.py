"""A log of all that a policy was asked and answered, as JSON lines, exact enough to be replayed.

    {"log": "mcdnn decisions 1", "policy": name, "explained": bool, "problem": {...}}   first
    {"call": "set_problem", "problem": {...}}
    {"call": "plan", "now": s, "state": {...}, "plan": {...}}
    {"call": "choose", "now": s, "input_type": name, "due": [app, ...], "state": {...}, "choice": {...}}

Floats are written so that they read back exactly; null stands for no limit (infinity), which JSON
lacks. A state's `resident` and `loading` are written where they differ from those of the line before.
A chosen option is its number among the app's options in the problem, with its variant and place for
people. On request every choice carries its explanation (explanation_text.explanation_to_json).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import orjson

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.scheduling.explanation import explain
from engine.scheduling.explanation_text import explanation_to_json
from engine.scheduling.policy import Choice, Plan, Policy, State
from engine.scheduling.problem import Option, Problem
from engine.scheduling.problem_json import problem_to_json

FORMAT = "mcdnn decisions 1"
_BUFFER_BYTES = 1 << 16


class Decisions(Protocol):
    """Watches a policy."""

    def watch(self, policy: Policy, problem: Problem) -> Policy:
        """Return a policy that does the same, watched; called once, with the problem that it was made for."""

    def close(self) -> None:
        """End it."""


class Unlogged:
    """Watches nothing."""

    def watch(self, policy: Policy, problem: Problem) -> Policy:  # noqa: ARG002 - a null object
        """Return the policy itself."""
        return policy

    def close(self) -> None:
        """Do nothing."""


class AllDecisions:
    """Several that watch the same policy.

    Args:
        watchers: owned from here on.
    """

    def __init__(self, watchers: Sequence[Decisions]) -> None:
        self._watchers = tuple(watchers)

    def watch(self, policy: Policy, problem: Problem) -> Policy:
        """Return a policy that does the same, watched by all; see Decisions."""
        for watcher in self._watchers:
            policy = watcher.watch(policy, problem)
        return policy

    def close(self) -> None:
        """End them all, also where one fails; see Decisions."""
        with ExitStack() as closing:
            for watcher in self._watchers:
                closing.callback(watcher.close)


class DecisionLog:
    """Writes a decision log into a file, which is replaced where it exists.

    What was written reaches the file at every plan at the latest, so that a kill loses little.

    Args:
        path: of the file.
        explained: whether every choice carries its explanation, which makes the log long.

    Raises:
        BadInput: the file cannot be created.
    """

    def __init__(self, path: Path, explained: bool = False) -> None:
        self._path = path
        self._explained = explained
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=_BUFFER_BYTES)
        except OSError as e:
            raise BadInput(f"decision log {path}: cannot be created: {e.strerror or e}") from e

    def __str__(self) -> str:
        return f"decision log {self._path}"

    def watch(self, policy: Policy, problem: Problem) -> Policy:
        """Return a policy that does the same and is logged.

        Raises:
            SinkError: the disk is full; likewise from every call of the policy that is returned.
        """
        header = {"log": FORMAT, "policy": policy.name, "explained": self._explained}
        self.write(header | {"problem": problem_to_json(problem)})
        return LoggedPolicy(policy, problem, self, self._explained)

    def write(self, line: Mapping[str, Any]) -> None:
        """Write a line.

        Raises:
            SinkError: the disk is full.
        """
        try:
            self._file.write(
                orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
            )
        except OSError as e:
            raise self._error(e) from e

    def flush(self) -> None:
        """Hand what was written to the operating system.

        Raises:
            SinkError: the disk is full.
        """
        try:
            self._file.flush()
        except OSError as e:
            raise self._error(e) from e

    def close(self) -> None:
        """Close the file.

        Raises:
            SinkError: the disk is full.
        """
        try:
            self._file.close()
        except OSError as e:
            raise self._error(e) from e

    def _error(self, cause: OSError) -> SinkError:
        return SinkError(f"{self}: cannot be written: {cause.strerror or cause}")


class LoggedPolicy:
    """Passes every call on to a policy, and writes down what it was asked and answered.

    Args:
        policy: made for the problem.
        problem: in which options are numbered.
        log: written to.
        explained: whether every choice is explained.
    """

    def __init__(self, policy: Policy, problem: Problem, log: DecisionLog, explained: bool) -> None:
        self._policy = policy
        self._log = log
        self._explained = explained
        self._states = StateLines()
        self._options = _OptionNumbers(problem)
        self._problem = problem
        self._plan = Plan()

    @property
    def name(self) -> str:
        """That of the policy."""
        return self._policy.name

    def set_problem(self, problem: Problem) -> None:
        """Pass on another problem, and log it whole."""
        self._policy.set_problem(problem)
        self._problem = problem
        self._options = _OptionNumbers(problem)
        self._log.write({"call": "set_problem", "problem": problem_to_json(problem)})

    def plan(self, state: State, now: float) -> Plan:
        """Plan, and log it; the file is up to date after it."""
        plan = self._plan = self._policy.plan(state, now)
        self._log.write(
            {"call": "plan", "now": now, "state": self._states.line(state), "plan": plan_to_json(plan)}
        )
        self._log.flush()
        return plan

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Choose, and log it."""
        choice = self._policy.choose(input_type, due, state, now)
        line: dict[str, Any] = {
            "call": "choose",
            "now": now,
            "input_type": input_type,
            "due": due,
            "state": self._states.line(state),
            "choice": self._options.choice(choice),
        }
        if self._explained:
            why = explain(self._problem, self._plan, choice, input_type, due, state, now)
            line["explanation"] = explanation_to_json(why)
        self._log.write(line)
        return choice


class StateLines:
    """Writes states one after another; what is in memory only where it changed."""

    def __init__(self) -> None:
        self._resident: frozenset[str] | None = None
        self._loading: frozenset[str] | None = None

    def line(self, state: State) -> dict[str, Any]:
        """Return what of a state has to be written; orjson writes what is infinite as null."""
        line: dict[str, Any] = {
            "energy_left_j": state.energy_left_j,
            "cost_left_usd": state.cost_left_usd,
            "period_left_s": state.period_left_s,
            "connected": state.connected,
            "backlog_s": state.backlog_s,
            "mbps": state.mbps,
            "context": state.context,
        }
        if state.missed:
            line["missed"] = state.missed
        if math.isfinite(state.carried):
            line["carried"] = state.carried
        if state.held_back_j:
            line["held_back_j"] = state.held_back_j
        if state.resident is not self._resident and state.resident != self._resident:
            line["resident"] = sorted(state.resident)
        if state.loading is not self._loading and state.loading != self._loading:
            line["loading"] = sorted(state.loading)
        self._resident, self._loading = state.resident, state.loading
        return line


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as it is logged."""
    p = plan.prices
    return {
        "resident": plan.resident,
        "rates_hz": dict(plan.rates_hz),
        "note": plan.note,
        "prices": p and {"per_j": p.per_j, "per_usd": p.per_usd, "per_processor_s": p.per_processor_s},
        "gap": plan.gap,
    }


class _OptionNumbers:
    """Writes choices with their options numbered as in a problem.

    Args:
        problem: whose options are meant; it keeps them alive, so that none is mistaken for another.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._written = {
            id(option): orjson.Fragment(orjson.dumps(_numbered(option, number)))
            for options in problem.options.values()
            for number, option in enumerate(options)
        }

    def choice(self, choice: Choice) -> dict[str, Any]:
        """Return a choice as it is logged."""
        options = {app: self._option(app, option) for app, option in choice.options.items()}
        return {"options": options, "unserved": choice.unserved, "wanted": choice.wanted}

    def _option(self, app: str, option: Option) -> object:
        known = self._written.get(id(option))
        if known is not None:
            return known
        return _numbered(option, self._problem.options[app].index(option))  # an equal one, made by the policy


def _numbered(option: Option, number: int) -> dict[str, Any]:
    return {"number": number, "variant": option.variant, "place": option.place.value}
