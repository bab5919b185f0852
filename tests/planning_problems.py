"""Scheduling problems drawn at random: small ones to be searched exhaustively, and realistic ones.

A trunk costs energy in proportion to its size, is the more accurate the larger it is, runs at the
device or in the cloud, and carries a head for every app of its input type. To load one takes longer
than any window waits.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from engine.scheduling.kinds import Kind
from engine.scheduling.problem import App, Budget, Link, Option, PieceCost, Place, Problem, Stage

_LOAD_S, _LIMIT_S = 100.0, 50.0


def random_problem(
    seed: int,
    input_types: int = 1,
    apps: int = 2,
    trunks: int = 3,
    cloud: bool = False,
    budget: Budget | None = None,
) -> Problem:
    """Draw a problem.

    Args:
        apps: per input type.
        trunks: per input type.
        cloud: whether every variant can also run in the cloud.
    """
    rng = np.random.default_rng(seed)
    pieces: dict[str, PieceCost] = {}
    found: dict[str, App] = {}
    options: dict[str, tuple[Option, ...]] = {}
    for t in range(input_types):
        energies_j = np.sort(rng.uniform(0.02, 3.0, trunks))
        right = np.sort(rng.uniform(0.4, 0.95, trunks))
        for v, energy_j in enumerate(energies_j):
            run_s, load_j = float(energy_j) / 10.0, float(rng.uniform(1.0, 4.0) * energy_j)
            size = int(100 * energy_j * rng.uniform(0.5, 1.5)) + 1
            j = float(energy_j)
            pieces[f"t{t}.{v}"] = PieceCost(run_s, run_s, j, j, _LOAD_S, load_j, size)
        for a in range(apps):
            name = f"a{t}.{a}"
            found[name] = App(
                name, name, f"i{t}", latency_limit_s=_LIMIT_S, weight=float(rng.uniform(0.5, 2.0))
            )
            own: list[Option] = []
            for v in range(trunks):
                head = f"h{t}.{v}.{a}"
                pieces[head] = PieceCost(1e-5, 1e-5, 1e-4, 1e-4, 0.0, 0.0, 0)
                accuracy = float(np.clip(right[v] + rng.normal(0.0, 0.03), 0.01, 1.0))
                own.append(_option(name, v, accuracy, Stage(Place.DEVICE, (f"t{t}.{v}",), head)))
                if cloud:
                    run_s = float(energies_j[v]) / 100.0
                    away = Stage(
                        Place.CLOUD, (f"t{t}.{v}",), head, up_bytes=10_000, run_s=run_s, cost_usd=run_s * 1e-4
                    )
                    own.append(_option(name, v, accuracy, away))
            options[name] = tuple(own)
    return Problem(found, options, pieces, budget or Budget(), link=Link(exchange_j=0.3 if cloud else 0.0))


def kinds_of(problem: Problem, connected: tuple[bool, ...] = (False,)) -> list[Kind]:
    """Return a kind for every input type, in which all its apps are due, and state of the link."""
    types = sorted({a.input_type for a in problem.apps.values()})
    return [
        Kind(t, tuple(a.name for a in problem.apps.values() if a.input_type == t), "", c)
        for t, c in product(types, connected)
    ]


def _option(app: str, trunk: int, accuracy: float, stage: Stage) -> Option:
    return Option(app, f"v{trunk}/{app}", accuracy, (stage,))
