"""What a search may try: every size of every family, and every chain of techniques on each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Protocol, runtime_checkable

from catalog.compiler.planning import check_factories, families_of
from catalog.compiler.request import CompileRequest, ModelSpec
from catalog.compiler.technique_chains import (
    SCALE,
    Alike,
    hindrance,
    planned_by,
    planned_chain,
    techniques_of,
    with_share,
)
from catalog.transforms.recipe import Candidate, Family, Scale
from catalog.transforms.scale import full_size
from catalog.transforms.table import TECHNIQUES

WIDTHS = (1.0, 0.75, 0.5, 0.35, 0.25)
DEPTHS = (1.0, 0.67, 0.33)
RESOLUTIONS = (1.0, 0.75, 0.5)
KEPT_SHARES = (0.35, 0.7)


@dataclass(frozen=True, slots=True)
class Combination:
    """A trunk that a search may make.

    Args:
        candidate: the trunk.
        base: name of the full-size trunk of its family.
    """

    candidate: Candidate
    base: str


@runtime_checkable
class HasStrength(Protocol):
    """A recipe that keeps a share, in (0, 1), of what it starts from."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def kept(self) -> float:
        """The share that is kept."""


def search_space(request: CompileRequest) -> tuple[Combination, ...]:
    """Return every trunk that a search may make, full sizes first; each comes after what it starts from.

    Techniques follow one another in the order in which the task file names them, each at most once; a
    reduced precision ends a chain, because what follows could not be trained. Without the technique
    scale a family stays at its full size.

    Raises:
        BadInput: see planning.plan_candidates.
    """
    found: dict[str, Combination] = {}
    families = families_of(request)
    for family, _ in families:
        base = full_size(family)
        found.setdefault(base.name, Combination(base, base.name))
    for family, model in families:
        base = full_size(family)
        for candidate in _of_family(family, model, base):
            found.setdefault(candidate.name, Combination(candidate, base.name))
    check_factories([c.candidate for c in found.values()])
    return tuple(found.values())


def _of_family(family: Family, model: ModelSpec, base: Candidate) -> Iterator[Candidate]:
    alike = Alike()
    listed = [c for chain in model.chains for c in planned_chain(family, base, chain, alike)]
    sizes = [base]
    techniques = techniques_of(model.chains)
    if SCALE in techniques:
        sizes += TECHNIQUES[SCALE](replace(family, scales=_all_scales(family)), base)
    for size in dict.fromkeys(sizes):
        yield size
        yield from _chained(family, size, [t for t in techniques if t != SCALE], (), alike)
    yield from listed


def _all_scales(family: Family) -> tuple[Scale, ...]:
    """Return the sizes given and a grid of others; of resolutions alone where nothing else keeps weights."""
    loaded = family.arch.weights is not None
    shares = [(1.0,), (1.0,)] if loaded else [WIDTHS, DEPTHS]
    grid = [Scale(width, depth, res) for width, depth, res in product(*shares, RESOLUTIONS)]
    return tuple(dict.fromkeys([*family.scales, *(s for s in grid if s != Scale())]))


def _chained(
    family: Family, start: Candidate, techniques: Sequence[str], before: tuple[str, ...], alike: Alike
) -> Iterator[Candidate]:
    for k, technique in enumerate(techniques):
        if hindrance(before, technique) is not None:
            continue
        for planned in planned_by(technique, family, start):
            for candidate in map(alike.first, (planned, *_other_strengths(planned))):
                yield candidate
                yield from _chained(family, candidate, techniques[k + 1 :], (*before, technique), alike)


def _other_strengths(candidate: Candidate) -> Iterator[Candidate]:
    if isinstance(candidate.recipe, HasStrength):
        for kept in KEPT_SHARES:
            yield with_share(candidate, "kept", kept)
