"""A generated device day: a family of models an input type, a trace, a link, and budgets that bind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from catalog.devices import RadioProfile
from engine.scheduling.day_profile import DayProfile
from engine.scheduling.problem import (
    App,
    Budget,
    Link,
    Option,
    PieceCost,
    Place,
    Problem,
    configuration_cost,
    memory_bytes,
)
from sim.generated.day_shape import LinkShape, Stream, expected_windows, make_arrivals, make_network
from sim.generated.model_family import FamilyShape, make_family
from sim.scenario import DeviceDay

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class DayShape:
    """What a generated day is made of.

    Args:
        streams: windows by input type.
        apps: of these input types.
        families: models by input type.
        length_s: of the day, and of the budget's period.
        link: when the cloud is there.
        radio: what sending takes.
        energy_lasts: share of the day for which the energy lasts under the most accurate models.
        cloud_usd: for the day.
        usd_per_cloud_s: price of the cloud; inf where there is none.
        memory_share: of what all models hold together; inf for no limit.
        knows_day: whether the device knows from earlier days how the demand is spread over one.
    """

    streams: Mapping[str, Stream]
    apps: Sequence[App]
    families: Mapping[str, FamilyShape]
    length_s: float = 36_000.0
    link: LinkShape = field(default_factory=LinkShape)
    radio: RadioProfile | None = None
    energy_lasts: float = 0.45
    cloud_usd: float = 0.05
    usd_per_cloud_s: float = 1.8e-4
    memory_share: float = math.inf
    knows_day: bool = False


def generate_day(name: str, shape: DayShape, seed: int) -> DeviceDay:
    """Draw a day; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    pieces: dict[str, PieceCost] = {}
    options: dict[str, tuple[Option, ...]] = {}
    for input_type, stream in shape.streams.items():
        apps = [a for a in shape.apps if a.input_type == input_type]
        contexts = [c for c in stream.contexts if c]
        family = make_family(
            input_type, apps, shape.families[input_type], rng, shape.usd_per_cloud_s, contexts
        )
        pieces |= family.pieces
        options |= family.options
    problem = Problem(
        {a.name: a for a in shape.apps},
        options,
        pieces,
        link=_link(shape),
        profile=_profile(shape) if shape.knows_day else None,
    )
    problem = replace(problem, budget=_budget(problem, shape))
    arrivals = make_arrivals(shape.streams, shape.apps, shape.length_s, seed)
    return DeviceDay(name, problem, arrivals, make_network(shape.link, shape.length_s, seed), shape.radio)


def _link(shape: DayShape) -> Link:
    if shape.radio is None:
        return Link(mbps=shape.link.mbps, round_trip_s=0.08)
    tail_j = shape.radio.tail_w * shape.radio.tail_s
    return Link(tail_j, shape.radio.up_j_per_byte, shape.radio.down_j_per_byte, shape.link.mbps, 0.08)


def _profile(shape: DayShape) -> DayProfile:
    hours = math.ceil(shape.length_s / _HOUR_S)
    return DayProfile(
        _HOUR_S, {t: tuple(s.hz[h % len(s.hz)] for h in range(hours)) for t, s in shape.streams.items()}
    )


def _budget(problem: Problem, shape: DayShape) -> Budget:
    """Return energy that the most accurate models use up early, and memory for a share of all models."""
    all_bytes = memory_bytes(problem.pieces, problem.pieces)
    most_j = 0.0
    for input_type, stream in shape.streams.items():
        apps = [a for a in shape.apps if a.input_type == input_type]
        best = [
            max((o for o in problem.options[a.name] if o.place is Place.DEVICE), key=lambda o: o.accuracy)
            for a in apps
        ]
        most_j += expected_windows(stream, shape.length_s) * configuration_cost(problem, best).energy_j
    memory = shape.memory_share * all_bytes if math.isfinite(shape.memory_share) else math.inf
    return Budget(shape.energy_lasts * most_j, shape.cloud_usd, shape.length_s, memory)
