"""The ready scenarios: a commuter's day with tunnels, a home camera, a wearable; and days drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from catalog.devices import RadioProfile
from catalog.errors import BadInput
from engine.scheduling.problem import App
from sim.generated.day_shape import LinkShape, Stream
from sim.generated.generated_day import DayShape, generate_day
from sim.generated.model_family import FamilyShape
from sim.scenario import Scenario

_LTE = RadioProfile(2.0e-6, 1.0e-6, 10.0, tail_w=0.6, tail_s=1.0)
_WIFI = RadioProfile(3.76e-7, 3.76e-7, 15.0, tail_w=0.2, tail_s=0.3)
_PEOPLE = ("who", "mood", "age", "known", "looks-at-me")
_PLACES = ("place", "indoors", "light", "crowded", "weather")
_THINGS = ("what", "moves", "mine", "danger", "text")


def commuter() -> DayShape:
    """Return a wearable on a commuter's day: rush hours with many faces, tunnels, home and office."""
    morning = (0.3, 1.2, 0.6, 0.2, 0.2, 0.5, 0.2, 0.2, 1.2, 0.4)
    return DayShape(
        {
            "face": Stream(morning, 4.0, 3.0, 60.0, {"": 0.4, "office": 0.4, "home": 0.2}, context_s=1800.0),
            "scene": Stream((0.2,)),
        },
        [
            *_apps("face", _PEOPLE[:4], 1.0),
            *_apps("scene", _PLACES[:3], 2.0, wanted_hz=0.2),
        ],
        {"face": FamilyShape(20, 0.05, 2.5), "scene": FamilyShape(12, 0.03, 1.0)},
        link=LinkShape(1500.0, 300.0, 12.0),
        radio=_LTE,
        energy_lasts=0.4,
    )


def home_camera() -> DayShape:
    """Return a camera at home: day and night, always on WiFi, little memory."""
    day = (0.02,) * 6 + (
        0.4,
        0.8,
        0.5,
        0.2,
        0.2,
        0.2,
        0.4,
        0.2,
        0.2,
        0.3,
        0.5,
        0.9,
        1.2,
        1.0,
        0.8,
        0.5,
        0.2,
        0.05,
    )
    return DayShape(
        {
            "face": Stream(day, 2.0, 4.0, 120.0, {"": 0.3, "family": 0.7}, context_s=3600.0),
            "object": Stream(tuple(2.0 * hz for hz in day), 1.0, 3.0, 60.0),
        },
        [*_apps("face", _PEOPLE[:3], 1.0), *_apps("object", _THINGS[:3], 2.0)],
        {"face": FamilyShape(15, 0.05, 2.0), "object": FamilyShape(15, 0.03, 1.5)},
        length_s=86_400.0,
        radio=_WIFI,
        energy_lasts=0.35,
        cloud_usd=0.02,
        memory_share=0.15,
        knows_day=True,
    )


def wearable() -> DayShape:
    """Return a wearable with three kinds of windows, costly sending, and bursts that fill the processor."""
    rates = (0.3, 0.5, 0.4, 0.6, 0.5, 0.3, 0.7, 0.5, 0.4, 0.3)
    return DayShape(
        {
            "face": Stream(rates, 3.0, 12.0, 90.0, {"": 0.5, "meeting": 0.5}, context_s=1200.0),
            "scene": Stream((0.1,)),
            "object": Stream(rates, 2.0, 8.0, 60.0),
        },
        [
            *_apps("face", _PEOPLE, 0.8),
            *_apps("scene", _PLACES, 2.0, wanted_hz=0.1),
            *_apps("object", _THINGS, 1.0),
        ],
        {t: FamilyShape(30, 0.03, 3.0) for t in ("face", "scene", "object")},
        link=LinkShape(2400.0, 1200.0, 8.0),
        radio=_LTE,
        energy_lasts=0.4,
    )


READY: Mapping[str, tuple[Callable[[], DayShape], str]] = {
    "commuter": (commuter, "a wearable on a commuter's day: rush hours, tunnels, home and office"),
    "home-camera": (home_camera, "a camera at home for a day and a night: always connected, little memory"),
    "wearable": (wearable, "fifteen apps on three kinds of windows: costly sending, bursts"),
}


def ready_scenario(name: str, seed: int = 1, devices: int = 1) -> Scenario:
    """Return a ready scenario.

    Args:
        seed: of the first device; the others follow.
        devices: how many live it, sharing a cloud with one server for each two.

    Raises:
        BadInput: there is none of this name, or no device.
    """
    if name not in READY:
        raise BadInput(f"scenario {name!r}: expected one of {', '.join(sorted(READY))}, or a file or folder")
    if devices < 1:
        raise BadInput(f"devices = {devices}: expected at least 1")
    make, about = READY[name]
    days = tuple(
        generate_day(name if devices == 1 else f"{name}-{n}", make(), seed + n) for n in range(devices)
    )
    return Scenario(name, days, cloud_servers=max(1, (devices + 1) // 2), about=about)


def random_day(seed: int) -> Scenario:
    """Return a day drawn at random: one of the ready ones with other rates, budgets, link and memory.

    The energy lasts for 30 to 60 % of the day under the most accurate models; every third day has
    memory for a part of the models, every other one a history of the demand.
    """
    rng = np.random.default_rng((seed, 77))
    name = sorted(READY)[seed % len(READY)]
    shape = READY[name][0]()
    factor = float(rng.uniform(0.6, 1.4))
    streams = {
        t: replace(s, hz=tuple(factor * hz for hz in np.roll(s.hz, int(rng.integers(0, 3))).tolist()))
        for t, s in shape.streams.items()
    }
    link = LinkShape(float(rng.uniform(900.0, 5400.0)), float(rng.uniform(200.0, 1800.0)), shape.link.mbps)
    drawn = replace(
        shape,
        streams=streams,
        link=link,
        energy_lasts=float(rng.uniform(0.3, 0.6)),
        cloud_usd=float(rng.uniform(0.005, 0.06)),
        memory_share=float(rng.uniform(0.1, 0.4)) if seed % 3 == 0 else float("inf"),
        knows_day=seed % 2 == 0,
    )
    day = generate_day(f"day-{seed:02d}", drawn, seed)
    return Scenario(f"day-{seed:02d}", (day,), about=f"{READY[name][1]}, drawn with seed {seed}")


def _apps(
    input_type: str, names: tuple[str, ...], limit_s: float, wanted_hz: float = float("inf")
) -> list[App]:
    """Return apps of falling weight."""
    return [
        App(n, n, input_type, wanted_hz=wanted_hz, latency_limit_s=limit_s, weight=round(2.0 / (1 + i), 3))
        for i, n in enumerate(names)
    ]
