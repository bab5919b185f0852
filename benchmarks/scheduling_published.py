"""The groups on the published traces: figure 13, the grid of settings, and the grid with little memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.published_days import SEND_J, THREE_FACES, published_problem, published_scenario
from benchmarks.scheduling_cases import AS_PUBLISHED, EVERY_POLICY, PUBLISHED, Case
from sim.scenario import Scenario

DAYS = ("s1", "s2", "s3")
SENDS_J = (0.0038, 0.1, 0.3, 0.5, 0.9)
ENERGIES_J = (1800.0, 6840.0)
FACES: tuple[tuple[str, ...] | None, ...] = (THREE_FACES, None)
MEMORIES_MB = (400.0, 100.0)


def published_day(
    folder: Path, day: str, send_j: float, energy_j: float, faces: Sequence[str] | None, memory_mb: float
) -> Scenario:
    """Return one published day under some settings."""
    problem = published_problem(folder, send_j, energy_j, faces, 1e6 * memory_mb)
    return published_scenario(folder, day, problem)


def figure13(folder: Path) -> list[Case]:
    """Return the day of figure 13: 1800 J, $0.0667, 3.8 mJ to send, three face variants."""
    build = partial(published_day, folder, "s3", SEND_J, 1800.0, THREE_FACES, math.inf)
    return [Case("figure13", "s3", build, (*EVERY_POLICY, *PUBLISHED))]


def grid(folder: Path, quick: bool) -> list[Case]:
    """Return all settings with memory enough for everything."""
    return list(_cells("grid", folder, (math.inf,), quick))


def memory(folder: Path, quick: bool) -> list[Case]:
    """Return all settings with 400 and with 100 MB."""
    return list(_cells("memory", folder, MEMORIES_MB, quick))


def _cells(group: str, folder: Path, memories_mb: Sequence[float], quick: bool) -> Iterator[Case]:
    settings = product(memories_mb, DAYS, SENDS_J, ENERGIES_J, FACES)
    for number, (memory_mb, day, send_j, energy_j, faces) in enumerate(settings):
        if quick and number % 60 != 17:
            continue
        of_faces = "all faces" if faces is None else f"{len(faces)} faces"
        name = f"{day}, {send_j:g} J to send, {energy_j:g} J, {of_faces}"
        if math.isfinite(memory_mb):
            name += f", {memory_mb:g} MB"
        build = partial(published_day, folder, day, send_j, energy_j, faces, memory_mb)
        yield Case(group, name, build, (*EVERY_POLICY, AS_PUBLISHED))
