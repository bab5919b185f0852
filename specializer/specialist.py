"""One app's specialist: does what a policy wants, by remembered heads and by new ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from specializer.policy import GENERIC, Active, Seen, SpecializationPolicy, Wanted
from specializer.remembered_heads import RememberedHeads

H = TypeVar("H")
H_co = TypeVar("H_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Trained(Generic[H_co]):
    """A head that was ordered.

    Args:
        active: its classes and its own rates.
        head: itself.
        falls_short: whether it seemed less accurate than was asked, by no more than chance may do.
    """

    active: Active
    head: H_co
    falls_short: bool = False


@dataclass(frozen=True, slots=True)
class NotTrained:
    """An order from which no head came.

    Args:
        why: for people.
        passing: whether the reason lies elsewhere than in what was ordered, so that the same order may
            give a head soon.
    """

    why: str
    passing: bool = False


class HeadOrders(Protocol[H_co]):
    """Makes heads, one at a time."""

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        """Begin to make a head; what was ordered before and is not there yet is no longer wanted.

        Args:
            skew: share of the classes for which the cascade should be as accurate, in (0, 1).
        """

    def ready(self, now: float) -> Trained[H_co] | NotTrained | None:
        """Return what became of the latest order, once; None while it is under way."""


class Step(StrEnum):
    """What a specialist did."""

    ORDERED = "ordered"
    ENTERED = "entered"
    REENTERED = "entered again"
    LEFT = "left"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people want to know.

    Args:
        t_s: when.
        classes: that it is about.
        why: one line.
    """

    t_s: float
    step: Step
    classes: tuple[int, ...]
    why: str


class Specialist(Generic[H]):
    """Keeps an app's specialised head as a policy wants it.

    Args:
        policy: says what should run.
        orders: makes heads.
        remembered: heads made before; a policy may look at it.
    """

    def __init__(
        self, policy: SpecializationPolicy, orders: HeadOrders[H], remembered: RememberedHeads[H]
    ) -> None:
        self._policy = policy
        self._orders = orders
        self._remembered = remembered
        self._active: Active | None = None
        self._head: H | None = None
        self._ordered: Wanted | None = None
        self._wanted = GENERIC
        self._events: list[Event] = []

    @property
    def active(self) -> Active | None:
        """What the head in use is for; None where the generic model answers alone."""
        return self._active

    @property
    def head(self) -> H | None:
        """The head in use."""
        return self._head

    @property
    def check_share(self) -> float:
        """Share of the head's own answers that the generic model should check, as a rule."""
        return self._policy.check_share

    @property
    def is_wary(self) -> bool:
        """Whether it should check every one for now."""
        return self._policy.is_wary

    @property
    def share(self) -> float:
        """Share of all that is seen that the classes of the head in use seem to have; 0 where none is."""
        return 0.0 if self._active is None else self._policy.share(self._active)

    def take_events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def attend(self, now: float) -> None:
        """Take a head that has become ready into use, where it is still wanted."""
        ordered = self._ordered
        if ordered is None:
            return
        became = self._orders.ready(now)
        if became is None:
            return
        self._ordered = None
        if isinstance(became, NotTrained):
            self._note(now, Step.REFUSED, ordered.classes, became.why)
            self._policy.refuse(ordered.classes, ordered.skew, now, became.passing)
            return
        self._remembered.put(became.active, became.head)
        if _alike(self._wanted, ordered):
            self._enter(now, Step.ENTERED, became.active, became.head)

    def observe(self, seen: Seen, now: float) -> None:
        """Take note of an answered request, and do what the policy wants then."""
        wanted = self._wanted = self._policy.observe(seen, self._active, now)
        running = () if self._active is None else self._active.classes
        if wanted.classes == running and (self._active is None or _alike(wanted, self._active)):
            return
        if running and not wanted.meanwhile:
            self._note(now, Step.LEFT, running, wanted.why)
            self._active = self._head = None
        if not wanted.classes or (self._ordered is not None and _alike(wanted, self._ordered)):
            return
        known = self._remembered.take(wanted.classes, wanted.skew)
        if known is not None:
            self._enter(now, Step.REENTERED, *known)
            return
        self._orders.order(wanted.classes, wanted.skew, now)
        self._ordered = wanted
        self._note(now, Step.ORDERED, wanted.classes, wanted.why)

    def stop(self, why: str, now: float) -> None:
        """Leave the head in use; what is ordered is no longer wanted, and what was seen is forgotten."""
        if self._active is not None:
            self._note(now, Step.LEFT, self._active.classes, why)
        self._active = self._head = None
        self._wanted = GENERIC
        self._policy.forget()

    def _enter(self, now: float, step: Step, active: Active, head: H) -> None:
        self._active, self._head = active, head
        self._note(now, step, active.classes, self._wanted.why)

    def _note(self, now: float, step: Step, classes: tuple[int, ...], why: str) -> None:
        self._events.append(Event(now, step, classes, why))


def _alike(wanted: Wanted, other: Wanted | Active) -> bool:
    """Tell whether both are for the same share of the same classes."""
    return (wanted.classes, wanted.skew) == (other.classes, other.skew)
