"""A generated device day: a family of models an input type, an itinerary, and budgets that bind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from catalog.devices import RadioProfile
from catalog.errors import BadInput
from engine.scheduling.cloud_options import expected_link
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
from sim.generated.itinerary import (
    Itinerary,
    context_names,
    day_length_s,
    expected_profile,
    expected_windows,
    make_arrivals,
    make_network,
)
from sim.generated.model_family import CloudShape, FamilyShape, make_family
from sim.scenario import DeviceDay

_COMMON_SKEW = 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent; energy and memory can be given as shares of what models take.

    Args:
        energy_j: for the day; None where energy_lasts says.
        energy_lasts: share of the day for which the energy lasts under the most accurate models.
        cloud_usd: for the day.
        memory_bytes: None where memory_share says.
        memory_share: of what all models hold together.
    """

    energy_j: float | None = None
    energy_lasts: float = math.inf
    cloud_usd: float = math.inf
    memory_bytes: float | None = None
    memory_share: float = math.inf


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The models of a device.

    Args:
        families: by input type.
        skews: share of what is seen that is of a context's few classes, by context; 0.9 elsewhere.
        cloud: None where there is none.
    """

    families: Mapping[str, FamilyShape]
    skews: Mapping[str, float] = field(default_factory=dict)
    cloud: CloudShape | None = field(default_factory=CloudShape)


def make_models(
    apps: Sequence[App], shape: ModelShape, contexts: Mapping[str, Sequence[str]], seed: int
) -> Problem:
    """Draw the models of some apps; the same seed gives the same ones.

    Args:
        contexts: that may come, by input type.

    Returns:
        A problem without a budget or a link.

    Raises:
        BadInput: there is no family for an app's input type.
    """
    rng = np.random.default_rng(seed)
    pieces: dict[str, PieceCost] = {}
    options: dict[str, tuple[Option, ...]] = {}
    for input_type in dict.fromkeys(a.input_type for a in apps):
        family_shape = shape.families.get(input_type)
        own = [a for a in apps if a.input_type == input_type]
        if family_shape is None:
            known = sorted(shape.families)
            raise BadInput(
                f"app {own[0].name}: no models read {input_type!r}: there are families for {known}"
            )
        skews = {c: shape.skews.get(c, _COMMON_SKEW) for c in contexts.get(input_type, ())}
        family = make_family(input_type, own, family_shape, rng, shape.cloud, skews)
        pieces |= family.pieces
        options |= family.options
    return Problem({a.name: a for a in apps}, options, pieces)


def link_of(radio: RadioProfile | None, round_trip_s: float) -> Link:
    """Return what a device expects of a radio: the whole tail at every exchange."""
    return expected_link(radio, round_trip_s)


def with_limits(problem: Problem, limits: Limits, windows: Mapping[str, float], period_s: float) -> Problem:
    """Return a problem with budgets.

    Args:
        windows: expected in a period, by input type; what energy_lasts refers to.
        period_s: of the budget.
    """
    energy_j = limits.energy_j
    if energy_j is None:
        lasts = limits.energy_lasts
        energy_j = lasts * _most_accurate_j(problem, windows) if math.isfinite(lasts) else math.inf
    memory = limits.memory_bytes
    if memory is None:
        share = limits.memory_share
        memory = share * memory_bytes(problem.pieces, problem.pieces) if math.isfinite(share) else math.inf
    return replace(problem, budget=Budget(energy_j, limits.cloud_usd, period_s, memory))


def _most_accurate_j(problem: Problem, windows: Mapping[str, float]) -> float:
    """Return what the most accurate models at the device would take to answer every window."""
    total_j = 0.0
    for input_type, count in windows.items():
        best = [
            max(here, key=lambda o: o.accuracy)
            for app in problem.apps.values()
            if app.input_type == input_type
            and (here := [o for o in problem.options[app.name] if o.place is Place.DEVICE])
        ]
        total_j += count * configuration_cost(problem, best).energy_j
    return total_j


@dataclass(frozen=True, slots=True)
class DayShape:
    """What a generated day is made of.

    Args:
        apps: that ask.
        models: that answer.
        itinerary: what comes.
        limits: what may be spent, in a period as long as the day.
        radio: what sending takes; None for nothing.
        round_trip_s: to the cloud, without the bytes' own time.
        knows_day: whether the device knows from earlier days how the demand is spread over one.
    """

    apps: Sequence[App]
    models: ModelShape
    itinerary: Itinerary
    limits: Limits = field(default_factory=Limits)
    radio: RadioProfile | None = None
    round_trip_s: float = 0.08
    knows_day: bool = False


def generate_day(name: str, shape: DayShape, seed: int, models_seed: int = 0) -> DeviceDay:
    """Draw a day; the same seeds give the same one.

    Args:
        seed: of what comes.
        models_seed: of the models.
    """
    itinerary = shape.itinerary
    windows = expected_windows(itinerary)
    contexts = {t: context_names(itinerary, t) for t in windows}
    problem = replace(
        make_models(shape.apps, shape.models, contexts, models_seed),
        link=link_of(shape.radio, shape.round_trip_s),
        profile=expected_profile(itinerary) if shape.knows_day else None,
    )
    problem = with_limits(problem, shape.limits, windows, day_length_s(itinerary))
    return DeviceDay(
        name, problem, make_arrivals(itinerary, shape.apps, seed), make_network(itinerary, seed), shape.radio
    )
