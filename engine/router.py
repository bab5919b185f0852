"""The router: each shared part runs once a window, and every app's head runs on what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.errors import BackendError
from catalog.heads import FusedHeads
from catalog.store import Catalog
from engine.errors import PartFailed
from engine.scheduling.problem import Option

UInt8 = npt.NDArray[np.uint8]

_WINDOW = -1


@dataclass(frozen=True, slots=True)
class PartStep:
    """Run one part.

    Args:
        piece: index into the route's pieces.
        source: index of the step whose output it reads, or -1 for the window.
        size_px: side of the window that it reads, where source is -1.
        apps: indices of the route's apps that depend on it.
    """

    piece: int
    source: int
    size_px: int
    apps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeadStep:
    """Apply one head and answer every app that has it.

    Args:
        piece: index into the route's pieces.
        apps: indices into the route's apps.
        classes: names by class id.
    """

    piece: int
    apps: tuple[int, ...]
    classes: tuple[str, ...]


@dataclass(slots=True)
class FeatureReaders:
    """All heads that read the features of one step.

    Args:
        source: index of the step.
        fused: the heads as last used together; made anew when one of them was loaded again or
            exchanged.
    """

    source: int
    heads: tuple[HeadStep, ...]
    fused: FusedHeads | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the network goes on somewhere else.

    Args:
        source: index of the step whose output is sent.
        parts: that have run by then, in order.
        apps: indices of the route's apps that it is sent for.
    """

    source: int
    parts: tuple[str, ...]
    apps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """How one configuration runs: built once, used for every window with that configuration."""

    apps: tuple[str, ...]
    variants: tuple[str, ...]
    pieces: tuple[str, ...]
    parts: tuple[PartStep, ...]
    heads: tuple[FeatureReaders, ...]
    cuts: tuple[Cut, ...] = ()


class Answer(NamedTuple):
    """One app's answers about the windows of one pass.

    A named tuple, because one is made for every request.

    Args:
        windows: class name and calibrated confidence, one pair a window.
        busy_s: its share of the processor time; what several apps used is divided equally.
    """

    app: str
    variant: str
    windows: tuple[tuple[str, float], ...]
    busy_s: float


class Passed(NamedTuple):
    """What leaves the device at one cut.

    Args:
        parts: that have run, in order.
        values: (N, ...) float32, what the last of them gave.
        busy_s: by app that it is sent for, its share of the processor time.
    """

    parts: tuple[str, ...]
    values: npt.NDArray[np.float32]
    busy_s: dict[str, float]


class Execution(NamedTuple):
    """What one pass over a batch of windows gave and took.

    Args:
        answers: one an app that is answered here.
        piece_s: processor time of each piece that ran.
        busy_s: their sum.
        passed: one a cut.
    """

    answers: tuple[Answer, ...]
    piece_s: dict[str, float]
    busy_s: float
    passed: tuple[Passed, ...] = ()


def build_route(catalog: Catalog, options: Mapping[str, Option]) -> Route:
    """Work out which parts run, in which order, and which heads read them.

    Two apps share a part where their trunks agree on everything before it, window size included. Of
    an option that goes on in the cloud, what runs here is its first stage.
    """
    apps = tuple(options)
    pieces: dict[str, int] = {}
    steps: dict[tuple[int, tuple[str, ...]], int] = {}
    order: list[tuple[int, int, int]] = []  # piece, source, size_px
    users: list[list[int]] = []
    heads: dict[int, dict[str, list[int]]] = {}
    classes: dict[str, tuple[str, ...]] = {}
    cuts: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for i, option in enumerate(options.values()):
        variant = catalog.variants[option.variant]
        trunk = catalog.trunks[variant.trunk]
        parts = option.stages[0].parts if option.needs_cloud else trunk.parts
        source = _WINDOW
        for depth, part in enumerate(parts, 1):
            key = (trunk.size_px, parts[:depth])
            if key not in steps:
                steps[key] = len(order)
                order.append((pieces.setdefault(part, len(pieces)), source, trunk.size_px))
                users.append([])
            source = steps[key]
            users[source].append(i)
        if option.needs_cloud:
            cuts.setdefault((source, parts), []).append(i)
            continue
        pieces.setdefault(variant.head, len(pieces))
        classes[variant.head] = catalog.tasks[variant.task].classes
        heads.setdefault(source, {}).setdefault(variant.head, []).append(i)
    return Route(
        apps,
        tuple(o.variant for o in options.values()),
        tuple(pieces),
        tuple(PartStep(p, s, size, tuple(u)) for (p, s, size), u in zip(order, users, strict=True)),
        tuple(
            FeatureReaders(
                source,
                tuple(HeadStep(pieces[h], tuple(members), classes[h]) for h, members in readers.items()),
            )
            for source, readers in heads.items()
        ),
        tuple(Cut(source, parts, tuple(members)) for (source, parts), members in cuts.items()),
    )


