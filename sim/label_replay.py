"""Replays which classes were seen, with models that are right as often as a table says.

What a model answers about a window is drawn; what is seen, and when, is the trace's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from specializer.cascade import Stakes
from specializer.policy import Active, Seen, SpecializationPolicy
from specializer.remembered_heads import MOST_REMEMBERED, RememberedHeads
from specializer.specialist import Event, NotTrained, Specialist, Trained

PolicyMaker = Callable[[Stakes, Iterable[Active]], SpecializationPolicy]


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
        heads: how many were trained.
        events: what the specialist did.
    """

    right: list[bool] = field(default_factory=list)
    generic_right: list[bool] = field(default_factory=list)
    generic_ran: list[bool] = field(default_factory=list)
    specialised: list[bool] = field(default_factory=list)
    heads: int = 0
    events: tuple[Event, ...] = ()

    def saving(self, generic_cost: float, special_cost: float) -> float:
        """Return how many times less it cost than the generic model for every window, heads left out.

        Args:
            generic_cost: of a window; in the same unit as special_cost.
        """
        cost = generic_cost * sum(self.generic_ran) + special_cost * sum(self.specialised)
        return generic_cost * len(self.right) / cost


class TabledModels:
    """A generic model and specialised ones that are right as often as the stakes say.

    Args:
        stakes: rates and accuracy.
        classes: of the task; a generic model that is wrong answers any other of them.
        rng: draws what they answer.
    """

    def __init__(self, stakes: Stakes, classes: int, rng: np.random.Generator) -> None:
        self._accuracy = stakes.generic_accuracy
        self._classes = classes
        self._rng = rng

    def generic(self, truth: int) -> int:
        """Return the generic model's answer."""
        if self._rng.random() < self._accuracy:
            return truth
        other = int(self._rng.integers(self._classes - 1))
        return other + (other >= truth)

    def special(self, truth: int, active: Active) -> int | None:
        """Return the specialised model's answer; None for "other"."""
        drawn, rates = self._rng.random(), active.rates
        if truth in active.classes:
            if drawn < rates.accuracy_in:
                return truth
            if drawn < rates.accuracy_in + rates.in_to_other or len(active.classes) == 1:
                return None
            return self._one_of([c for c in active.classes if c != truth])
        return None if drawn < rates.accuracy_out else self._one_of(active.classes)

    def checks(self, share: float) -> bool:
        """Draw whether an answer is checked."""
        return share > 0.0 and self._rng.random() < share

    def _one_of(self, classes: Sequence[int]) -> int:
        return classes[int(self._rng.integers(len(classes)))]


class TabledHeads:
    """Heads that take a given time to make and do as the table says; see HeadOrders."""

    def __init__(self, stakes: Stakes, takes_s: float) -> None:
        self._stakes = stakes
        self._takes_s = takes_s
        self._order: tuple[tuple[int, ...], float] | None = None
        self.made = 0

    def order(self, classes: tuple[int, ...], now: float) -> None:
        """Begin to make a head."""
        self._order = classes, now + self._takes_s

    def ready(self, now: float) -> Trained[None] | NotTrained | None:
        """Return the head once its time has passed."""
        if self._order is None or now < self._order[1]:
            return None
        classes, self._order = self._order[0], None
        self.made += 1
        return Trained(Active(classes, self._stakes.rates.of(len(classes))), None)


def replay(
    sightings: Iterable[Sighting],
    make_policy: PolicyMaker,
    stakes: Stakes,
    classes: int,
    head_s: float,
    rng: np.random.Generator,
    most_remembered: int = MOST_REMEMBERED,
) -> Replayed:
    """Live through a trace with a policy.

    Args:
        make_policy: for these stakes and the heads that will be remembered.
        classes: of the task.
        head_s: from the order of a head until it can be used.
        rng: draws what models answer and what is checked.
        most_remembered: heads that are kept for when their classes come again.
    """
    models, orders = TabledModels(stakes, classes, rng), TabledHeads(stakes, head_s)
    remembered: RememberedHeads[None] = RememberedHeads(most_remembered)
    specialist = Specialist(make_policy(stakes, remembered), orders, remembered)
    lived = Replayed()
    events: list[Event] = []
    for sighting in sightings:
        specialist.attend(sighting.t_s)
        active, truth = specialist.active, sighting.class_id
        generic = models.generic(truth)
        special = None if active is None else models.special(truth, active)
        checked = special is None or models.checks(specialist.check_share)
        answer = generic if special is None else special
        lived.right.append(answer == truth)
        lived.generic_right.append(generic == truth)
        lived.generic_ran.append(checked)
        lived.specialised.append(active is not None)
        specialist.observe(
            Seen(special, generic if checked else None, cascaded=active is not None), sighting.t_s
        )
        events += specialist.take_events()
    return replace(lived, heads=orders.made, events=tuple(events))
