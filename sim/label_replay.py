"""Replays which classes were seen, and what a specialist makes of it.

What is seen, and when, is the trace's; what models answer is somebody else's to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeVar

from specializer.policy import Active, Seen
from specializer.specialist import Event, Specialist

H = TypeVar("H")
H_contra = TypeVar("H_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One window whose class is known.

    Args:
        t_s: when; never less than before.
        class_id: what it shows.
    """

    t_s: float
    class_id: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay gave.

    Args:
        right: one a window, whether the answer was right.
        generic_right: likewise of the generic model on the same draws.
        generic_ran: one a window, whether the generic model ran, be it for a check.
        specialised: one a window, whether a specialised head was in use.
        events: what the specialist did.
    """

    right: list[bool] = field(default_factory=list)
    generic_right: list[bool] = field(default_factory=list)
    generic_ran: list[bool] = field(default_factory=list)
    specialised: list[bool] = field(default_factory=list)
    events: tuple[Event, ...] = ()

    def saving(self, generic_cost: float, special_cost: float, heads_cost: float = 0.0) -> float:
        """Return how many times less it cost than the generic model for every window.

        Args:
            generic_cost: of a window; in the same unit as the others.
            special_cost: of a window that a specialised head looked at first.
            heads_cost: of all heads; 0 to leave them out.
        """
        cost = generic_cost * sum(self.generic_ran) + special_cost * sum(self.specialised) + heads_cost
        return generic_cost * len(self.right) / cost


class Said(NamedTuple):
    """What a model says about a window.

    Args:
        class_id: None for "other".
        confidence: calibrated.
        second: whether a second head was asked.
    """

    class_id: int | None
    confidence: float = 1.0
    second: bool = False


class ReplayedModels(Protocol[H_contra]):
    """Answers in place of models that run."""

    def see(self, class_id: int) -> None:
        """Turn to a window of a class; the rest is about that one."""

    def generic(self) -> Said:
        """Return the generic model's answer, which is never "other"."""

    def special(self, active: Active, head: H_contra) -> Said:
        """Return the answer of a specialised head, or of its second one where it is not sure of a class."""

    def behind(self, head: H_contra) -> Said:
        """Return the generic model's answer to what a head passes on, whose classes it then leans to."""

    def checks(self, share: float) -> bool:
        """Draw whether an answer is checked."""


def replay(sightings: Iterable[Sighting], specialist: Specialist[H], models: ReplayedModels[H]) -> Replayed:
    """Live through a trace.

    Args:
        specialist: new; does what its policy wants.
        models: what answers.
    """
    lived = Replayed()
    events: list[Event] = []
    for sighting in sightings:
        specialist.attend(sighting.t_s)
        models.see(sighting.class_id)
        seen, answered, generic = _ask(specialist, models)
        lived.right.append(answered == sighting.class_id)
        lived.generic_right.append(generic.class_id == sighting.class_id)
        lived.generic_ran.append(seen.generic is not None)
        lived.specialised.append(seen.cascaded)
        specialist.observe(seen, sighting.t_s)
        events += specialist.take_events()
    return replace(lived, events=tuple(events))


def _ask(specialist: Specialist[H], models: ReplayedModels[H]) -> tuple[Seen, int | None, Said]:
    """Return what is seen of a window, what is answered, and what the generic model alone says of it."""
    active, head, generic = specialist.active, specialist.head, models.generic()
    if active is None or head is None:
        return Seen(None, generic.class_id, generic.confidence), generic.class_id, generic
    special = models.special(active, head)
    checked = special.class_id is None or specialist.is_wary or models.checks(specialist.check_share)
    if not checked:
        seen = Seen(special.class_id, None, special.confidence, True, special.second)
        return seen, special.class_id, generic
    seen = Seen(special.class_id, generic.class_id, generic.confidence, True, special.second)
    return seen, models.behind(head).class_id, generic
