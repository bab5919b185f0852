"""Chains of techniques as task files write them: "scale+lowrank:kept=0.35+int8".

chain = step {"+" step}; step = technique [":" key "=" number {"," key "=" number}]. The first step starts
from the full size of the family, each further one from every trunk that the step before gave; all of
these are made. A plain name is a chain of one step. "scale:resolution=0.5" goes on with those sizes of
[[model.scale]] alone that have this resolution; all of them are named in the table.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from catalog.errors import BadInput
from catalog.transforms.recipe import Candidate, Family
from catalog.transforms.table import TECHNIQUES

SCALE = "scale"
PRECISIONS = frozenset({"int8", "int8-whole", "bf16"})
SHARING = "deep-compress"
# Of each of these groups a chain has one, with what its members do to the same layers.
_ALTERNATIVES = (
    (frozenset({"lowrank", "tucker"}), "factorise the same layers"),
    (
        frozenset({"prune", "prune-weights", "soft-prune", "asymptotic-prune"}),
        "remove whole filters of the same layers",
    ),
)
_PARAMETERS = ("kept", "energy", "rate")
_SIZES = ("width", "depth", "resolution")
_ALIKE = 1e-3


@dataclass(frozen=True, slots=True)
class Step:
    """One technique of a chain.

    Args:
        technique: a name of TECHNIQUES.
        shares: its parameters besides the defaults, by name; in (0, 1).
    """

    technique: str
    shares: tuple[tuple[str, float], ...] = ()

    def planned(self, family: Family, start: Candidate) -> list[Candidate]:
        """Return what the technique makes of a trunk.

        Raises:
            BadInput: the technique does not take one of the parameters, or the family not the technique.
        """
        made = planned_by(self.technique, family, start)
        if self.technique == SCALE:
            return self._chosen(family, made)
        for key, share in self.shares:
            made = [with_share(candidate, key, share) for candidate in made]
        return made

    def _chosen(self, family: Family, made: Sequence[Candidate]) -> list[Candidate]:
        """Return the sizes, in the order of the family's scales, that have the given shares."""
        chosen = [
            candidate
            for candidate, scale in zip(made, family.scales, strict=True)
            if all(math.isclose(getattr(scale, key), share, rel_tol=_ALIKE) for key, share in self.shares)
        ]
        if self.shares and not chosen:
            said = ", ".join(f"{key} = {share:g}" for key, share in self.shares)
            raise BadInput(f"technique {SCALE}: no [[model.scale]] has {said}")
        return chosen


Chain = tuple[Step, ...]


def parsed_chain(text: str) -> Chain:
    """Read one entry of techniques.

    Raises:
        BadInput: an unknown technique, parameters that are not shares, or an order that cannot be.
    """
    steps = tuple(_parsed_step(step.strip(), text) for step in text.split("+"))
    names = [s.technique for s in steps]
    for k, name in enumerate(names):
        reason = hindrance(names[:k], name)
        if reason is not None:
            raise BadInput(f"technique {text!r}: {reason}")
    return steps


def hindrance(before: Sequence[str], technique: str) -> str | None:
    """Return why a technique cannot follow others; None where it can."""
    if technique in before:
        return f"{technique} stands twice"
    if technique == SCALE and before:
        return f"{SCALE} trains from fresh weights: expected it first"
    if before and before[-1] in PRECISIONS:
        return f"nothing can be trained after {before[-1]}: expected it last"
    if SHARING in before and technique not in PRECISIONS:
        return f"{technique} trains shared weights apart again: expected {SHARING} after it"
    for group, what in _ALTERNATIVES:
        other = next((b for b in before if {b, technique} <= group), None)
        if other is not None:
            return f"{other} and {technique} {what}: expected one, with a smaller kept"
    return None


def planned_by(technique: str, family: Family, start: Candidate) -> list[Candidate]:
    """Return what a technique makes of a trunk, taught by the family's teacher where it has one.

    Raises:
        BadInput: the family cannot be changed in this way.
    """
    made = TECHNIQUES[technique](family, start)
    if technique == SCALE or technique in PRECISIONS:
        return made
    return [_taught(candidate, family) for candidate in made]


