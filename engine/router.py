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
from engine.special_variants import NO_SPECIALS, SpecialVariant

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


@dataclass(slots=True)
class SecondStage:
    """What an app goes on with where its specialised head does not answer, or is checked.

    Args:
        app: index among the route's apps.
        special: what answers first.
        parts: steps that it needs, of those that not every window runs, in order.
        readers: the generic head.
        variant: id of the generic variant.
    """

    app: int
    special: SpecialVariant
    parts: tuple[int, ...]
    readers: FeatureReaders
    variant: str


@dataclass(frozen=True, slots=True)
class Route:
    """How one configuration runs: built once, used for every window with that configuration.

    Args:
        parts: steps; those from `at_once` on run only where a second stage needs them.
        seconds: of the apps that are answered by cascades.
    """

    apps: tuple[str, ...]
    variants: tuple[str, ...]
    pieces: tuple[str, ...]
    parts: tuple[PartStep, ...]
    heads: tuple[FeatureReaders, ...]
    cuts: tuple[Cut, ...] = ()
    seconds: tuple[SecondStage, ...] = ()
    at_once: int = -1


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


class Cascaded(NamedTuple):
    """What the models of a cascade said about a window.

    Args:
        app: that asked.
        special: class name; None where the specialised head passed the window on.
        generic: class name; None where the generic variant did not run.
    """

    app: str
    special: str | None
    generic: str | None


class Execution(NamedTuple):
    """What one pass over a batch of windows gave and took.

    Args:
        answers: one an app that is answered here.
        piece_s: processor time of each piece that ran.
        busy_s: their sum.
        passed: one a cut.
        cascaded: one an app that a cascade answers.
    """

    answers: tuple[Answer, ...]
    piece_s: dict[str, float]
    busy_s: float
    passed: tuple[Passed, ...] = ()
    cascaded: tuple[Cascaded, ...] = ()


def never_checked(app: str) -> bool:  # noqa: ARG001 - what checks where nothing does
    """Check no answer of a specialised head."""
    return False


def build_route(
    catalog: Catalog, options: Mapping[str, Option], specials: Mapping[str, SpecialVariant] = NO_SPECIALS
) -> Route:
    """Work out which parts run, in which order, and which heads read them.

    Two apps share a part where their trunks agree on everything before it, window size included. Of
    an option that goes on in the cloud, what runs here is its first stage. Of a cascade, the second
    stage comes after all that every window runs.

    Args:
        specials: by head, what may answer first in a cascade.
    """
    return _RouteBuilder(catalog, specials).build(options)


