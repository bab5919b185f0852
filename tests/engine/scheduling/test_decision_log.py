from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.scheduling.decision_log import FORMAT, DecisionLog, StateLines, Unlogged
from engine.scheduling.decision_replay import Chosen, DecisionLogReader, Planned, ProblemSet, replay
from engine.scheduling.policies.original import Original
from engine.scheduling.policies.table import POLICIES, make_policy
from engine.scheduling.policy import Choice, Plan, Policy, Prices, State
from engine.scheduling.problem import Budget, Problem
from tests.scheduling_problems import app, option, shared_trunks

APPS = [app("who"), app("odd", weight=2.0)]
AWKWARD = (0.1 + 0.2, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, math.inf, 0.0)


def problem(energy_j: float = 200.0) -> Problem:
    return shared_trunks(APPS, Budget(energy_j, period_s=60.0, memory_bytes=900.0), load_share=1.0)


def play(policy: Policy, windows: int = 60) -> list[Choice]:
    """A minute that runs out of energy, with a new budget half way."""
    left_j, choices = 200.0, []
    for i in range(windows):
        now = i + 1.0 / 3.0
        state = State(
            left_j, 0.1 * i, 60.0 - now, frozenset(["small", "small.who"][: i % 3]), backlog_s=0.1 * (i % 7)
        )._replace(missed=i % 3, carried=math.inf if i % 4 else 0.1 + 0.2 * i, held_back_j=0.7 * (i % 2))
        if i == windows // 2:
            policy.set_problem(problem(150.0))
        if i % 5 == 0:
            policy.plan(state, now)
        choice = policy.choose("digit", ("who", "odd")[: 1 + i % 2], state, now)
        left_j = max(0.0, left_j - 3.7 * len(choice.options))
        choices.append(choice)
    return choices


def logged(path: Path, policy: Callable[[Problem], Policy], explained: bool = False) -> list[Choice]:
    log = DecisionLog(path, explained)
    choices = play(log.watch(policy(problem()), problem()))
    log.close()
    return choices


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_replayed_log_gives_identical_answers(name: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.jsonl"
    choices = logged(path, partial(make_policy, name))
    log = DecisionLogReader(path)
    assert log.policy == name
    assert [c.choice for c in log.calls() if isinstance(c, Chosen)] == choices
    found = replay(log, partial(make_policy, log.policy))
    assert (found.plans, found.choices, found.differing, found.differences) == (12, 60, 0, ())


def test_logging_changes_no_answer(tmp_path: Path) -> None:
    assert logged(tmp_path / "log.jsonl", partial(make_policy, "paced")) == play(
        make_policy("paced", problem())
    )


def test_another_policy_differs_and_the_line_is_named(tmp_path: Path) -> None:
    logged(tmp_path / "log.jsonl", partial(make_policy, "client-only"))
    found = replay(DecisionLogReader(tmp_path / "log.jsonl"), Original, most_kept=2)
    assert found.differing > len(found.differences) == 2
    first = found.differences[0]
    assert lines_of(tmp_path / "log.jsonl")[first.line - 1]["now"] == first.now
    assert first.logged != first.replayed


def test_the_order_in_which_apps_run_belongs_to_the_answer(tmp_path: Path) -> None:
    small = {name: option(name, "small", 0.6) for name in ("who", "odd")}

    class Ordered(Original):
        def __init__(self, order: tuple[str, ...]) -> None:
            super().__init__(problem())
            self._order = order

        def choose(self, *_: object) -> Choice:
            return Choice({name: small[name] for name in self._order})

    log = DecisionLog(tmp_path / "log.jsonl")
    policy = log.watch(Ordered(("who", "odd")), problem())
    policy.choose("digit", ("who", "odd"), State(), 0.0)
    log.close()
    reader = DecisionLogReader(tmp_path / "log.jsonl")
    assert replay(reader, lambda _: Ordered(("who", "odd"))).differing == 0
    assert replay(reader, lambda _: Ordered(("odd", "who"))).differing == 1


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(
        st.one_of(st.sampled_from(AWKWARD), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=7,
        max_size=7,
    ),
    resident=st.lists(st.frozensets(st.sampled_from(["large", "middle", "small"])), min_size=2, max_size=4),
)
def test_states_and_plans_read_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], resident: list[frozenset[str]]
) -> None:
    left_j, left_usd, left_s, mbps, carried, price, now = numbers
    now, price = (0.5 if math.isinf(x) else x for x in (now, price))
    plan = Plan(("small", "large"), {"who": 0.1}, "why", Prices(price, 1.0 / 3.0, 0.0), 0.1 + 0.2)
    states = [
        State(
            left_j, left_usd, left_s, kept, frozenset({"large"}) - kept, True, 0.1, mbps, "home", 3, carried
        )
        for kept in resident
    ]

    class Planning(Original):
        def plan(self, state: State, now: float) -> Plan:
            return plan

    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log = DecisionLog(path)
    policy = log.watch(Planning(problem()), problem())
    for state in states:
        policy.plan(state, now)
    log.close()
    calls = [c for c in DecisionLogReader(path).calls() if isinstance(c, Planned)]
    assert [(c.now, c.state, c.plan) for c in calls] == [(now, state, plan) for state in states]