def _taught(candidate: Candidate, family: Family) -> Candidate:
    taught = replace(candidate, feature_weight=family.feature_weight)
    if family.teacher is None:
        return taught
    return replace(
        taught,
        tutor=family.teacher,
        after=tuple(dict.fromkeys([*candidate.after, family.teacher])),
        lineage=(*candidate.lineage[:-1], f"{candidate.lineage[-1]} taught by {family.teacher}"),
    )


class Alike:
    """Trunks that were planned, known by what they are and not by their names.

    A technique with its defaults and the same with these spelled out give one trunk, under the name that
    came first.
    """

    def __init__(self) -> None:
        self._first: dict[Hashable, Candidate] = {}

    def first(self, candidate: Candidate) -> Candidate:
        """Return the first trunk that was given here and is the same as this one; it may be this one."""
        c = candidate
        return self._first.setdefault((c.input_type, c.size_px, c.recipe, c.task), candidate)


def planned_chain(family: Family, base: Candidate, chain: Chain, alike: Alike) -> Iterator[Candidate]:
    """Yield the trunks of a chain and of its beginnings, each after what it starts from.

    Args:
        family: of the trunks.
        base: what the chain starts from.
        chain: the techniques.
        alike: what was planned before, which is yielded again where it is the same.

    Raises:
        BadInput: see Step.planned.
    """
    starts = [base]
    for step in chain:
        planned = (alike.first(made) for start in starts for made in step.planned(family, start))
        starts = list(dict.fromkeys(planned))
        yield from starts


def techniques_of(chains: Sequence[Chain]) -> list[str]:
    """Return the techniques that occur, in order of their first occurrence."""
    return list(dict.fromkeys(step.technique for chain in chains for step in chain))


def with_share(candidate: Candidate, key: str, share: float) -> Candidate:
    """Return a candidate of the same technique with another number, in (0, 1), for one of its parameters.

    Raises:
        BadInput: its recipe has no such parameter.
    """
    recipe = cast(Any, candidate.recipe)
    taken = [f.name for f in fields(recipe) if f.name in _PARAMETERS]
    technique = candidate.lineage[-1].split()[0]
    if key not in taken:
        raise BadInput(f"technique {technique}: {key!r}: expected {' or '.join(taken) or 'no parameters'}")
    step, said = candidate.lineage[-1], f"{key}={share:g}"
    default = f"{key}={getattr(recipe, key) or math.nan:g}"
    mark = f"{100 * share:g}".replace(".", "p")
    return replace(
        candidate,
        name=f"{candidate.name}{mark}" if key == _PARAMETERS[0] else f"{candidate.name}-{key[0]}{mark}",
        recipe=replace(recipe, **{key: share}),
        lineage=(
            *candidate.lineage[:-1],
            step.replace(default, said) if default in step else f"{step} {said}",
        ),
    )


def _parsed_step(step: str, chain: str) -> Step:
    name, _, given = step.partition(":")
    if name not in TECHNIQUES:
        where = f"technique {chain!r}" if name == chain else f"technique {chain!r}: {name!r}"
        raise BadInput(f"{where}: expected one of {', '.join(TECHNIQUES)}")
    if not given:
        if step != name:
            raise BadInput(f"technique {chain!r}: nothing after {step!r}: expected {name}:key=number")
        return Step(name)
    pairs = tuple(_parsed_share(pair, chain, name) for pair in given.split(","))
    if len({key for key, _ in pairs}) != len(pairs):
        raise BadInput(f"technique {chain!r}: one parameter of {name} is given twice")
    return Step(name, pairs)


def _parsed_share(pair: str, chain: str, technique: str) -> tuple[str, float]:
    taken, below = (_SIZES, "at most 1") if technique == SCALE else (_PARAMETERS, "below 1")
    key, _, number = (text.strip() for text in pair.partition("="))
    try:
        share = float(number)
    except ValueError:
        share = 0.0
    if key not in taken or not (0.0 < share < 1.0 or (share == 1.0 and technique == SCALE)):
        expected = " or ".join(f"{name}=NUMBER" for name in taken)
        raise BadInput(f"technique {chain!r}: {pair!r}: expected {expected}, above 0 and {below}")
    return key, share