class _RouteBuilder:
    """Collects the steps of one route."""

    def __init__(self, catalog: Catalog, specials: Mapping[str, SpecialVariant]) -> None:
        self._catalog = catalog
        self._specials = specials
        self._pieces: dict[str, int] = {}
        self._steps: dict[tuple[int, tuple[str, ...]], int] = {}
        self._order: list[tuple[int, int, int]] = []  # piece, source, size_px
        self._users: list[list[int]] = []
        self._heads: dict[int, dict[str, list[int]]] = {}
        self._classes: dict[str, tuple[str, ...]] = {}
        self._cuts: dict[tuple[int, tuple[str, ...]], list[int]] = {}

    def build(self, options: Mapping[str, Option]) -> Route:
        """Return the route of a configuration."""
        cascades: list[tuple[int, Option]] = []
        for i, option in enumerate(options.values()):
            if option.is_cascade:
                cascades.append((i, option))
                self._add_special(i, self._special_of(option))
            else:
                self._add(i, option)
        at_once = len(self._order)
        seconds = tuple(self._second(i, option, at_once) for i, option in cascades)
        return Route(
            tuple(options),
            tuple(self._special_of(o).id if o.is_cascade else o.variant for o in options.values()),
            tuple(self._pieces),
            tuple(
                PartStep(p, s, size, tuple(u))
                for (p, s, size), u in zip(self._order, self._users, strict=True)
            ),
            tuple(self._readers(source, readers) for source, readers in self._heads.items()),
            tuple(Cut(source, parts, tuple(members)) for (source, parts), members in self._cuts.items()),
            seconds,
            at_once,
        )

    def _special_of(self, option: Option) -> SpecialVariant:
        head = option.stages[0].head
        assert head is not None, "a cascade begins with a head"
        return self._specials[head]

    def _add(self, app: int, option: Option) -> None:
        """Add what runs at the device of an option that is no cascade."""
        variant = self._catalog.variants[option.variant]
        trunk = self._catalog.trunks[variant.trunk]
        parts = option.stages[0].parts if option.needs_cloud else trunk.parts
        source = self._add_parts(app, trunk.size_px, parts)[-1]
        if option.needs_cloud:
            self._cuts.setdefault((source, parts), []).append(app)
            return
        self._add_head(app, source, variant.head, self._catalog.tasks[variant.task].classes)

    def _add_special(self, app: int, special: SpecialVariant) -> None:
        trunk = self._catalog.trunks[special.trunk]
        source = self._add_parts(app, trunk.size_px, trunk.parts)[-1]
        self._add_head(app, source, special.head, special.classes)

    def _add_parts(self, app: int, size_px: int, parts: tuple[str, ...]) -> list[int]:
        """Add the steps of a chain of parts, as far as they are not there; return all of them."""
        source, chain = _WINDOW, []
        for depth, part in enumerate(parts, 1):
            key = (size_px, parts[:depth])
            if key not in self._steps:
                self._steps[key] = len(self._order)
                self._order.append((self._pieces.setdefault(part, len(self._pieces)), source, size_px))
                self._users.append([])
            source = self._steps[key]
            self._users[source].append(app)
            chain.append(source)
        return chain

    def _add_head(self, app: int, source: int, head: str, classes: tuple[str, ...]) -> None:
        self._pieces.setdefault(head, len(self._pieces))
        self._classes[head] = classes
        self._heads.setdefault(source, {}).setdefault(head, []).append(app)

    def _readers(self, source: int, readers: Mapping[str, list[int]]) -> FeatureReaders:
        return FeatureReaders(
            source,
            tuple(
                HeadStep(self._pieces[h], tuple(members), self._classes[h]) for h, members in readers.items()
            ),
        )

    def _second(self, app: int, option: Option, at_once: int) -> SecondStage:
        """Add the second stage of a cascade: a whole generic variant."""
        special = self._special_of(option)
        stage = option.stages[1]
        generic = self._catalog.variants[option.variant]
        trunk = self._catalog.trunks[generic.trunk]
        users = [list(u) for u in self._users]
        chain = self._add_parts(app, trunk.size_px, stage.parts)
        self._users[: len(users)] = users  # what runs anyway is no dearer for others than it was
        self._pieces.setdefault(generic.head, len(self._pieces))
        self._classes[generic.head] = self._catalog.tasks[generic.task].classes
        readers = self._readers(chain[-1], {generic.head: [app]})
        later = tuple(step for step in chain if step >= at_once)
        return SecondStage(app, special, later, readers, generic.id)


def run_route(
    route: Route,
    loaded: list[Any],
    pixels: Callable[[int], UInt8],
    busy_clock: Callable[[], float] = time.thread_time,
    checks: Callable[[str], bool] = never_checked,
) -> Execution:
    """Run a configuration on a batch of N windows, mostly one; cascades on one alone.

    Args:
        route: from build_route.
        loaded: the route's pieces, in order, ready to be called.
        pixels: gives the windows at a side length: (N, S, S, 3) uint8 RGB; asked once a size, and
            charged to the part that reads it first.
        busy_clock: processor time of the calling thread.
        checks: tells whether what an app's specialised head answers is to be checked.

    Raises:
        PartFailed: naming the part.
    """
    if route.seconds:
        return _CascadeRun(route, loaded, pixels, busy_clock).run(checks)
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


