"""Figures 10, 11 and 12 of MCDNN (MobiSys 2016) in kind: sharing, little memory, specialisation.

Figure 11 spreads one request a second over more and more models, so that ever more of them have to
be loaded. The authors' mix of models was not published: the four published catalogs take turns here,
each further turn being models of their own. Figure 12 makes sending dearer while for a share of the
time seven classes make up 90 % of what is seen, for which smaller models are as good.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.published_days import (
    BUDGET_USD,
    CLOUD,
    HORIZON_S,
    LATENCY_LIMIT_S,
    asking,
    link,
    published_variants,
    request_times_s,
)
from benchmarks.report import Row
from benchmarks.scheduling_cases import SPECIALISING, Case
from catalog.variant_table import TableCost, read_specialised_table
from engine.scheduling.problem import App, Budget, Problem
from engine.scheduling.table_problem import TaskContext, VariantTable, problem_from_table
from sim.network import Network, Steps
from sim.scenario import DeviceDay, Scenario
from sim.traces import Arrival

MODEL_COUNTS = (1, 2, 3, 4, 6, 8)
TRACES = 3  # a model count
MEMORY_BYTES = 600e6
EVENT_J = 2.3  # MCDNN, section 5: a quarter of a battery at five events a minute
SENDS_J = (0.1, 0.3, 0.5)
SPECIALISED_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
SKEW, SKEWED = 0.9, "seven classes"
_TASKS = ("face", "object_alexnet", "scene", "object_vgg")
_TURN_S = 1800.0
_ENERGY_12_J = 1800.0


def figure10(folder: Path) -> list[Row]:
    """Return what one request for a face costs at the device: alone, behind a shared prefix, specialised."""
    faces = [v for v in published_variants(folder) if v.task == "face"]
    specialised = read_specialised_table(folder / "specialized.csv")
    return [
        *(_cost_row(v.name, "alone", v.accuracy, v.cost, v.memory_bytes) for v in faces),
        *(
            _cost_row(v.name, "behind a shared prefix", v.accuracy, v.beyond_prefix)
            for v in faces
            if v.beyond_prefix is not None
        ),
        *(_cost_row(v.name, "specialised", v.accuracies[SKEW], v.cost) for v in specialised),
    ]


def _cost_row(variant: str, how: str, accuracy: float, cost: TableCost, size: int | None = None) -> Row:
    return {
        "variant": variant,
        "how": how,
        "accuracy_pct": 100.0 * accuracy,
        "run_j": cost.run_j,
        "run_ms": 1e3 * cost.run_s,
        "load_j": cost.load_j,
        "load_ms": 1e3 * cost.load_s,
        "memory_mb": None if size is None else size / 1e6,
    }


def figure11(folder: Path, quick: bool) -> list[Case]:
    """Return days with ever more models."""
    settings = product((2,) if quick else MODEL_COUNTS, range(1 if quick else TRACES))
    return [
        Case(
            "figure11",
            "1 model" if models == 1 else f"{models} models, trace {trace}",
            partial(many_models, folder, models, trace),
            ("original", "best-static", "mcdnn2016", "paced"),
        )
        for models, trace in settings
        if models > 1 or trace == 0  # one model is asked for the same way in all traces
    ]


def many_models(folder: Path, models: int, trace: int) -> Scenario:
    """Return ten hours of one request a second, each for one of some models."""
    arrivals = list(_spread(folder, models, trace))
    problem = _models_problem(folder, models)
    day = DeviceDay("device", problem, lambda: iter(arrivals))
    largest = [max(problem.pieces[o.variant].memory_bytes for o in own) for own in problem.options.values()]
    order = [list(problem.apps).index(a.due[0]) for a in arrivals]
    load_rate = lru_load_bytes(order, largest, MEMORY_BYTES) / len(order) / 1e6
    parameters = {"models": float(models), "trace": float(trace), "load_rate_mb_per_request": load_rate}
    return Scenario("figure11", (day,), loads_take_time=False, parameters=parameters)


def _spread(folder: Path, models: int, trace: int) -> Iterator[Arrival]:
    rng = np.random.default_rng((models, trace))
    times_s = request_times_s(folder / "poisson_requests_every_1s.csv")
    for number, (t_s, model) in enumerate(zip(times_s, rng.integers(models, size=len(times_s)), strict=True)):
        app = _model_name(int(model))
        yield Arrival(t_s, "camera", str(number), app, (app,))


def _model_name(number: int) -> str:
    return f"{_TASKS[number % len(_TASKS)]} {number // len(_TASKS) + 1}"


def _models_problem(folder: Path, models: int) -> Problem:
    names = [_model_name(n) for n in range(models)]
    variants = [
        replace(v, name=f"{name}: {v.name}", task=name)
        for number, name in enumerate(names)
        for v in published_variants(folder)
        if v.task == _TASKS[number % len(_TASKS)]
    ]
    apps = [App(name, name, name, latency_limit_s=LATENCY_LIMIT_S) for name in names]
    budget = Budget(EVENT_J * HORIZON_S, period_s=HORIZON_S, memory_bytes=MEMORY_BYTES)
    return problem_from_table(VariantTable(variants), apps, budget)


def lru_load_bytes(order: Sequence[int], sizes: Sequence[int], limit_bytes: float) -> float:
    """Return the bytes loaded when things are used in an order and the least recently used make room."""
    held: OrderedDict[int, int] = OrderedDict()
    loaded = 0.0
    for item in order:
        if item in held:
            held.move_to_end(item)
            continue
        loaded += sizes[item]
        while held and sum(held.values()) + sizes[item] > limit_bytes:
            held.popitem(last=False)
        held[item] = sizes[item]
    return loaded


def figure12(folder: Path, quick: bool) -> list[Case]:
    """Return days with dearer sending and more time in which few classes dominate."""
    settings = product((0.5,) if quick else SENDS_J, (0.5,) if quick else SPECIALISED_SHARES)
    return [
        Case(
            "figure12",
            f"{send_j:g} J to send, specialised {100.0 * share:g} % of the time",
            partial(skewed_day, folder, send_j, share),
            ("best-static", "server-first", "mcdnn2016", SPECIALISING, "paced"),
        )
        for send_j, share in settings
    ]


def skewed_day(folder: Path, send_j: float, share: float) -> Scenario:
    """Return ten hours of faces every five seconds; in each half hour the first share of it is skewed."""
    times_s = request_times_s(folder / "poisson_requests_every_5s.csv")
    arrivals = [
        Arrival(t, "glasses", str(i), "face", ("face",), SKEWED if t % _TURN_S < share * _TURN_S else "")
        for i, t in enumerate(times_s)
    ]
    always = Network(Steps({0.0: 1.0}, 1.0))
    day = DeviceDay("device", _skewed_problem(folder, send_j), lambda: iter(arrivals), always)
    parameters = {"send_j": send_j, "specialised_share": share}
    return Scenario("figure12", (day,), loads_take_time=False, parameters=parameters)


def _skewed_problem(folder: Path, send_j: float) -> Problem:
    table = VariantTable(
        [v for v in published_variants(folder) if v.task == "face"],
        read_specialised_table(folder / "specialized.csv"),
        [TaskContext(SKEWED, "face", 7, SKEW)],
    )
    budget = Budget(_ENERGY_12_J, BUDGET_USD, HORIZON_S)
    return problem_from_table(table, [asking("face")], budget, link(send_j), CLOUD)
