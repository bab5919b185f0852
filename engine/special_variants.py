"""Specialised variants: a trunk of the catalog with a head that was trained while the engine runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from specializer.special_head import SpecialHead


@dataclass(frozen=True, slots=True)
class SpecialVariant:
    """What answers in a cascade before the generic variant.

    Args:
        id: in results: that of the generic variant on this trunk, and which classes.
        trunk: name in the catalog.
        head: id of the head, a piece of its own.
        classes: name for each of the head's rows; "" for what is always passed on.
        threshold: least confidence of an answer that is not passed on.
        favoured: the classes that it was made for.
        prior_shift: by how much their log odds are raised in what the generic variant answers to windows
            that are passed on.
    """

    id: str
    trunk: str
    head: str
    classes: tuple[str, ...]
    threshold: float
    favoured: tuple[str, ...] = ()
    prior_shift: float = 0.0

    def answers(self, name: str, confidence: float) -> bool:
        """Tell whether an answer of the head stands without the generic variant."""
        return bool(name) and confidence >= self.threshold


NO_SPECIALS: Mapping[str, SpecialVariant] = MappingProxyType({})


def special_variants(
    trunk: str, task: str, classes: tuple[str, ...], head: SpecialHead, new_id: Callable[[str, str], str]
) -> tuple[SpecialVariant, ...]:
    """Name a head that was just trained, and the second one where there is one.

    Args:
        classes: names of the task's classes.
        new_id: makes an id that no other piece has of the names of a trunk and a task.
    """
    names = tuple(classes[c] for c in head.dominant)
    heads = [(trunk, head.weights, head.threshold, head.others)]
    if head.second is not None:
        second = head.second
        heads.append((second.trunk, second.weights, second.threshold, second.others))
    return tuple(
        SpecialVariant(
            f"{on}/{task}[{','.join(sorted(names))}]",
            on,
            new_id(on, task),
            names + (tuple(classes[c] for c in others) or ("",) * (len(weights.bias) - len(names))),
            threshold,
            names,
            head.prior_shift,
        )
        for on, weights, threshold, others in heads
    )
