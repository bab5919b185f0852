"""Families of models that look like measured ones, for days without a catalog.

A family has trunks from small to large on one input type. Their energies are spaced evenly on a
logarithmic scale; accuracy rises steeply at first and hardly at the end, memory grows with energy,
and loading takes two to five times the energy of a run: the shape of the published catalogs of MCDNN
(MobiSys 2016, section 5.1 and figures 4 to 6). Every second trunk begins with the first part of the
one before. Every app has a head on every trunk. The cloud runs all of it several times as fast, and
the rest of a large trunk of which the device ran the first part.

In front of a large trunk, small ones can carry heads for what is mostly seen in a context. What
such a cascade is worth follows from the published rates of specialised models (Sequential
Specialization, CVPR 2017, models F1 and F2 with ten classes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.scheduling.problem import App, InContext, Option, PieceCost, Place, Stage
from specializer.cascade import CascadeRates

_DEVICE_W = 10.0
_WORST = 1.2  # 95th percentile of a run, as a multiple of the expected
_FRONT_SHARE = 0.3  # of a trunk's cost in its first part
_HEAD_S, _HEAD_BYTES = 2e-5, 20_000
_DOWN_BYTES = 200
_CURVATURE = 3.0
_SPLITS = 3  # of the largest trunks
_F1, _F2 = CascadeRates(0.9252, 0.0671, 0.9569), CascadeRates(0.9019, 0.0813, 0.9338)


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
        window_bytes: of an encoded window, to be sent.
        split_bytes: of what the first part of a trunk gives, encoded; None to offer no split.
        specialises: apps that can have special heads, by name.
    """

    trunks: int = 12
    least_j: float = 0.05
    most_j: float = 2.0
    least_right: float = 0.6
    most_right: float = 0.92
    bytes_per_j: float = 1.2e8
    window_bytes: int = 10_000
    split_bytes: int | None = None
    specialises: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudShape:
    """What runs models besides the device.

    Args:
        usd_per_s: price of execution.
        speedup: how many times as fast as the device.
    """

    usd_per_s: float = 1.8e-4
    speedup: float = 8.0


@dataclass(frozen=True, slots=True)
class Family:
    """Options of the apps of one input type, most accurate first, and what their pieces cost."""

    options: Mapping[str, tuple[Option, ...]]
    pieces: Mapping[str, PieceCost]


@dataclass(slots=True)
class _Drawn:
    """What was drawn so far.

    Args:
        trunks: first part and rest, from small to large.
    """

    trunks: list[tuple[str, str]] = field(default_factory=list)
    pieces: dict[str, PieceCost] = field(default_factory=dict)

    def run_s(self, parts: Sequence[str]) -> float:
        """Return what parts take at the device."""
        return sum(self.pieces[p].run_s for p in parts)


def make_family(
    input_type: str,
    apps: Sequence[App],
    shape: FamilyShape,
    rng: np.random.Generator,
    cloud: CloudShape | None = None,
    skews: Mapping[str, float] | None = None,
) -> Family:
    """Draw a family.

    Args:
        apps: of this input type.
        cloud: None where there is none.
        skews: share of what is seen that is of a context's few classes, by context.
    """
    drawn = _draw_trunks(input_type, shape, rng)
    options: dict[str, tuple[Option, ...]] = {}
    for app in apps:
        accuracies = _accuracies(shape, rng)
        found: list[Option] = []
        for (front, rest), right in zip(drawn.trunks, accuracies, strict=True):
            head = _add_head(drawn, rest, app)
            found += _placed(app, (front, rest), head, right, drawn, shape, cloud)
        if cloud is not None and shape.split_bytes is not None:
            found += _splits(app, accuracies, drawn, shape.split_bytes, cloud)
        if app.name in shape.specialises and skews:
            found += _cascades(app, accuracies, drawn, shape, cloud, skews)
        kept = [o for o in found if o.contexts or o.accuracy >= app.accuracy_floor]
        options[app.name] = tuple(sorted(kept, key=lambda o: -o.accuracy))
    return Family(options, drawn.pieces)


def _draw_trunks(input_type: str, shape: FamilyShape, rng: np.random.Generator) -> _Drawn:
    drawn = _Drawn()
    spread = rng.uniform(0.9, 1.1, shape.trunks)
    energies_j = (np.geomspace(shape.least_j, shape.most_j, shape.trunks) * spread).tolist()
    for number, energy_j in enumerate(energies_j):
        name = f"{input_type}-{number:02d}"
        loads = float(rng.uniform(2.0, 5.0))
        if number % 2:
            front = drawn.trunks[-1][0]
            rest_j = energy_j - drawn.pieces[front].run_energy_j
        else:
            front, rest_j = f"{name}.front", (1.0 - _FRONT_SHARE) * energy_j
            drawn.pieces[front] = _part(_FRONT_SHARE * energy_j, loads, shape)
        drawn.pieces[f"{name}.rest"] = _part(rest_j, loads, shape)
        drawn.trunks.append((front, f"{name}.rest"))
    return drawn


