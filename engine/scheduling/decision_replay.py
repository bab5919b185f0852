"""Replays a decision log: the same calls to a fresh policy must get the same answers, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from catalog.errors import BadInput
from engine.scheduling.decision_log import FORMAT
from engine.scheduling.policy import Choice, Plan, Policy, Prices, State
from engine.scheduling.problem import Option, Problem
from engine.scheduling.problem_json import problem_from_json

_STATE_LIMITS = ("energy_left_j", "cost_left_usd", "period_left_s", "mbps")


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """A call of set_problem.

    Args:
        line: of the log, from 1.
    """

    line: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Planned:
    """A call of plan, and the answer."""

    line: int
    now: float
    state: State
    plan: Plan


@dataclass(frozen=True, slots=True)
class Chosen:
    """A call of choose, and the answer."""

    line: int
    now: float
    input_type: str
    due: tuple[str, ...]
    state: State
    choice: Choice


Call = ProblemSet | Planned | Chosen


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that is not the logged one.

    Args:
        line: of the log, from 1.
        now: of the call.
        logged: answer.
        replayed: answer.
    """

    line: int
    now: float
    logged: Plan | Choice
    replayed: Plan | Choice


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found.

    Args:
        plans: how many were compared.
        choices: likewise.
        differences: the first of them, as many as were asked for.
        differing: how many there are.
    """

    plans: int
    choices: int
    differences: tuple[Difference, ...]
    differing: int


class DecisionLogReader:
    """Reads a decision log; the calls are read as they are needed.

    Args:
        path: of the log.

    Raises:
        BadInput: it cannot be read, or does not begin as a decision log does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        header = next(self._lines(), None)
        if header is None:
            raise BadInput(f"{path}: empty: expected a decision log (mcdnn run --decisions writes one)")
        if header[1].get("log") != FORMAT:
            raise BadInput(f'{path}: line 1: not a decision log: expected {{"log": "{FORMAT}", ...}}')
        try:
            self.policy = str(header[1]["policy"])
            self.problem = problem_from_json(header[1]["problem"], f"{path}: line 1: problem")
        except KeyError as e:
            raise BadInput(f"{path}: line 1: no {e.args[0]}: the log is damaged") from e

    def calls(self) -> Iterator[Call]:
        """Give every call and its answer, from the start.

        Raises:
            BadInput: naming the line that is cut off or wrong.
        """
        reading = _Reading(self.problem)
        lines = self._lines()
        next(lines)
        for number, line in lines:
            try:
                call = reading.call(number, line, f"{self._path}: line {number}")
            except BadInput:
                raise
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as e:
                what = f"no {e.args[0]}" if isinstance(e, KeyError) else str(e)
                raise BadInput(f"{self._path}: line {number}: {what}: the log is damaged") from e
            yield call

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    yield number, self._parse(number, line)
        except OSError as e:
            raise BadInput(f"decision log {self._path}: cannot be read: {e.strerror or e}") from e

    def _parse(self, number: int, line: bytes) -> dict[str, Any]:
        where = f"{self._path}: line {number}"
        if not line.endswith(b"\n"):
            raise BadInput(
                f"{where}: cut off: the run that wrote the log was killed; remove the line to use it"
            )
        try:
            read = orjson.loads(line)
        except orjson.JSONDecodeError as e:
            raise BadInput(f"{where}: not JSON: {e}: the log is damaged") from e
        if not isinstance(read, dict):
            raise BadInput(f"{where}: expected an object: the log is damaged")
        return read


def replay(log: DecisionLogReader, make_policy: Callable[[Problem], Policy], most_kept: int = 10) -> Replay:
    """Make the logged calls to a fresh policy and compare what it answers.

    Args:
        log: of a run.
        make_policy: makes the policy of the log, such as functools.partial(make_policy, log.policy).
        most_kept: how many differences are returned; all are counted.

    Raises:
        BadInput: the log is damaged.
    """
    policy = make_policy(log.problem)
    plans = choices = differing = 0
    kept: list[Difference] = []
    for call in log.calls():
        if isinstance(call, ProblemSet):
            policy.set_problem(call.problem)
            continue
        logged: Plan | Choice
        replayed: Plan | Choice
        if isinstance(call, Planned):
            plans += 1
            logged, replayed = call.plan, policy.plan(call.state, call.now)
        else:
            choices += 1
            logged = call.choice
            replayed = policy.choose(call.input_type, call.due, call.state, call.now)
        if not _is_same(logged, replayed):
            differing += 1
            if len(kept) < most_kept:
                kept.append(Difference(call.line, call.now, logged, replayed))
    return Replay(plans, choices, tuple(kept), differing)


class _Reading:
    """Understands lines one after another: what is not repeated is remembered.

    Args:
        problem: of the header.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._resident: frozenset[str] = frozenset()
        self._loading: frozenset[str] = frozenset()

    def call(self, number: int, line: Mapping[str, Any], where: str) -> Call:
        """Return the call of a line.

        Args:
            number: of the line.
            line: as read from JSON.
            where: for errors.
        """
        verb = line["call"]
        if verb == "set_problem":
            self._problem = problem_from_json(line["problem"], f"{where}: problem")
            return ProblemSet(number, self._problem)
        if verb == "plan":
            return Planned(number, line["now"], self._state(line["state"]), _plan(line["plan"]))
        if verb == "choose":
            due, state = tuple(line["due"]), self._state(line["state"])
            return Chosen(number, line["now"], line["input_type"], due, state, self._choice(line["choice"]))
        raise ValueError(f"call {verb!r}: expected set_problem, plan or choose")

    def _state(self, line: Mapping[str, Any]) -> State:
        if "resident" in line:
            self._resident = frozenset(line["resident"])
        if "loading" in line:
            self._loading = frozenset(line["loading"])
        left_j, left_usd, left_s, mbps = (math.inf if line[k] is None else line[k] for k in _STATE_LIMITS)
        return State(
            left_j,
            left_usd,
            left_s,
            self._resident,
            self._loading,
            line["connected"],
            line["backlog_s"],
            mbps,
            line["context"],
            line.get("missed", 0),
            line.get("carried", math.inf),
            line.get("held_back_j", 0.0),
        )

    def _choice(self, line: Mapping[str, Any]) -> Choice:
        options = {app: self._option(app, chosen) for app, chosen in line["options"].items()}
        return Choice(options, line["unserved"], tuple(line["wanted"]))

    def _option(self, app: str, chosen: Mapping[str, Any]) -> Option:
        options: Sequence[Option] = self._problem.options[app]
        option: Option = options[chosen["number"]]
        if option.variant != chosen["variant"]:
            raise ValueError(f"{app}: option {chosen['number']} is {option.variant}, not {chosen['variant']}")
        return option


def _is_same(logged: Plan | Choice, replayed: Plan | Choice) -> bool:
    """Tell whether two answers are the same; the order of a choice's apps is the order in which they run."""
    if isinstance(logged, Choice) and isinstance(replayed, Choice):
        return logged == replayed and tuple(logged.options) == tuple(replayed.options)
    return logged == replayed


def _plan(line: Mapping[str, Any]) -> Plan:
    prices = None if line["prices"] is None else Prices(**line["prices"])
    return Plan(tuple(line["resident"]), line["rates_hz"], line["note"], prices, line["gap"])
