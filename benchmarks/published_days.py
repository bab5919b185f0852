"""The published world of MCDNN (MobiSys 2016): its authors' measured variants, traces and constants.

Faces and scenes are asked about for ten hours by two apps. The attributes of a face (age, gender,
race) ride free on the face's shared prefix there, so they are left out: whoever answers the face
answers them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from catalog.csv_rows import read_csv_rows
from catalog.variant_table import TableVariant, read_variant_table, with_sizes
from engine.scheduling.problem import App, Budget, Link, Problem
from engine.scheduling.table_problem import CloudOffer, VariantTable, problem_from_table
from sim.network import Network
from sim.scenario import DeviceDay, Scenario
from sim.traces import Arrival, read_connectivity

HORIZON_S = 36_000.0
BUDGET_USD = 0.0667
SEND_J = 0.0038
ROUND_TRIP_S = 0.1
LATENCY_LIMIT_S = 1.0  # to load and run
CLOUD = CloudOffer(usd_per_s=1.8e-4, request_bytes=10_000)  # 1.8e-7 a millisecond
REQUEST_HZ: Mapping[str, float] = {"face": 0.2, "scene": 0.01}
THREE_FACES = ("D0", "D6", "D10")

# Sizes of the largest variants where the table has none: MCDNN, section 5.1.
_LARGEST_MB: Mapping[str, float] = {"scene": 218.0, "object_vgg": 529.0, "object_alexnet": 280.0}


@cache
def published_variants(folder: Path) -> tuple[TableVariant, ...]:
    """Return the variants of all tasks, sizes included."""
    variants, _ = with_sizes(read_variant_table(folder / "catalog.csv"), _LARGEST_MB)
    return variants


def asking(task: str) -> App:
    """Return the app that asks about a task in the authors' replay."""
    return App(task, task, task, wanted_hz=REQUEST_HZ[task], latency_limit_s=LATENCY_LIMIT_S)


def link(send_j: float) -> Link:
    """Return the link of the authors' replay."""
    return Link(exchange_j=send_j, round_trip_s=ROUND_TRIP_S)


def published_problem(
    folder: Path,
    send_j: float = SEND_J,
    energy_j: float = 1800.0,
    faces: Sequence[str] | None = THREE_FACES,
    memory_bytes: float = math.inf,
) -> Problem:
    """Return the problem of the authors' replay.

    Args:
        folder: of their tables.
        send_j: device energy to send one request.
        energy_j: for the ten hours.
        faces: variants for faces; None for all.
        memory_bytes: of the device.
    """
    known = published_variants(folder)
    table = VariantTable([v for v in known if v.task != "face" or faces is None or v.name in faces])
    budget = Budget(energy_j, BUDGET_USD, HORIZON_S, memory_bytes)
    return problem_from_table(table, [asking(t) for t in REQUEST_HZ], budget, link(send_j), CLOUD)


def request_times_s(path: Path) -> list[float]:
    """Read when a published trace asks, up to the horizon."""
    times = (row.number("t_s") for row in read_csv_rows(path, ("t_s",)))
    return [t for t in times if t < HORIZON_S]


def published_arrivals(folder: Path, day: str) -> Iterator[Arrival]:
    """Yield the windows of a day: the faces of s1, s2 or s3 and the scenes of all of them."""
    faces = ((t, "face") for t in request_times_s(folder / f"face_requests_{day}.csv"))
    scenes = ((t, "scene") for t in request_times_s(folder / "poisson_requests_every_100s.csv"))
    for number, (t_s, app) in enumerate(sorted([*faces, *scenes])):
        yield Arrival(t_s, "glasses", str(number), app, (app,))


def published_network(folder: Path, day: str) -> Network:
    """Return when the cloud could be reached on a day."""
    return Network(read_connectivity(folder / f"connectivity_{day}.csv"))


def published_scenario(folder: Path, day: str, problem: Problem) -> Scenario:
    """Return a published day; loads are charged without delaying an answer, as in the authors' replay."""
    lived = DeviceDay(day, problem, partial(published_arrivals, folder, day), published_network(folder, day))
    return Scenario(day, (lived,), loads_take_time=False)
