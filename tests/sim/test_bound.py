"""The clairvoyant bound against all schedules there are, and against every policy."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from catalog.devices import RadioProfile
from catalog.errors import BadInput
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.policy import Choice, Plan, State
from engine.scheduling.problem import (
    App,
    Budget,
    InContext,
    Link,
    Option,
    PieceCost,
    Place,
    Problem,
    Stage,
)
from sim.bound import clairvoyant_bound
from sim.network import Network, Steps
from sim.scenario import DeviceDay
from sim.traces import Arrival
from tests.planning_problems import random_problem
from tests.scheduling_problems import app, option, own_trunks, shared_trunks
from tests.sim.days import CONNECTED, arrivals, device, live
from tests.sim.exhaustive import best_schedule


def small_day(seed: int) -> DeviceDay:
    """A few windows, two apps of one input type or of two, and limits that bind."""
    rng = np.random.default_rng(seed)
    shared, types = bool(rng.integers(2)), int(rng.integers(1, 3))
    trunks = [[f"t{i}.{v}" for v in range(2)] for i in range(2)]
    pieces = {
        name: PieceCost(0.1, 0.1, j, j, 0.0, float(rng.uniform(0.0, 3.0)) * j, int(100 * j))
        for names in trunks
        for name, j in zip(names, rng.uniform(0.5, 2.0, 2).tolist(), strict=True)
    }
    apps = {f"a{i}": App(f"a{i}", "", f"i{i % types}", weight=float(rng.uniform(0.5, 2.0))) for i in range(2)}
    options = {
        name: tuple(_small_options(name, trunks[0 if shared else i], rng)) for i, name in enumerate(apps)
    }
    total = sum(c.memory_bytes for c in pieces.values())
    budget = Budget(
        float(rng.choice([2.0, 6.0, math.inf])) if rng.random() < 0.8 else 10.0,
        float(rng.choice([0.0, 2.0, math.inf])),
        float(rng.choice([4.0, math.inf])),
        float(rng.choice([0.4, 0.7, 2.0])) * total,
    )
    problem = Problem(apps, options, pieces, budget, link=Link(exchange_j=float(rng.uniform(0.1, 1.0))))
    steps = {float(t): float(rng.integers(2)) for t in range(3)}
    asked = [_small_arrival(t, types, rng) for t in range(int(rng.integers(3, 7)))]
    return device(problem, asked, Network(Steps(steps, 0.0)))


def _small_options(name: str, trunks: list[str], rng: np.random.Generator) -> list[Option]:
    own = []
    for trunk in trunks:
        right = float(rng.uniform(0.4, 0.9))
        told = (InContext("rare", float(rng.uniform(0.4, 0.9)), (1.0,)),)
        own.append(Option(name, trunk, right, (Stage(Place.DEVICE, (trunk,)),), told))
    away = Stage(Place.CLOUD, ("large",), up_bytes=1000, cost_usd=1.0)
    if rng.random() < 0.5:
        own.append(Option(name, "away", 0.95, (away,)))
    return own


def _small_arrival(t: int, types: int, rng: np.random.Generator) -> Arrival:
    number = int(rng.integers(2))
    due = ("a0", "a1") if types == 1 and rng.random() < 0.5 else (f"a{number}",)
    input_type = f"i{number % types}"
    return Arrival(float(t), "", str(t), input_type, due, str(rng.choice(["", "rare"])))


def test_no_schedule_beats_the_bound_and_the_best_is_close_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    reached = []
    for seed in range(200):
        day = small_day(seed)
        bound, best = clairvoyant_bound(day), best_schedule(day)
        assert best <= bound.value * (1.0 + 1e-9) + 1e-9, seed
        reached.append(best / bound.value if bound.value > 1e-9 else 1.0)
    figures = f"\nbest schedule over bound: mean {statistics.mean(reached):.3f}, least {min(reached):.3f}\n"
    with capsys.disabled():
        sys.stdout.write(figures)
    assert statistics.mean(reached) >= 0.8  # one window more or less is much on such a day


class Erratic:
    """A policy that chooses at random, and sometimes nothing."""

    name = "erratic"

    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._rng = np.random.default_rng(seed)
        self._serves = float(self._rng.choice([0.3, 0.7, 1.0]))
        self._favourites = {
            a: self._rng.dirichlet(np.full(len(o), 0.3)) for a, o in problem.options.items() if o
        }

    def set_problem(self, problem: Problem) -> None:
        """Do nothing."""

    def plan(self, state: State, now: float) -> Plan:
        """Keep some pieces at random."""
        pieces = sorted(self._problem.pieces)
        return Plan(tuple(p for p in pieces if self._rng.random() < 0.2))

    def choose(self, input_type: str, due: Sequence[str], state: State, now: float) -> Choice:
        """Choose at random, whatever the state of the link is."""
        chosen = {
            a: self._problem.options[a][int(self._rng.choice(len(f), p=f))]
            for a in due
            if (f := self._favourites.get(a)) is not None and self._rng.random() < self._serves
        }
        return Choice(chosen, {a: "not chosen" for a in due if a not in chosen})


def busy_day(seed: int) -> DeviceDay:
    """Some minutes with bursts, contexts, cascades into the cloud, a slow link that breaks, and tails."""
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, int(rng.integers(1, 3)), int(rng.integers(1, 4)), 3, cloud=True)
    limit_s = float(rng.choice([0.3, 1.0, 50.0, math.inf]))
    apps = {n: replace(a, latency_limit_s=limit_s) for n, a in problem.apps.items()}
    load_s = float(rng.choice([0.0, 0.2, 2.0]))
    pieces = {p: replace(c, load_s=load_s if c.memory_bytes else 0.0) for p, c in problem.pieces.items()}
    options = {n: (*own, *_cascades(own, rng)) for n, own in problem.options.items()}
    count = int(rng.integers(50, 200))
    gaps_s = rng.exponential(float(rng.choice([0.1, 0.3, 2.0])), count) * (rng.random(count) < 0.8)
    times_s = np.cumsum(gaps_s)
    total = sum(c.memory_bytes for c in pieces.values())
    budget = Budget(
        float(rng.choice([0.1, 0.5, 2.0])) * count,
        float(rng.choice([1e-4, math.inf])),
        float(rng.choice([max(1.0, times_s[-1] / 2), math.inf])),
        float(rng.choice([0.4, 0.7, 2.0])) * total,
    )
    radio = RadioProfile(2e-6, 2e-6, 1.0, 0.3, float(rng.choice([0.5, 2.0, 5.0])))
    problem = Problem(
        apps, options, pieces, budget, link=Link(0.05, 2e-6, 2e-6, float(rng.choice([0.5, 50.0])), 0.05)
    )
    asked = [_busy_arrival(float(t), i, problem, rng) for i, t in enumerate(times_s)]
    moments = np.sort(rng.uniform(0.0, times_s[-1] + 1.0, 6))
    connected = Steps({float(t): float(i % 3 != 0) for i, t in enumerate(moments)}, 1.0)
    speed = Steps({float(t): float(rng.choice([0.2, 2.0, 20.0])) for t in moments}, 5.0)
    network = Network(connected, speed if rng.random() < 0.5 else None)
    return device(problem, asked, network, radio if rng.random() < 0.6 else None)


def _cascades(own: Sequence[Option], rng: np.random.Generator) -> list[Option]:
    """The smallest at the device, and when unsure, in one context hardly ever, the largest in the cloud."""
    here = min((o for o in own if not o.needs_cloud), key=lambda o: o.accuracy)
    there = max((o for o in own if o.needs_cloud), key=lambda o: o.accuracy)
    unsure = float(rng.uniform(0.1, 0.6))
    stages = (*here.stages, replace(there.stages[0], probability=unsure))
    known = (InContext("known", 0.97, (1.0, 0.05)),)
    return [Option(here.app, "cascade", 0.5 * (here.accuracy + there.accuracy), stages, known)]


def _busy_arrival(t_s: float, number: int, problem: Problem, rng: np.random.Generator) -> Arrival:
    input_type = str(rng.choice(sorted({a.input_type for a in problem.apps.values()})))
    apps = [a.name for a in problem.apps.values() if a.input_type == input_type]
    due = tuple(a for a in apps if rng.random() < 0.8) or (apps[0],)
    return Arrival(t_s, "", str(number), input_type, due, "known" if number % 50 < 20 else "")


@pytest.mark.parametrize("seed", range(12))
def test_no_policy_beats_the_bound_in_the_simulator(seed: int) -> None:
    day = busy_day(seed)
    bound = clairvoyant_bound(day)
    for loads_take_time in (False, True):
        for make in [*POLICIES.values(), lambda p: Erratic(p, seed)]:
            result, _ = live(day, make, loads_take_time=loads_take_time)
            assert result.accuracy <= bound.accuracy + 1e-9, result.policy


def test_the_bound_is_exact_where_a_mix_uses_the_whole_budget() -> None:
    # 10 windows and 24 J: 4 J of middle for four of them, 1 J of small for six, and nothing is left
    problem = shared_trunks([app("who")], Budget(energy_j=22.0, period_s=100.0))
    problem = replace(problem, options={"who": (option("who", "middle", 0.8), option("who", "small", 0.6))})
    day = device(problem, arrivals(*range(10)))
    bound = clairvoyant_bound(day)
    assert bound.value == pytest.approx(4 * 0.8 + 6 * 0.6)
    assert bound.accuracy == pytest.approx(bound.value / 10)
    assert bound.prices.per_j == pytest.approx(0.2 / 3)
    assert best_schedule(device(problem, arrivals(*range(5)))) <= bound.value


def test_apps_that_share_a_trunk_pay_it_once() -> None:
    problem = shared_trunks([app("who"), app("odd", weight=2.0)], Budget(energy_j=16.0, period_s=100.0))
    bound = clairvoyant_bound(device(problem, arrivals(0.0, 1.0, due=("who", "odd"))))
    assert bound.value == pytest.approx(2 * (0.9 + 2 * 0.9))
    assert bound.accuracy == pytest.approx(0.9)
    own = own_trunks([app("who"), app("odd", weight=2.0)], Budget(energy_j=16.0, period_s=100.0))
    assert clairvoyant_bound(device(own, arrivals(0.0, 1.0, due=("who", "odd")))).value < bound.value


def test_models_that_cannot_be_side_by_side_are_loaded_again_at_every_turn() -> None:
    apps = [App("who", "", "face"), App("where", "", "scene")]
    options = {a.name: (option(a.name, f"large of {a.name}", 0.9),) for a in apps}
    made = own_trunks([app("who"), app("where")], Budget(100.0, period_s=100.0, memory_bytes=1000), 1.0)
    problem = replace(made, apps={a.name: a for a in apps}, options=options)
    turns = [
        Arrival(float(t), "", str(t), ("face", "scene")[t % 2], (("who", "where")[t % 2],)) for t in range(10)
    ]
    bound = clairvoyant_bound(device(problem, turns))  # 8 J to load, 8 J to run: 16 J each time
    assert bound.value == pytest.approx(best_schedule(device(problem, turns)), rel=0.15)
    assert bound.prices.per_byte == 0.0  # a little more does not help
    roomy = replace(problem, budget=replace(problem.budget, memory_bytes=2000))
    assert clairvoyant_bound(device(roomy, turns)).value == pytest.approx(0.9 * 10.0)


def test_a_slow_processor_answers_no_more_than_it_can() -> None:
    problem = shared_trunks([app("who", latency_limit_s=1.0)])
    problem = replace(problem, options={"who": (option("who", "large", 0.9),)})  # 0.8 s to run
    bound = clairvoyant_bound(device(problem, arrivals(*(0.1 * i for i in range(1000)))))
    assert bound.value == pytest.approx(0.9 * (99.9 + 1.0) / 0.8)
    assert bound.prices.per_processor_s == pytest.approx(0.9 / 0.8)


def test_the_tail_of_the_radio_makes_lone_exchanges_dear() -> None:
    apps = {"who": App("who", "", "digit", latency_limit_s=1.0)}
    away = Stage(Place.CLOUD, ("large",), up_bytes=1000, run_s=0.1)
    problem = Problem(apps, {"who": (Option("who", "away", 0.9, (away,)),)}, {}, Budget(12.0, period_s=1e4))
    radio = RadioProfile(1e-3, 0.0, 8.0, tail_w=1.0, tail_s=5.0)
    lone = clairvoyant_bound(device(problem, arrivals(*range(0, 1000, 100)), CONNECTED, radio))
    assert lone.value == pytest.approx(0.9 * 12.0 / (1.0 + 4.0))  # an answer may be 1 s late
    close = clairvoyant_bound(device(problem, arrivals(*range(10)), CONNECTED, radio))
    assert close.value > 2.0 * lone.value


def test_an_option_that_is_late_even_alone_does_not_count() -> None:
    problem = shared_trunks([app("who", latency_limit_s=0.5)])  # large takes 0.8 s
    assert clairvoyant_bound(device(problem, arrivals(0.0))).accuracy == pytest.approx(0.8)


def test_without_a_link_the_cloud_does_not_count() -> None:
    away = Option("who", "away", 0.95, (Stage(Place.CLOUD, ("large",), up_bytes=10),))
    problem = replace(shared_trunks([app("who")]), options={"who": (away,)})
    asked = arrivals(0.0, 10.0)
    half = Network(Steps({0.0: 1.0, 5.0: 0.0}, 0.0))
    assert clairvoyant_bound(device(problem, asked)).value == 0.0
    assert clairvoyant_bound(device(problem, asked, half)).value == pytest.approx(0.95)


def test_extraction_is_paid_before_anything_is_answered() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=20.0, period_s=100.0))
    busy = replace(problem, frames_hz=2.0, frame_energy_j=0.06)
    assert clairvoyant_bound(device(busy, arrivals(0.0))).value == pytest.approx(0.9)
    all_of_it = replace(problem, frames_hz=2.0, frame_energy_j=0.1)
    assert clairvoyant_bound(device(all_of_it, arrivals(0.0))).value == 0.0


def test_every_period_has_a_budget_of_its_own() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=8.0, period_s=10.0))
    assert clairvoyant_bound(device(problem, arrivals(0.0, 15.0))).value == pytest.approx(1.8)
    assert clairvoyant_bound(device(problem, arrivals(0.0, 5.0))).value < 1.8


def test_a_day_without_energy_or_without_windows_is_worth_nothing() -> None:
    problem = shared_trunks([app("who")], Budget(energy_j=0.0, period_s=10.0))
    for asked in (arrivals(0.0, 1.0), []):
        bound = clairvoyant_bound(device(problem, asked))
        assert (bound.value, bound.accuracy) == (0.0, 0.0)
        assert all(math.isfinite(p) for p in (bound.prices.per_j, bound.prices.per_usd, bound.solve_s))


def test_it_says_what_it_relaxes_and_how_large_it_was() -> None:
    readings = iter([1.0, 3.5])
    day = device(own_trunks([app("who")], Budget(9.0, memory_bytes=900.0), 1.0), arrivals(0.0, 1.0))
    bound = clairvoyant_bound(day, lambda: next(readings))
    assert bound.solve_s == 2.5
    assert bound.columns > 0 < bound.rows
    assert any("memory in part" in sentence for sentence in bound.relaxed)
    roomy = clairvoyant_bound(device(own_trunks([app("who")], Budget(9.0), 1.0), arrivals(0.0)))
    assert not any("memory in part" in sentence for sentence in roomy.relaxed)


def test_a_wrong_trace_is_named() -> None:
    def wrong() -> Iterator[Arrival]:
        raise BadInput("requests.csv, line 2: t_s = 'x'")
        yield

    with pytest.raises(BadInput, match="line 2"):
        clairvoyant_bound(DeviceDay("day", shared_trunks([app("who")]), wrong))
