"""Families of models that look like measured ones, for days without a catalog.

A family has trunks from small to large on one input type. Their energies are spaced evenly on a
logarithmic scale; accuracy rises with the logarithm of energy, steeply at first and hardly at the
end, as in the published catalogs of MCDNN (MobiSys 2016, figures 4 to 6); loading takes two to five
times the energy of a run, and memory grows with energy. Every second trunk shares its first part
with the one before. Each app has a head on every trunk. All of it also runs in the cloud, about
twenty times as fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.scheduling.problem import App, InContext, Option, PieceCost, Place, Stage

_DEVICE_W = 10.0
_CLOUD_SPEEDUP = 20.0
_FRONT_SHARE = 0.3  # of a trunk's cost in its first part
_HEAD_S = 2e-5
_HEAD_BYTES = 20_000
_SPECIAL_GAIN = 0.03
_SPECIAL_GOES_ON = 0.15


@dataclass(frozen=True, slots=True)
class FamilyShape:
    """What a family looks like.

    Args:
        trunks: how many.
        least_j: device energy of a run of the smallest trunk.
        most_j: of the largest.
        least_right: accuracy of the smallest, for a typical app.
        most_right: of the largest.
        bytes_per_j: memory per joule of a run.
        window_bytes: of a window, encoded, to be sent.
    """

    trunks: int = 30
    least_j: float = 0.02
    most_j: float = 2.0
    least_right: float = 0.6
    most_right: float = 0.92
    bytes_per_j: float = 1.2e8
    window_bytes: int = 10_000


@dataclass(frozen=True, slots=True)
class Family:
    """Options of the apps of one input type, and what their pieces cost."""

    options: dict[str, tuple[Option, ...]]
    pieces: dict[str, PieceCost]


def make_family(
    input_type: str,
    apps: Sequence[App],
    shape: FamilyShape,
    rng: np.random.Generator,
    usd_per_cloud_s: float,
    contexts: Sequence[str] = (),
) -> Family:
    """Draw a family.

    Args:
        apps: of this input type.
        usd_per_cloud_s: price of execution in the cloud; with inf nothing is offered there.
        contexts: in each of them, the first app has special variants: a head for what is mostly seen
            then on a small trunk, which goes on to a large one when it is unsure.
    """
    energies_j = np.geomspace(shape.least_j, shape.most_j, shape.trunks) * rng.uniform(0.9, 1.1, shape.trunks)
    pieces: dict[str, PieceCost] = {}
    trunks: list[tuple[str, ...]] = []
    for number, energy_j in enumerate(energies_j.tolist()):
        name = f"{input_type}-{number:02d}"
        shares_front = number % 2 == 1
        front = f"{input_type}-{number - 1:02d}.front" if shares_front else f"{name}.front"
        front_j = pieces[front].run_energy_j if shares_front else _FRONT_SHARE * energy_j
        loads = float(rng.uniform(2.0, 5.0))
        if not shares_front:
            pieces[front] = _cost(front_j, loads, shape.bytes_per_j)
        pieces[f"{name}.rest"] = _cost(max(0.1 * energy_j, energy_j - front_j), loads, shape.bytes_per_j)
        trunks.append((front, f"{name}.rest"))
    options: dict[str, tuple[Option, ...]] = {}
    for app in apps:
        easier = float(rng.uniform(-0.08, 0.06))
        found: list[Option] = []
        for number, parts in enumerate(trunks):
            head = f"{parts[-1]}.{app.name}"
            pieces[head] = PieceCost(
                _HEAD_S, _HEAD_S, _DEVICE_W * _HEAD_S, _DEVICE_W * _HEAD_S, 0.0, 0.0, _HEAD_BYTES
            )
            right = _right(shape, number) + easier + float(rng.normal(0.0, 0.006))
            found += _placed(app, parts, head, min(0.99, max(0.05, right)), shape, pieces, usd_per_cloud_s)
        if contexts and app is apps[0]:
            found += _special(app, trunks, found, contexts)
        options[app.name] = tuple(sorted(found, key=lambda o: -o.accuracy))
    return Family(options, pieces)


def _right(shape: FamilyShape, number: int) -> float:
    """Return the accuracy of a trunk: 1 - exp(-3 x) of the way up, x its place on the log scale."""
    x = number / max(1, shape.trunks - 1)
    rise = (1.0 - math.exp(-3.0 * x)) / (1.0 - math.exp(-3.0))
    return shape.least_right + (shape.most_right - shape.least_right) * rise


def _cost(energy_j: float, loads: float, bytes_per_j: float) -> PieceCost:
    run_s = energy_j / _DEVICE_W
    load_j = loads * energy_j
    size = round(energy_j * bytes_per_j)
    return PieceCost(run_s, 1.2 * run_s, energy_j, 1.2 * energy_j, load_j / _DEVICE_W, load_j, size)


def _placed(
    app: App,
    parts: tuple[str, ...],
    head: str,
    right: float,
    shape: FamilyShape,
    pieces: dict[str, PieceCost],
    usd_per_cloud_s: float,
) -> list[Option]:
    """Return a variant at the device, and in the cloud where there is one."""
    variant = f"{parts[-1].removesuffix('.rest')}/{app.name}"
    found = [Option(app.name, variant, right, (Stage(Place.DEVICE, parts, head),))]
    if math.isfinite(usd_per_cloud_s):
        run_s = sum(pieces[p].run_s for p in parts) / _CLOUD_SPEEDUP
        price = run_s * usd_per_cloud_s
        away = Stage(
            Place.CLOUD, parts, head, up_bytes=shape.window_bytes, down_bytes=200, run_s=run_s, cost_usd=price
        )
        found.append(Option(app.name, variant, right, (away,)))
    return found


def _special(
    app: App, trunks: Sequence[tuple[str, ...]], found: Sequence[Option], contexts: Sequence[str]
) -> list[Option]:
    """Return cascades from a small trunk to one two thirds up, each of use in one context."""
    large = trunks[2 * len(trunks) // 3]
    generic = max(o.accuracy for o in found if o.stages[0].parts == large)
    special: list[Option] = []
    for number, context in enumerate(contexts):
        small = trunks[min(len(trunks) - 1, number % max(1, len(trunks) // 3))]
        stages = (
            Stage(Place.DEVICE, small, f"{small[-1]}.{app.name}"),
            Stage(Place.DEVICE, large, f"{large[-1]}.{app.name}", probability=1.0),
        )
        here = InContext(context, min(0.99, generic + _SPECIAL_GAIN), (1.0, _SPECIAL_GOES_ON))
        variant = f"{small[-1].removesuffix('.rest')}+{context}/{app.name}"
        special.append(Option(app.name, variant, 0.0, stages, (here,)))
    return special
