"""The planner against every configuration there is, put into one program and solved by HiGHS."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from engine.scheduling.fluid_program import FluidPlan, FluidProgram, Future, Outlook
from engine.scheduling.kinds import Kind
from engine.scheduling.planner import Planner
from engine.scheduling.problem import Budget, Problem, memory_bytes
from tests.engine.scheduling.test_configuration_space import every_configuration
from tests.planning_problems import kinds_of, random_problem
from tests.scheduling_problems import app, shared_trunks


def oracle(
    problem: Problem, windows: Mapping[Kind, float], limits: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    """Return the best value there is: shares of all configurations, binary pieces, loads paid."""
    columns = [(k, c) for k in windows for c in every_configuration(problem, k)]
    pieces = sorted({p for _, c in columns for p in c.pieces})
    z = {p: len(columns) + i for i, p in enumerate(pieces)}
    width = len(columns) + len(pieces)
    rows, upper = [], []
    for kind in windows:
        row = np.zeros(width)
        row[[i for i, (k, _) in enumerate(columns) if k == kind]] = 1.0
        rows.append(row)
        upper.append(1.0)
    for i, (_, c) in enumerate(columns):
        for piece in c.pieces:
            row = np.zeros(width)
            row[i], row[z[piece]] = 1.0, -1.0
            rows.append(row)
            upper.append(0.0)
    for r in range(3):
        if np.isfinite(limits[r]):
            row = np.zeros(width)
            row[: len(columns)] = [windows[k] * c.resources[r] for k, c in columns]
            if r == 0:
                row[len(columns) :] = [problem.pieces[p].load_energy_j for p in pieces]
            rows.append(row)
            upper.append(float(limits[r]))
    if np.isfinite(problem.budget.memory_bytes):
        row = np.zeros(width)
        row[len(columns) :] = [problem.pieces[p].memory_bytes for p in pieces]
        rows.append(row)
        upper.append(problem.budget.memory_bytes)
    gains = np.zeros(width)
    gains[: len(columns)] = [windows[k] * c.value for k, c in columns]
    integrality = np.zeros(width, np.int64)
    integrality[len(columns) :] = 1
    solved = milp(
        -gains,
        constraints=[LinearConstraint(np.array(rows), -np.inf, np.array(upper))],
        integrality=integrality,
        bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": 1e-9},
    )
    assert solved.fun is not None
    return -float(solved.fun)


def spent(plan: FluidPlan, windows: Mapping[Kind, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    total = np.zeros(3)
    for kind, mix in plan.mixes.items():
        for found, share in mix:
            total += windows[kind] * share * found.resources
    return total


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    trunks=st.integers(1, 4),
    input_types=st.integers(1, 2),
    memory_share=st.sampled_from([0.2, 0.5, 0.8, 2.0]),
    energy_share=st.sampled_from([0.05, 0.3, 0.8]),
    cloud=st.booleans(),
)
def test_a_small_plan_is_feasible_and_the_best_there_is(
    seed: int, trunks: int, input_types: int, memory_share: float, energy_share: float, cloud: bool
) -> None:
    problem = random_problem(seed, input_types, 2, trunks, cloud)
    total = memory_bytes(problem.pieces, problem.pieces)
    problem = replace(problem, budget=Budget(memory_bytes=memory_share * total))
    rng = np.random.default_rng(seed)
    kinds = kinds_of(problem, (False, True) if cloud else (False,))
    windows = {k: float(rng.uniform(10.0, 1000.0)) for k in kinds}
    most_j = sum(n * 3.0 for n in windows.values())
    limits = np.array([energy_share * most_j, 1e-3 if cloud else np.inf, np.inf])
    planned = Planner(problem).plan(Outlook(windows), limits)
    best = oracle(problem, windows, limits)
    used = spent(planned.fluid, windows)
    assert used[0] <= limits[0] * (1.0 + 1e-9)
    assert used[1] <= limits[1] * (1.0 + 1e-9) + 1e-12
    needed = {p for mix in planned.fluid.mixes.values() for c, _ in mix for p in c.pieces}
    assert memory_bytes(problem.pieces, needed) <= problem.budget.memory_bytes
    free_loads = 1e-3 * limits[0] * planned.fluid.prices[0] if planned.kept is None else 0.0
    assert planned.fluid.value <= best * (1.0 + 1e-6) + free_loads + 1e-6
    assert planned.fluid.value >= best * (1.0 - 2e-3)
    assert planned.fluid.value >= best * (1.0 - planned.gap - 1e-6) - 1e-9


def test_large_plans_come_with_a_proven_gap_that_is_small() -> None:
    gaps = []
    for seed in range(7):
        problem = random_problem(seed, input_types=3, apps=5, trunks=20, cloud=True)
        total = memory_bytes(problem.pieces, problem.pieces)
        problem = replace(problem, budget=Budget(memory_bytes=0.1 * total))
        rng = np.random.default_rng(seed)
        windows = {k: float(rng.uniform(500.0, 20_000.0)) for k in kinds_of(problem, (False, True))}
        limits = np.array([0.1 * sum(windows.values()), 0.0667, np.inf])
        planned = Planner(problem).plan(Outlook(windows), limits)
        assert planned.kept is not None
        assert memory_bytes(problem.pieces, planned.kept) <= problem.budget.memory_bytes
        gaps.append(planned.gap)
    assert statistics.median(gaps) <= 0.01


def test_what_is_kept_stays_unless_something_else_is_clearly_better() -> None:
    problem = random_problem(3, apps=2, trunks=4)
    total = memory_bytes(problem.pieces, problem.pieces)
    problem = replace(problem, budget=Budget(memory_bytes=0.35 * total))
    windows = dict.fromkeys(kinds_of(problem), 1000.0)
    limits = np.array([800.0, np.inf, np.inf])
    planner = Planner(problem)
    first = planner.plan(Outlook(windows), limits)
    assert first.kept is not None
    nearly = Outlook({k: 1.02 * n for k, n in windows.items()})
    assert planner.plan(nearly, limits, resident=first.kept, kept=first.kept).kept == first.kept


def test_where_windows_rush_in_something_fast_is_kept_too() -> None:
    problem = shared_trunks([app("who", latency_limit_s=2.0)], Budget(memory_bytes=800))
    windows = Outlook({Kind("digit", ("who",), "", False): 100.0})
    limits = np.array([1e6, np.inf, np.inf])
    calm, rushed = (Planner(problem).plan(windows, limits, rushed=r).kept for r in ((), ("digit",)))
    assert calm is not None and {"large", "small"} & calm == {"large"}
    assert rushed is not None and {"large", "small"} & rushed == {"small"}
    narrow = replace(problem, budget=Budget(memory_bytes=150))  # nothing but what is fast fits
    assert Planner(narrow).plan(windows, limits, rushed=("digit",)).kept is None


@pytest.mark.parametrize(("energy_j", "kept"), [(0.0, frozenset()), (2.9, frozenset()), (3.0, {"small"})])
def test_what_is_fast_is_not_held_without_the_energy_to_load_it(
    energy_j: float, kept: frozenset[str]
) -> None:
    apps = [app("who", latency_limit_s=2.0)]
    problem = shared_trunks(apps, Budget(memory_bytes=800.0), load_share=3.0)  # loading takes 24, 12 and 3 J
    windows = Outlook(dict.fromkeys(kinds_of(problem), 10.0))
    limits = np.array([energy_j, np.inf, np.inf])
    planned = Planner(problem).plan(windows, limits, rushed=("digit",))
    assert planned.kept is not None
    assert {"large", "middle", "small"} & planned.kept == kept


def test_other_windows_or_budgets_are_a_reason_to_think_over_what_is_kept() -> None:
    problem = random_problem(3, apps=2, trunks=4)
    (usual,) = kinds_of(problem)
    seldom = usual._replace(context="street")
    limits = np.array([800.0, np.inf, np.inf])
    planner = Planner(problem)
    before = Outlook({usual: 1000.0})
    assert planner.is_other(before, limits)
    planner.plan(before, limits)
    assert not planner.is_other(Outlook({usual: 900.0}), 0.9 * limits)
    assert not planner.is_other(Outlook({usual: 1000.0, seldom: 100.0}), limits)
    assert planner.is_other(Outlook({usual: 600.0, seldom: 400.0}), limits)
    assert planner.is_other(before, 0.5 * limits)


def test_what_loads_for_nothing_need_not_be_kept_to_be_used() -> None:
    problem = shared_trunks([app("who"), app("odd")], Budget(memory_bytes=1000), load_share=2.0)
    kind = Kind("digit", ("who", "odd"), "", False)
    limits = np.array([1000.0, np.inf, np.inf])
    with_heads = Planner(problem).mix(
        Outlook({kind: 100.0}), limits, frozenset({"large", "large.who", "large.odd"})
    )
    without = Planner(problem).mix(Outlook({kind: 100.0}), limits, frozenset({"large"}))
    assert with_heads.value == pytest.approx(180.0)
    assert without.value == pytest.approx(180.0)


def test_a_budget_of_zero_leaves_everything_unserved() -> None:
    problem = random_problem(0)
    windows = dict.fromkeys(kinds_of(problem), 100.0)
    plan = Planner(problem).plan(Outlook(windows), np.array([0.0, 0.0, np.inf])).fluid
    assert (plan.value, plan.mixes) == (0.0, dict.fromkeys(windows, ()))


def test_nothing_expected_gives_an_empty_plan() -> None:
    plan = Planner(random_problem(0)).plan(Outlook({}), np.array([1.0, 1.0, np.inf])).fluid
    assert (plan.value, plan.mixes) == (0.0, {})


def test_an_uncertain_future_is_worth_between_its_good_and_its_bad_case() -> None:
    problem = random_problem(1, apps=1, trunks=4)
    (kind,) = kinds_of(problem)
    program = Planner(problem)
    limits = np.array([300.0, np.inf, np.inf])

    def price(*futures: float) -> float:
        later = tuple(Future(1.0 / len(futures), {kind: n}) for n in futures)
        return float(program.mix(Outlook({kind: 10.0}, later), limits).prices[0])

    easy, hard = price(100.0), price(3000.0)
    assert easy < price(100.0, 3000.0) < hard


def test_energy_that_may_go_elsewhere_later_makes_it_dearer_now() -> None:
    problem = random_problem(1, apps=1, trunks=4)
    (kind,) = kinds_of(problem)
    program = Planner(problem)
    limits = np.array([300.0, np.inf, np.inf])

    def price(*beside_j: float) -> float:
        later = tuple(Future(1.0 / len(beside_j), {kind: 700.0}, j) for j in beside_j)
        return float(program.mix(Outlook({kind: 10.0}, later, soon_share=0.1), limits).prices[0])

    assert price(-150.0) < price(-150.0, 150.0) < price(150.0)


def test_what_comes_soon_is_answered_though_all_may_go_elsewhere_later() -> None:
    problem = random_problem(1, apps=1, trunks=4)
    (kind,) = kinds_of(problem)
    likely, unlikely = Future(0.96, {kind: 90.0}), Future(0.04, {kind: 90.0}, beside_j=1e6)
    outlook = Outlook({kind: 10.0}, (likely, unlikely), soon_share=0.1)
    plan = Planner(problem).mix(outlook, np.array([300.0, np.inf, np.inf]))
    assert sum(share for c, share in plan.mixes[kind] if c.options) == pytest.approx(1.0)


def test_solving_again_keeps_few_columns() -> None:
    problem = random_problem(2, apps=3, trunks=10, cloud=True)
    planner = Planner(problem)
    windows = dict.fromkeys(kinds_of(problem, (False, True)), 1000.0)
    for energy_j in np.geomspace(1.0, 5000.0, 60):
        planner.mix(Outlook(windows), np.array([energy_j, 0.01, np.inf]))
    program: FluidProgram = planner._program
    assert all(len(c.known) <= 60 for c in program._columns.values())