class _CascadeRun:
    """One window on a route with cascades.

    Args:
        route: with second stages.
        loaded: its pieces.
        pixels: see run_route.
        busy_clock: see run_route.
    """

    def __init__(
        self,
        route: Route,
        loaded: list[Any],
        pixels: Callable[[int], UInt8],
        busy_clock: Callable[[], float],
    ) -> None:
        self._route = route
        self._loaded = loaded
        self._pixels = pixels
        self._busy_clock = busy_clock
        self._before = busy_clock()
        self._outputs: list[npt.NDArray[np.float32] | None] = [None] * len(route.parts)
        self._windows: dict[int, UInt8] = {}
        self._shares = [0.0] * len(route.apps)
        self._piece_s: dict[str, float] = {}
        self._found: list[tuple[tuple[str, float], ...]] = [()] * len(route.apps)
        self._variants = list(route.variants)

    def run(self, checks: Callable[[str], bool]) -> Execution:
        """Run first what every window runs, then what each cascade goes on with."""
        route = self._route
        for step in range(route.at_once):
            self._run_part(step, route.parts[step].apps)
        for readers in route.heads:
            self._apply(readers, [h.apps for h in readers.heads])
        cascaded = tuple(self._go_on(second, checks) for second in route.seconds)
        answers = tuple(map(Answer, route.apps, self._variants, self._found, self._shares))
        busy_s = sum(self._shares)
        passed = tuple(
            Passed(cut.parts, self._output(cut.source), {route.apps[i]: self._shares[i] for i in cut.apps})
            for cut in route.cuts
        )
        return Execution(tuple(a for a in answers if a.windows), self._piece_s, busy_s, passed, cascaded)

    def _go_on(self, second: SecondStage, checks: Callable[[str], bool]) -> Cascaded:
        """Answer by the generic variant where the specialised head does not, and see what both say."""
        app = self._route.apps[second.app]
        ((name, confidence),) = self._found[second.app]
        special = second.special.answers(name, confidence)
        if special and not checks(app):
            return Cascaded(app, name, None)
        answered = self._found[second.app]
        for step in second.parts:
            self._run_part(step, (second.app,))
        self._apply(second.readers, [(second.app,)])
        generic = self._found[second.app][0][0]
        if special:
            self._found[second.app] = answered
            return Cascaded(app, name, generic)
        self._variants[second.app] = second.variant
        return Cascaded(app, None, generic)

    def _run_part(self, step: int, apps: tuple[int, ...]) -> None:
        """Run a part that has not run for this window, on account of some apps."""
        if self._outputs[step] is not None:
            return
        part = self._route.parts[step]
        piece = self._route.pieces[part.piece]
        inputs = self._window(part.size_px) if part.source < 0 else self._output(part.source)
        try:
            self._outputs[step] = self._loaded[part.piece](inputs)
        except BackendError as e:
            raise PartFailed(piece, str(e), self._spent_s()) from e
        self._book(piece, apps)

    def _apply(self, readers: FeatureReaders, apps: list[tuple[int, ...]]) -> None:
        """Apply heads to the features that they read."""
        fused = _fused(readers, self._loaded)
        try:
            (row,) = fused.answers(self._output(readers.source))
        except BackendError as e:
            piece = self._route.pieces[self._route.parts[readers.source].piece]
            raise PartFailed(piece, f"part {piece}: {e}", self._spent_s()) from e
        now = self._busy_clock()
        each_s, self._before = (now - self._before) / len(readers.heads), now
        for (class_id, confidence), head, users in zip(row, readers.heads, apps, strict=True):
            piece = self._route.pieces[head.piece]
            self._piece_s[piece] = self._piece_s.get(piece, 0.0) + each_s
            for app in users:
                self._found[app] = ((head.classes[class_id], confidence),)
                self._shares[app] += each_s / len(users)

    def _book(self, piece: str, apps: tuple[int, ...]) -> None:
        now = self._busy_clock()
        took_s, self._before = now - self._before, now
        self._piece_s[piece] = self._piece_s.get(piece, 0.0) + took_s
        for app in apps:
            self._shares[app] += took_s / len(apps)

    def _spent_s(self) -> float:
        return sum(self._shares) + self._busy_clock() - self._before

    def _window(self, size_px: int) -> UInt8:
        if size_px not in self._windows:
            self._windows[size_px] = self._pixels(size_px)
        return self._windows[size_px]

    def _output(self, step: int) -> npt.NDArray[np.float32]:
        output = self._outputs[step]
        assert output is not None, "a part runs after what it reads"
        return output