def test_a_problem_with_and_without_limits_reads_back_the_same(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log.jsonl")
    first, second = problem(1.0 / 3.0), replace(problem(), budget=Budget())
    log.watch(Original(first), first).set_problem(second)
    log.close()
    reader = DecisionLogReader(tmp_path / "log.jsonl")
    assert reader.problem == first
    assert [c.problem for c in reader.calls() if isinstance(c, ProblemSet)] == [second]


def test_what_is_in_memory_is_written_only_where_it_changed() -> None:
    lines = StateLines()
    first, same = State(resident=frozenset({"b", "a"})), State(resident=frozenset({"a", "b"}))
    assert lines.line(first)["resident"] == ["a", "b"]
    assert "resident" not in lines.line(same)
    assert lines.line(State())["resident"] == []


def test_on_request_every_choice_is_explained(tmp_path: Path) -> None:
    logged(tmp_path / "log.jsonl", partial(make_policy, "paced"), explained=True)
    header, *lines = lines_of(tmp_path / "log.jsonl")
    assert header["log"] == FORMAT and header["explained"]
    choices = [line for line in lines if line["call"] == "choose"]
    assert all({a["app"] for a in c["explanation"]["apps"]} == {*c["due"]} for c in choices)
    found = replay(DecisionLogReader(tmp_path / "log.jsonl"), partial(make_policy, "paced"))
    assert (found.choices, found.differing) == (60, 0)


def test_a_plan_brings_the_file_up_to_date(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "log.jsonl")
    policy = log.watch(Original(problem()), problem())
    policy.choose("digit", ("who",), State(), 0.0)
    policy.plan(State(), 1.0)
    assert [line.get("call") for line in lines_of(tmp_path / "log.jsonl")] == [None, "choose", "plan"]
    log.close()


DAMAGE: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("empty", lambda data: b"", "empty: expected a decision log"),
    ("cut off", lambda data: data[:-20], "line 74: cut off: the run that wrote the log was killed"),
    ("no json", lambda data: data.replace(b'"call"', b"'call'", 1), "line 2: not JSON"),
    ("no object", lambda data: data.replace(b"\n", b"\n[]\n", 1), "line 2: expected an object"),
    ("other file", lambda data: b'{"a": 1}\n' + data, "line 1: not a decision log"),
    ("no problem", lambda data: data.replace(b'"problem"', b'"p"', 1), "line 1: no problem"),
    ("no state", lambda data: data.replace(b'"state"', b'"s"', 1), "line 2: no state"),
    ("unknown verb", lambda data: data.replace(b'"choose"', b'"muse"', 1), "line 3: call 'muse': expected"),
    (
        "no such option",
        lambda data: data.replace(b'"number":0', b'"number":9', 1),
        ": tuple index out of range",
    ),
    (
        "another option",
        lambda data: data.replace(b'"number":0', b'"number":1', 1),
        ": who: option 1 is middle/who",
    ),
    ("no such app", lambda data: data.replace(b'"who":{"number"', b'"x":{"number"', 1), ": no x: the log"),
]


@pytest.mark.parametrize(("damage", "expected"), [d[1:] for d in DAMAGE], ids=[d[0] for d in DAMAGE])
def test_a_damaged_log_is_one_clear_error(
    damage: Callable[[bytes], bytes], expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, Original)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput) as e:
        replay(DecisionLogReader(path), Original)
    assert expected in str(e.value)
    assert str(path) in str(e.value) and "\n" not in str(e.value)


def test_a_log_that_is_not_there_or_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        DecisionLogReader(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="cannot be created: Is a directory"):
        DecisionLog(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_with_the_name_of_the_file() -> None:
    log = DecisionLog(Path("/dev/full"))
    policy = log.watch(Original(problem()), problem())
    with pytest.raises(SinkError, match="decision log /dev/full: cannot be written: No space left"):
        policy.plan(State(), 0.0)
    with pytest.raises(SinkError):
        log.close()


def test_without_a_log_the_policy_is_itself() -> None:
    policy = Original(problem())
    assert Unlogged().watch(policy, problem()) is policy
    Unlogged().close()
