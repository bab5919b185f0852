"""The router: each shared part runs once a window, and every app's head runs on what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.heads import FusedHeads
from catalog.store import Catalog
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
        favoured: classes of the first head's that its answer leans to; empty for none.
        prior_shift: natural logarithm by which their odds are raised.
        fused: the heads as last used together, with the leaning one last; made anew when one of them was
            loaded again or exchanged.
    """

    source: int
    heads: tuple[HeadStep, ...]
    favoured: tuple[int, ...] = ()
    prior_shift: float = 0.0
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
class LaterStage:
    """What an app goes on with after the first stage of a cascade.

    Args:
        parts: steps that it needs, of those that not every window runs, in order.
        readers: its head.
        variant: id in results of what answers then.
    """

    parts: tuple[int, ...]
    readers: FeatureReaders
    variant: str


@dataclass(frozen=True, slots=True)
class CascadeSteps:
    """How an app goes on where its specialised heads do not answer, or are checked.

    Args:
        app: index among the route's apps.
        first: what answers first.
        further: what is asked in turn where all before named a class and were not sure.
        generic: asked about what none of them answers, and about what is checked.
    """

    app: int
    first: SpecialVariant
    further: tuple[tuple[SpecialVariant, LaterStage], ...]
    generic: LaterStage


@dataclass(frozen=True, slots=True)
class Route:
    """How one configuration runs: built once, used for every window with that configuration.

    Args:
        parts: steps; those from `at_once` on run only where a later stage of a cascade needs them.
        cascades: of the apps that are answered by them.
    """

    apps: tuple[str, ...]
    variants: tuple[str, ...]
    pieces: tuple[str, ...]
    parts: tuple[PartStep, ...]
    heads: tuple[FeatureReaders, ...]
    cuts: tuple[Cut, ...] = ()
    cascades: tuple[CascadeSteps, ...] = ()
    at_once: int = -1


def build_route(
    catalog: Catalog, options: Mapping[str, Option], specials: Mapping[str, SpecialVariant] = NO_SPECIALS
) -> Route:
    """Work out which parts run, in which order, and which heads read them.

    Two apps share a part where their trunks agree on everything before it, window size included. Of
    an option that goes on in the cloud, what runs here is its first stage. Of a cascade, the later
    stages come after all that every window runs.

    Args:
        specials: by head, what may answer in a cascade before its generic variant.
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
                self._add_special(i, self._specials_of(option)[0])
            else:
                self._add(i, option)
        at_once = len(self._order)
        goes_on = tuple(self._cascade(i, option, at_once) for i, option in cascades)
        return Route(
            tuple(options),
            tuple(self._specials_of(o)[0].id if o.is_cascade else o.variant for o in options.values()),
            tuple(self._pieces),
            tuple(
                PartStep(p, s, size, tuple(u))
                for (p, s, size), u in zip(self._order, self._users, strict=True)
            ),
            tuple(self._readers(source, readers) for source, readers in self._heads.items()),
            tuple(Cut(source, parts, tuple(members)) for (source, parts), members in self._cuts.items()),
            goes_on,
            at_once,
        )

    def _specials_of(self, option: Option) -> list[SpecialVariant]:
        """Return what answers in a cascade, in order, before its generic variant."""
        heads = [stage.head for stage in option.stages[:-1]]
        return [self._specials[head] for head in heads if head is not None]

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

    def _cascade(self, app: int, option: Option, at_once: int) -> CascadeSteps:
        """Add the later stages of a cascade: further specialised heads, then a whole generic variant."""
        first, *others = self._specials_of(option)
        further = tuple((s, self._later(app, s.id, s.trunk, s.head, s.classes, at_once)) for s in others)
        generic = self._catalog.variants[option.variant]
        classes = self._catalog.tasks[generic.task].classes
        last = self._later(app, generic.id, generic.trunk, generic.head, classes, at_once)
        if first.prior_shift > 0.0:
            last.readers.favoured = tuple(classes.index(name) for name in first.favoured)
            last.readers.prior_shift = first.prior_shift
        return CascadeSteps(app, first, further, last)

    def _later(
        self, app: int, variant: str, trunk_name: str, head: str, classes: tuple[str, ...], at_once: int
    ) -> LaterStage:
        trunk = self._catalog.trunks[trunk_name]
        users = [list(u) for u in self._users]
        chain = self._add_parts(app, trunk.size_px, trunk.parts)
        self._users[: len(users)] = users  # what runs anyway is no dearer for others than it was
        self._pieces.setdefault(head, len(self._pieces))
        self._classes[head] = classes
        readers = self._readers(chain[-1], {head: [app]})
        return LaterStage(tuple(step for step in chain if step >= at_once), readers, variant)
