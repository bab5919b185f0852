"""Specialised variants: a trunk of the catalog with a head that was trained while the engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from specializer.special_head import SpecialHead


@dataclass(frozen=True, slots=True)
class SpecialVariant:
    """What answers first in a cascade.

    Args:
        id: in results: that of the generic variant on this trunk, and which classes.
        trunk: name in the catalog.
        head: id of the head, a piece of its own.
        classes: name for each of the head's rows; "" for what is passed on.
        threshold: least confidence of an answer that is not passed on.
    """

    id: str
    trunk: str
    head: str
    classes: tuple[str, ...]
    threshold: float

    def answers(self, name: str, confidence: float) -> bool:
        """Tell whether an answer of the head stands without the generic variant."""
        return bool(name) and confidence >= self.threshold


NO_SPECIALS: Mapping[str, SpecialVariant] = MappingProxyType({})


def special_variant(
    trunk: str, task: str, classes: tuple[str, ...], head: SpecialHead, head_id: str
) -> SpecialVariant:
    """Name a head that was just trained.

    Args:
        classes: names of the task's classes.
        head_id: that no other piece has.
    """
    rows = len(head.weights.bias)
    names = tuple(classes[c] for c in head.dominant)
    known = names + ("",) * (rows - len(names))
    name = f"{trunk}/{task}[{','.join(sorted(names))}]"
    return SpecialVariant(name, trunk, head_id, known, head.threshold)
