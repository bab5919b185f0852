"""What came of one candidate, and the catalog's contents as the sum of what came of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.contents import CatalogContents, CompileRecord
from catalog.heads import Head
from catalog.parts import Part, Trunk
from catalog.tasks import InputType, Task
from catalog.variants import Variant


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finished trunk: everything that it adds to a catalog."""

    trunk: Trunk
    parts: tuple[Part, ...]
    heads: tuple[Head, ...]
    variants: tuple[Variant, ...]


def outcomes_of(contents: CatalogContents) -> dict[str, Outcome]:
    """Take contents apart again, by trunk name."""
    parts = {p.id: p for p in contents.parts}
    return {
        trunk.name: Outcome(
            trunk,
            tuple(parts[p] for p in trunk.parts),
            tuple(h for h in contents.heads if h.trunk == trunk.name),
            tuple(v for v in contents.variants if v.trunk == trunk.name),
        )
        for trunk in contents.trunks
    }


def contents_of(
    compiled: CompileRecord,
    input_types: Sequence[InputType],
    tasks: Sequence[Task],
    names: Sequence[str],
    outcomes: Mapping[str, Outcome],
) -> CatalogContents:
    """Put outcomes together in the order of names, whatever order they came in."""
    done = [outcomes[name] for name in names if name in outcomes]
    parts = {p.id: p for outcome in done for p in outcome.parts}
    return CatalogContents(
        compiled,
        tuple(input_types),
        tuple(tasks),
        tuple(parts.values()),
        tuple(o.trunk for o in done),
        tuple(h for o in done for h in o.heads),
        tuple(v for o in done for v in o.variants),
    )
