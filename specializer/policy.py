"""What a policy for specialising is told, what it wants, and its one verb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from specializer.cascade import CascadeRates, HeadCost

# Share of a head's classes for which it is ordered at first: above it the cascade is the more accurate. With
# .8 little was saved where two classes of ten held six windows in ten.
AIMED_SKEW = 0.7


class Seen(NamedTuple):
    """One answered request.

    A named tuple, because one is made for every request.

    Args:
        special: class that the specialised head answered; None where none ran, or where it passed
            the window on.
        generic: class that the generic model answers alone, whatever is known of the scene; None where it
            did not run.
        confidence: calibrated, of the one or the other.
        cascaded: whether a specialised head ran.
        second: whether a second one ran, too.
    """

    special: int | None
    generic: int | None
    confidence: float = 1.0
    cascaded: bool = False
    second: bool = False

    @property
    def class_id(self) -> int:
        """What it is taken to be: the generic model's word where there is one."""
        known = self.special if self.generic is None else self.generic
        assert known is not None, "a request that is told was answered"
        return known

    @property
    def is_checked(self) -> bool:
        """Whether both models answered it."""
        return self.special is not None and self.generic is not None

    @property
    def disagrees(self) -> bool:
        """Whether it was checked and the two models said different things."""
        return self.is_checked and self.special != self.generic


@dataclass(frozen=True, slots=True)
class Active:
    """The specialised head in use.

    Args:
        classes: ids, sorted.
        rates: its own, from validation.
        cost: of windows with it, in the unit of the stakes; None for what they say.
        skew: share of its classes for which it was made, in (0, 1).
    """

    classes: tuple[int, ...]
    rates: CascadeRates
    cost: HeadCost | None = None
    skew: float = AIMED_SKEW


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a policy wants to run.

    Args:
        classes: to be specialised in, sorted; empty for the generic model alone.
        why: for people, and only where that changed.
        meanwhile: whether the head in use may go on until the wanted one is there.
        skew: share of these classes for which the head is to be made.
    """

    classes: tuple[int, ...]
    why: str = ""
    meanwhile: bool = False
    skew: float = AIMED_SKEW


GENERIC = Wanted(())


class SpecializationPolicy(Protocol):
    """Decides when to specialise, in what, and when to stop; reads no clock and draws no numbers."""

    @property
    def check_share(self) -> float:
        """Share of the specialised head's own answers that the generic model should check."""

    @property
    def is_wary(self) -> bool:
        """Whether it should check every answer for now: what was just seen hints at a change."""

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        """Take note of an answered request and say what should run.

        Args:
            seen: the request.
            active: what runs now; None for the generic model alone.
            now: in seconds, never less than before.
        """

    def share(self, active: Active) -> float:
        """Return what share of all that is seen it takes the classes of the head in use to have."""

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:
        """Take note that no head came for these classes that is made for this share of them.

        Args:
            passing: whether the reason lies elsewhere than in these classes, so that the same order may
                give one soon.
        """

    def forget(self) -> None:
        """Take note that what ran was stopped, maybe for hours: what was seen counts no longer."""
