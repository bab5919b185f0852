from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scheduling.problem import (
    App,
    Budget,
    Option,
    PieceCost,
    Place,
    Problem,
    Stage,
    distinct_pieces,
    memory_bytes,
)
from engine.scheduling.static_program import Demand, best_configuration


@st.composite
def problems(draw: st.DrawFn) -> tuple[Problem, Demand]:
    """Up to three apps on two input types and up to three trunks, under limits that may bind."""
    figure = st.floats(0.01, 1.0)
    trunks = [f"t{i}" for i in range(draw(st.integers(1, 3)))]
    apps = [
        App(f"a{i}", f"task{i}", draw(st.sampled_from(["face", "digit"])), latency_limit_s=draw(figure) * 2)
        for i in range(draw(st.integers(1, 3)))
    ]
    options = {
        a.name: tuple(
            Option(a.name, f"{t}/{a.name}", draw(figure), (Stage(Place.DEVICE, (f"{t}.{a.input_type}",)),))
            for t in trunks
        )
        for a in apps
    }
    pieces = {}
    for name in distinct_pieces(o for chosen in options.values() for o in chosen):
        run_s, energy_j, load_j = draw(figure), draw(figure), draw(figure)
        pieces[name] = PieceCost(run_s / 5, run_s, energy_j, energy_j, 0.0, load_j, draw(st.integers(1, 100)))
    budget = Budget(memory_bytes=draw(st.sampled_from([math.inf, 60, 120])))
    rates_hz = {a.name: draw(st.sampled_from([0.5, 1.0, 2.0])) for a in apps}
    demand = Demand(rates_hz, draw(st.sampled_from([math.inf, 5.0, 10.0])), math.inf, 5.0)
    return Problem({a.name: a for a in apps}, options, pieces, budget), demand


def feasible(problem: Problem, demand: Demand, chosen: tuple[Option, ...], slack: float = 0.0) -> bool:
    """Check a configuration against the limits as the module states them."""
    room = 1.0 + slack
    cost = problem.pieces
    used = distinct_pieces(chosen)
    runs_hz = {p: max(demand.requests_hz[o.app] for o in chosen if p in o.device_pieces) for p in used}
    energy_j = sum(
        cost[p].load_energy_j + demand.period_s * hz * cost[p].run_energy_j for p, hz in runs_hz.items()
    )
    in_time = all(
        sum(cost[p].run_worst_s for p in used if p.endswith(problem.apps[o.app].input_type))
        <= problem.apps[o.app].latency_limit_s * room
        for o in chosen
    )
    return (
        in_time
        and memory_bytes(cost, used) <= problem.budget.memory_bytes * room
        and energy_j <= demand.energy_j * room
        and sum(hz * cost[p].run_s for p, hz in runs_hz.items()) <= room
    )


def best_by_enumeration(problem: Problem, demand: Demand) -> float:
    every = itertools.product(*((None, *problem.options[a]) for a in problem.apps))
    configurations = (tuple(o for o in c if o is not None) for c in every)
    return max(sum(o.accuracy for o in c) for c in configurations if feasible(problem, demand, c))


@settings(max_examples=60, deadline=None)
@given(instance=problems())
def test_the_configuration_is_as_good_as_the_best_found_by_enumeration(
    instance: tuple[Problem, Demand],
) -> None:
    problem, demand = instance
    chosen = best_configuration(problem, demand, lambda o: o.accuracy)
    assert all(o.app == app for app, o in chosen.items())
    assert feasible(problem, demand, tuple(chosen.values()), slack=1e-6)
    worth = sum(o.accuracy for o in chosen.values())
    assert worth >= best_by_enumeration(problem, demand) - 1e-6


def test_without_options_nothing_is_chosen() -> None:
    problem = Problem({"who": App("who", "task", "digit")}, {"who": ()}, {})
    assert best_configuration(problem, Demand({"who": 1.0}), lambda o: o.accuracy) == {}
