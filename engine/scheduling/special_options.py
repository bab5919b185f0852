"""Cascades as options: one or two specialised heads, then a generic variant for what they pass on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.scheduling.problem import App, Option, PieceCost, Place, Problem, Stage
from specializer.cascade import CascadeRates

_NOISE = 0.03  # of an accuracy at a share that was counted in about a hundred answers
_TIE = 1e-4  # of accuracy: without a budget nothing else tells the cheaper of two that are equal


@dataclass(frozen=True, slots=True)
class OfferedSecond:
    """A second specialised head, for the same classes, about what the first one passes on.

    Args:
        parts: of its trunk, a slower one than the first head's.
        head: id of the head.
        size_bytes: of the head.
        like: id of a head on the same trunk, which takes as long.
    """

    parts: tuple[str, ...]
    head: str
    size_bytes: int
    like: str


@dataclass(frozen=True, slots=True)
class SpecialOffer:
    """A specialised head that an app may use.

    Args:
        app: its name.
        parts: of the trunk.
        head: id of the head.
        size_bytes: of the head.
        like: id of a head on the same trunk, which takes as long.
        rates: the head's own, from validation; of both together where there is a second.
        share: of its classes in what was seen since the last change, in [0, 1].
        check_share: of its answers, and the second's, that are checked by the generic variant.
        second: None where what the head passes on goes to the generic variant.
    """

    app: str
    parts: tuple[str, ...]
    head: str
    size_bytes: int
    like: str
    rates: CascadeRates
    share: float
    check_share: float
    second: OfferedSecond | None = None

    @property
    def links(self) -> tuple[SpecialOffer | OfferedSecond, ...]:
        """Its heads in the order in which they are asked."""
        return (self,) if self.second is None else (self, self.second)


def special_heads(problem: Problem) -> frozenset[str]:
    """Return the heads that are asked in cascades before their generic variants."""
    cascades = (o for own in problem.options.values() for o in own if o.is_cascade)
    return frozenset(s.head for o in cascades for s in o.stages[:-1] if s.head is not None)


def without_specials(problem: Problem) -> Problem:
    """Return a problem without cascades; itself where it has none."""
    gone = special_heads(problem)
    if not gone:
        return problem
    options = {a: tuple(o for o in own if not o.is_cascade) for a, own in problem.options.items()}
    pieces = {p: c for p, c in problem.pieces.items() if p not in gone}
    return replace(problem, options=options, pieces=pieces)


def with_specials(problem: Problem, offers: Iterable[SpecialOffer]) -> Problem:
    """Return a problem with a cascade in front of every slower variant at the device, for each offer.

    One whose estimated accuracy is below its generic variant's by less than the estimate may be off
    counts as equal, by a hair better: whoever watches it has found it no worse, and lets go of it when
    that changes.

    Args:
        problem: without cascades.
        offers: one an app at most; those of apps and trunks that it lacks are passed over. Where one
            has a second head, its cascades ask that too, and stand only in front of variants that are
            slower than the second's trunk as well.
    """
    options, pieces = dict(problem.options), dict(problem.pieces)
    for offer in offers:
        app = problem.apps.get(offer.app)
        if app is None or not all(pieces.keys() >= {link.like, *link.parts} for link in offer.links):
            continue
        made = _cascades(problem, app, offer)
        if made:
            for link in offer.links:
                pieces[link.head] = replace(pieces[link.like], memory_bytes=link.size_bytes)
            options[app.name] = tuple(sorted((*made, *options[app.name]), key=lambda o: -o.accuracy))
    return replace(problem, options=options, pieces=pieces)


def _cascades(problem: Problem, app: App, offer: SpecialOffer) -> list[Option]:
    specials = _special_stages(offer)
    passed_on = offer.rates.passed_on(offer.share)
    goes_on = passed_on + offer.check_share * (1.0 - passed_on)
    trunks = {link.parts for link in offer.links}
    least_s = max(run_s(problem.pieces, (*link.parts, link.like)) for link in offer.links)
    found = []
    for generic in generic_options(problem, app.name):
        (stage,) = generic.stages
        estimate = offer.rates.accuracy(offer.share, generic.accuracy)
        equal = generic.accuracy + _TIE
        accuracy = max(estimate, equal) if estimate >= generic.accuracy - _NOISE else estimate
        slower = run_s(problem.pieces, stage.pieces) > least_s and stage.parts not in trunks
        if accuracy >= app.accuracy_floor and slower:
            stages = (*specials, replace(stage, probability=goes_on))
            found.append(replace(generic, accuracy=accuracy, stages=stages))
    return found


def _special_stages(offer: SpecialOffer) -> tuple[Stage, ...]:
    """Return the stages before the generic one."""
    first = Stage(Place.DEVICE, offer.parts, offer.head)
    if offer.second is None:
        return (first,)
    asked = offer.rates.second_asked(offer.share)
    return first, Stage(Place.DEVICE, offer.second.parts, offer.second.head, asked)


def generic_options(problem: Problem, app: str) -> list[Option]:
    """Return an app's options that run whole at the device and specialise in nothing."""
    return [o for o in problem.options.get(app, ()) if len(o.stages) == 1 and not o.needs_cloud]


def run_s(pieces: Mapping[str, PieceCost], wanted: Iterable[str]) -> float:
    """Return how long pieces run on the device, one after the other, in s."""
    return math.fsum(pieces[p].run_s for p in wanted)
