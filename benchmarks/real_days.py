"""Six days made of published traces, lived by the wearable with fifteen apps.

The minutes of a day (where its owner is, in whose company, doing what, and whether the phone
reaches a network) are those that a person's phone recorded (ExtraSensory). In company, faces come as
they do in a film or show, in real time and another one at each meeting; with something in hand,
objects come as they do in first-person kitchen videos; a scene is looked at every ten seconds while
awake. On the way the link is as fast as in trams and buses of a city, elsewhere as published for
homes. A context holds while few classes made up nearly all of the last five minutes. At night, and
where the phone recorded nothing, nothing comes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.real_traces import (
    Minute,
    Sighting,
    read_day,
    read_faces,
    read_minute_speeds,
    read_objects,
)
from engine.rates import RateGates
from engine.scheduling.problem import App
from sim.generated.generated_day import Limits, with_limits
from sim.network import Network, Steps
from sim.ready import ready_table, scenario_of
from sim.scenario import DeviceDay, Scenario
from sim.traces import Arrival
from specializer.class_profile import ClassProfile

_HOURS = 14.0
_MINUTE_S = 60.0
_SCENE_EVERY_S = 10.0
_FACES_EVERY_FRAMES = 20
_OBJECTS_EVERY_S = 1.0
_PROFILE_S, _LEAST_PROFILED = 300.0, 30
_COMPANY = frozenset(
    ("WITH_FRIENDS", "WITH_CO-WORKERS", "TALKING", "IN_A_MEETING", "AT_A_PARTY", "EATING", "FIX_restaurant")
)
_IN_HAND = frozenset(
    ("COOKING", "EATING", "WASHING_DISHES", "CLEANING", "DOING_LAUNDRY", "LAB_WORK", "SHOPPING", "GROOMING")
)
_ON_THE_WAY = frozenset(
    ("FIX_walking", "ON_A_BUS", "IN_A_CAR", "DRIVE_-_I_M_THE_DRIVER", "DRIVE_-_I_M_A_PASSENGER", "BICYCLING")
)
_PLACES = {"LOC_home": "home", "LOC_main_workplace": "work", "AT_SCHOOL": "work"}


@dataclass(frozen=True, slots=True)
class Dominance:
    """When a stream counts as dominated by few classes.

    Args:
        context: name of it then.
        classes: at most so many of them...
        share: ...hold at least this share of the last five minutes.
    """

    context: str
    classes: int
    share: float


_FEW_FACES = Dominance("few-faces", 3, 0.9)
_FEW_OBJECTS = Dominance("few-objects", 10, 0.9)
_CONTEXTS = {"face": ("few-faces",), "object": ("few-objects",), "scene": ("home", "work")}
_SKEW = 0.9
_FILMS = ("friends", "ellen", "departed", "goodwill", "ocean")
_NEW_MEETING_S = 300.0


@dataclass(frozen=True, slots=True)
class RealDay:
    """Which traces make a day.

    Args:
        user: of the recorded minutes.
        film: whose faces are seen at the first meeting.
        participant: in whose hands the objects are.
        energy_lasts: share of the day for which the energy lasts under the most accurate models.
        cloud_usd: for the day.
        memory_share: of what all models hold together.
    """

    user: str
    film: str
    participant: str
    energy_lasts: float
    cloud_usd: float
    memory_share: float = float("inf")


REAL_DAYS: Sequence[RealDay] = (
    RealDay("0", "friends", "P01", 0.4, 0.03),
    RealDay("2", "ellen", "P22", 0.55, 0.01),
    RealDay("6", "goodwill", "P02", 0.3, 0.05, 0.4),
    RealDay("9", "friends", "P04", 0.35, 0.02),
    RealDay("11", "departed", "P11", 0.6, 0.04, 0.25),
    RealDay("16", "ocean", "P12", 0.45, 0.015),
)


def real_scenario(folder: Path, number: int) -> Scenario:
    """Build one of the days.

    Args:
        folder: of the traces: context, network, tv_faces, first_person_actions.
        number: index in REAL_DAYS.
    """
    made_of = REAL_DAYS[number]
    name = f"user {made_of.user}, {made_of.film}, {made_of.participant}"
    models = scenario_of(_models(number), name).devices[0].problem
    minutes = read_day(folder / "context/extrasensory_minutes.csv.gz", made_of.user, _HOURS)
    seen = _arrivals(folder, made_of, minutes, list(models.apps.values()))
    arrivals = [a for a in seen if a.t_s < 3600.0 * _HOURS]
    windows = Counter(a.input_type for a in arrivals)
    limits = Limits(None, made_of.energy_lasts, made_of.cloud_usd, None, made_of.memory_share)
    problem = with_limits(models, limits, windows, 3600.0 * _HOURS)
    day = DeviceDay(name, problem, lambda: iter(arrivals), _network(folder, minutes))
    return Scenario(name, (day,), about="A day made of published traces.")


def _models(number: int) -> dict[str, Any]:
    """Return the wearable with the contexts of these days, as a file would say it."""
    table = ready_table("wearable")
    contexts = {name: {"skew": _SKEW} for names in _CONTEXTS.values() for name in names}
    windows = {t: {"hz": 1.0, "contexts": dict.fromkeys(names, 1.0)} for t, names in _CONTEXTS.items()}
    day = {"name": "day", "lasts": f"{_HOURS:g}h", "windows": windows}
    return table | {"context": contexts, "stretch": [day], "models_seed": 100 + number}


def _arrivals(
    folder: Path, made_of: RealDay, minutes: Sequence[Minute], apps: Sequence[App]
) -> Iterator[Arrival]:
    """Yield the windows of a day about which an app asks, in order of time."""
    actions = folder / "first_person_actions/epic100_uda_source_train.csv"
    objects = read_objects(actions, made_of.participant, _OBJECTS_EVERY_S)
    awake = [m for m in minutes if "SLEEPING" not in m.labels]
    streams = {
        "face": _profiled(_faces(folder, made_of.film, awake), _FEW_FACES),
        "object": _profiled(_played([m for m in awake if m.labels & _IN_HAND], objects), _FEW_OBJECTS),
        "scene": _scenes(awake),
    }
    gates = RateGates(apps)
    seen = heapq.merge(*([(t, kind, c) for t, c in stream] for kind, stream in streams.items()))
    for number, (t_s, input_type, context) in enumerate(seen):
        due = tuple(gates.due(input_type, t_s))
        if due:
            yield Arrival(t_s, "recorded", str(number), input_type, due, context)


def _faces(folder: Path, film: str, awake: Sequence[Minute]) -> Iterator[Sighting]:
    """Yield the faces seen in company: at each meeting those of another film."""
    company = [m for m in awake if m.labels & _COMPANY]
    first = _FILMS.index(film)
    meetings: list[list[Minute]] = []
    for minute in company:
        if not meetings or minute.t_s > meetings[-1][-1].t_s + _NEW_MEETING_S:
            meetings.append([])
        meetings[-1].append(minute)
    for number, meeting in enumerate(meetings):
        path = folder / f"tv_faces/{_FILMS[(first + number) % len(_FILMS)]}.csv"
        yield from _played(meeting, read_faces(path, _FACES_EVERY_FRAMES))


def _played(minutes: Sequence[Minute], sightings: Sequence[Sighting]) -> Iterator[Sighting]:
    """Play sightings in real time during some minutes, from the beginning again when they are over."""
    length_s = (sightings[-1].t_s // _MINUTE_S + 1.0) * _MINUTE_S
    by_minute: dict[int, list[Sighting]] = {}
    for s in sightings:
        by_minute.setdefault(int(s.t_s // _MINUTE_S), []).append(s)
    for minute, at in zip(minutes, cycle(range(int(length_s // _MINUTE_S))), strict=False):
        for s in by_minute.get(at, ()):
            if s.t_s % _MINUTE_S < minute.length_s:
                yield Sighting(minute.t_s + s.t_s % _MINUTE_S, s.class_id)


def _profiled(sightings: Iterator[Sighting], few: Dominance) -> Iterator[tuple[float, str]]:
    """Yield when something was seen, and the context by what was seen before."""
    profile = ClassProfile(window_s=_PROFILE_S)
    for s in sightings:
        profile.advance(s.t_s)
        enough = profile.requests >= _LEAST_PROFILED
        yield s.t_s, few.context if enough and profile.is_dominated(few.classes, few.share) else ""
        profile.observe(s.class_id, s.t_s)


def _scenes(minutes: Sequence[Minute]) -> Iterator[tuple[float, str]]:
    for minute in minutes:
        place = next((name for label, name in _PLACES.items() if label in minute.labels), "")
        for step in range(int(minute.length_s / _SCENE_EVERY_S)):
            yield minute.t_s + step * _SCENE_EVERY_S, place


def _network(folder: Path, minutes: Sequence[Minute]) -> Network:
    """Return the link, minute by minute; without a network where nothing was recorded."""
    connected: dict[float, float] = {}
    mbps: dict[float, float] = {}
    speeds: Mapping[bool, Iterator[float]] = {
        True: cycle(read_minute_speeds(folder / "network/hsdpa_norway_3g.csv.gz")),
        False: cycle(read_minute_speeds(folder / "network/oboe.csv.gz")),
    }
    for minute, following in zip(minutes, [*minutes[1:], None], strict=True):
        connected[minute.t_s] = float(minute.connected)
        mbps[minute.t_s] = next(speeds[bool(minute.labels & _ON_THE_WAY)])
        if following is None or following.t_s > minute.t_s + 2.0 * _MINUTE_S:
            connected[minute.t_s + _MINUTE_S] = 0.0
    return Network(Steps(connected, 0.0), Steps(mbps, float("inf")))