def _accuracies(shape: FamilyShape, rng: np.random.Generator) -> list[float]:
    """Draw an app's accuracy on each trunk: 1 - exp(-3 x) of the way up, x its place on the log scale."""
    x = np.linspace(0.0, 1.0, shape.trunks) if shape.trunks > 1 else np.ones(1)
    rise = -np.expm1(-_CURVATURE * x) / -np.expm1(-_CURVATURE)
    typical = shape.least_right + (shape.most_right - shape.least_right) * rise
    easier, noise = rng.uniform(-0.08, 0.06), rng.normal(0.0, 0.006, shape.trunks)
    found: list[float] = np.clip(typical + easier + noise, 0.05, 0.99).tolist()
    return found


def _part(energy_j: float, loads: float, shape: FamilyShape) -> PieceCost:
    run_s, load_j = energy_j / _DEVICE_W, loads * energy_j
    size_bytes = round(energy_j * shape.bytes_per_j)
    return PieceCost(
        run_s, _WORST * run_s, energy_j, _WORST * energy_j, load_j / _DEVICE_W, load_j, size_bytes
    )


def _add_head(drawn: _Drawn, rest: str, app: App) -> str:
    head, energy_j = f"{rest}.{app.name}", _DEVICE_W * _HEAD_S
    drawn.pieces[head] = PieceCost(_HEAD_S, _HEAD_S, energy_j, energy_j, 0.0, 0.0, _HEAD_BYTES)
    return head


def _away(
    drawn: _Drawn,
    parts: tuple[str, ...],
    head: str,
    up_bytes: int,
    cloud: CloudShape,
) -> Stage:
    run_s = drawn.run_s(parts) / cloud.speedup
    return Stage(
        Place.CLOUD,
        parts,
        head,
        up_bytes=up_bytes,
        down_bytes=_DOWN_BYTES,
        run_s=run_s,
        cost_usd=run_s * cloud.usd_per_s,
    )


def _variant(trunk: tuple[str, str], app: App) -> str:
    return f"{trunk[1].removesuffix('.rest')}/{app.name}"


def _placed(
    app: App,
    trunk: tuple[str, str],
    head: str,
    right: float,
    drawn: _Drawn,
    shape: FamilyShape,
    cloud: CloudShape | None,
) -> list[Option]:
    """Return a variant at the device, and in the cloud where there is one."""
    name = _variant(trunk, app)
    found = [Option(app.name, name, right, (Stage(Place.DEVICE, trunk, head),))]
    if cloud is not None:
        found.append(Option(app.name, name, right, (_away(drawn, trunk, head, shape.window_bytes, cloud),)))
    return found


def _splits(
    app: App, accuracies: Sequence[float], drawn: _Drawn, split_bytes: int, cloud: CloudShape
) -> list[Option]:
    """Return the largest trunks with their first part at the device and the rest in the cloud."""
    pairs = list(zip(drawn.trunks, accuracies, strict=True))[-_SPLITS:]
    return [
        Option(
            app.name,
            _variant((front, rest), app),
            right,
            (
                Stage(Place.DEVICE, (front,)),
                _away(drawn, (rest,), f"{rest}.{app.name}", split_bytes, cloud),
            ),
        )
        for (front, rest), right in pairs
    ]


def _cascades(
    app: App,
    accuracies: Sequence[float],
    drawn: _Drawn,
    shape: FamilyShape,
    cloud: CloudShape | None,
    skews: Mapping[str, float],
) -> list[Option]:
    """Return special heads on a small and a smallest trunk that go on to a large one."""
    large = len(drawn.trunks) - 1 - len(drawn.trunks) // 4
    found: list[Option] = []
    for small, rates in ((0, _F2), (len(drawn.trunks) // 3, _F1)):
        if small >= large:
            continue
        generic = drawn.trunks[large]
        contexts = tuple(
            InContext(c, rates.accuracy(skew, accuracies[large]), (1.0, rates.passed_on(skew)))
            for c, skew in skews.items()
        )
        name = f"{_variant(drawn.trunks[small], app)}>{_variant(generic, app)}"
        first = Stage(Place.DEVICE, drawn.trunks[small], f"{drawn.trunks[small][1]}.{app.name}")
        head = f"{generic[1]}.{app.name}"
        rest = [Stage(Place.DEVICE, generic, head)]
        if cloud is not None:
            rest.append(_away(drawn, generic, head, shape.window_bytes, cloud))
        found += [Option(app.name, name, 0.0, (first, then), contexts) for then in rest]
    return found
