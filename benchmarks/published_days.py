"""The published world of MCDNN (MobiSys 2016): its authors' measured variants, traces and constants.

Faces and scenes are asked about for ten hours by two apps. The attributes of a face (age, gender,
race) ride free on the face's shared prefix there, so they are left out: whoever answers the face
answers them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from engine.scheduling.problem import App, Budget, Link, Option, PieceCost, Place, Problem, Stage
from sim.network import Network
from sim.scenario import DeviceDay, Scenario
from sim.traces import Arrival, read_connectivity

HORIZON_S = 36_000.0
BUDGET_USD = 0.0667
SEND_J = 0.0038
USD_PER_CLOUD_S = 1.8e-4  # 1.8e-7 a millisecond
ROUND_TRIP_S = 0.1
LATENCY_LIMIT_S = 1.0  # to load and run
PACKET_BYTES = 10_000
REQUEST_HZ: Mapping[str, float] = {"face": 0.2, "scene": 0.01}
THREE_FACES = ("D0", "D6", "D10")

# Sizes of the largest variants where the table has none (MCDNN, section 5.1); the others of a task
# are taken in proportion to their load time.
_LARGEST_MB: Mapping[str, float] = {"scene": 218.0, "object_vgg": 529.0, "object_alexnet": 280.0}


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the authors' table.

    Args:
        name: as published.
        accuracy: share of right answers.
        cost: at the device.
        cloud_run_s: one execution in the cloud.
    """

    name: str
    accuracy: float
    cost: PieceCost
    cloud_run_s: float


@cache
def published_variants(folder: Path, task: str) -> tuple[Variant, ...]:
    """Return the variants of a task, as in catalog.csv."""
    rows = [r for r in read_table(folder / "catalog.csv") if r["task"] == task]
    longest_ms = max(float(r["device_load_ms"]) for r in rows)
    return tuple(_variant(r, longest_ms) for r in rows)


def _variant(row: Mapping[str, str], longest_ms: float) -> Variant:
    size_mb = float(row["memory_mb"] or _LARGEST_MB.get(row["task"], 0.0) * _load_ms(row) / longest_ms)
    return Variant(
        row["variant"], float(row["accuracy_pct"]) / 100.0, piece_cost(row, size_mb), cloud_run_s(row)
    )


def piece_cost(row: Mapping[str, str], size_mb: float) -> PieceCost:
    """Return what a row says of the device; there is no spread in the table."""
    run_s, run_j = float(row["device_exec_ms"]) / 1e3, float(row["device_exec_j"])
    load_s, load_j = _load_ms(row) / 1e3, float(row["device_load_j"])
    return PieceCost(run_s, run_s, run_j, run_j, load_s, load_j, int(1e6 * size_mb))


def cloud_run_s(row: Mapping[str, str]) -> float:
    """Return what one execution in the cloud takes."""
    return float(row["cloud_exec_ms"]) / 1e3


def _load_ms(row: Mapping[str, str]) -> float:
    return float(row["device_load_ms"])


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def device_stage(piece: str) -> Stage:
    """Return a run at the device."""
    return Stage(Place.DEVICE, (piece,))


def cloud_stage(piece: str, run_s: float, probability: float = 1.0) -> Stage:
    """Return a run in the cloud, to which one packet is sent."""
    return Stage(
        Place.CLOUD,
        (piece,),
        probability=probability,
        up_bytes=PACKET_BYTES,
        run_s=run_s,
        cost_usd=run_s * USD_PER_CLOUD_S,
    )


def most_accurate_first(options: Sequence[Option]) -> tuple[Option, ...]:
    """Return options as a problem holds them."""
    return tuple(sorted(options, key=lambda o: -o.accuracy))


def options_of(app: str, variants: Sequence[Variant]) -> tuple[Option, ...]:
    """Return every variant at the device and in the cloud."""
    own = []
    for v in variants:
        own.append(Option(app, v.name, v.accuracy, (device_stage(v.name),)))
        own.append(Option(app, v.name, v.accuracy, (cloud_stage(v.name, v.cloud_run_s),)))
    return most_accurate_first(own)


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
    by_app = {
        "face": [v for v in published_variants(folder, "face") if faces is None or v.name in faces],
        "scene": list(published_variants(folder, "scene")),
    }
    return Problem(
        {a: App(a, a, a, wanted_hz=REQUEST_HZ[a], latency_limit_s=LATENCY_LIMIT_S) for a in by_app},
        {a: options_of(a, variants) for a, variants in by_app.items()},
        {v.name: v.cost for variants in by_app.values() for v in variants},
        Budget(energy_j, BUDGET_USD, HORIZON_S, memory_bytes),
        link=Link(exchange_j=send_j, round_trip_s=ROUND_TRIP_S),
    )


def request_times_s(path: Path) -> list[float]:
    """Read when a published trace asks, up to the horizon."""
    times = (float(row["t_s"]) for row in read_table(path))
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