def run_route(
    route: Route,
    loaded: list[Any],
    pixels: Callable[[int], UInt8],
    busy_clock: Callable[[], float] = time.thread_time,
) -> Execution:
    """Run a configuration on a batch of N windows, mostly one.

    Args:
        route: from build_route.
        loaded: the route's pieces, in order, ready to be called.
        pixels: gives the windows at a side length: (N, S, S, 3) uint8 RGB; asked once a size, and
            charged to the part that reads it first.
        busy_clock: processor time of the calling thread.

    Raises:
        PartFailed: naming the part.
    """
    outputs: list[npt.NDArray[np.float32]] = []
    windows: dict[int, UInt8] = {}
    shares = [0.0] * len(route.apps)
    piece_s: dict[str, float] = {}
    before = busy_clock()
    for part in route.parts:
        if part.source >= 0:
            inputs: npt.NDArray[Any] = outputs[part.source]
        else:
            if part.size_px not in windows:
                windows[part.size_px] = pixels(part.size_px)
            inputs = windows[part.size_px]
        try:
            outputs.append(loaded[part.piece](inputs))
        except BackendError as e:
            raise PartFailed(route.pieces[part.piece], str(e), sum(shares) + busy_clock() - before) from e
        now = busy_clock()
        took_s, before = now - before, now
        piece = route.pieces[part.piece]
        piece_s[piece] = piece_s.get(piece, 0.0) + took_s
        for app in part.apps:
            shares[app] += took_s / len(part.apps)
    found: list[tuple[tuple[str, float], ...]] = [()] * len(route.apps)
    for features in route.heads:
        fused = _fused(features, loaded)
        try:
            rows = fused.answers(outputs[features.source])
        except BackendError as e:  # the features make no sense: their part is broken, not the heads
            piece = route.pieces[route.parts[features.source].piece]
            raise PartFailed(piece, f"part {piece}: {e}", sum(shares) + busy_clock() - before) from e
        now = busy_clock()
        each_s, before = (now - before) / len(features.heads), now
        for i, head in enumerate(features.heads):
            named = tuple([(head.classes[row[i][0]], row[i][1]) for row in rows])
            piece = route.pieces[head.piece]
            piece_s[piece] = piece_s.get(piece, 0.0) + each_s
            for app in head.apps:
                found[app] = named
                shares[app] += each_s / len(head.apps)
    answers = tuple(map(Answer, route.apps, route.variants, found, shares))
    if not route.cuts:
        return Execution(answers, piece_s, sum(shares))
    passed = tuple(
        Passed(cut.parts, outputs[cut.source], {route.apps[i]: shares[i] for i in cut.apps})
        for cut in route.cuts
    )
    return Execution(tuple(a for a in answers if a.windows), piece_s, sum(shares), passed)


def _fused(readers: FeatureReaders, loaded: list[Any]) -> FusedHeads:
    heads = [loaded[step.piece] for step in readers.heads]
    fused = readers.fused
    if fused is None or fused.heads != heads:
        fused = readers.fused = FusedHeads(heads)
    return fused
