"""Models that are right as often as a table says, for replays: what they answer is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.label_replay import Replayed, Said, Sighting, replay
from specializer.cascade import Stakes
from specializer.caution import Caution
from specializer.expected_saving import ExpectedSaving
from specializer.policy import Active, SpecializationPolicy
from specializer.remembered_heads import MOST_REMEMBERED, RememberedHeads
from specializer.specialist import NotTrained, Specialist, Trained

PolicyMaker = Callable[[Stakes, Iterable[Active]], SpecializationPolicy]


@dataclass(frozen=True, slots=True)
class TabledHead:
    """A head of which nothing is known but its rates."""


class TabledModels:
    """A generic model and specialised ones that are right as often as the stakes say; see ReplayedModels.

    Args:
        stakes: rates and accuracy.
        classes: of the task; a generic model that is wrong answers any other of them.
        rng: draws what they answer.
    """

    def __init__(self, stakes: Stakes, classes: int, rng: np.random.Generator) -> None:
        self._accuracy = stakes.generic_accuracy
        self._classes = classes
        self._rng = rng
        self._truth = 0
        self._generic = Said(0)

    def see(self, class_id: int) -> None:
        """Turn to a window of a class."""
        self._truth = class_id

    def generic(self) -> Said:
        """Return the generic model's answer, drawn anew."""
        self._generic = Said(self._truth)
        if self._rng.random() >= self._accuracy:
            other = int(self._rng.integers(self._classes - 1))
            self._generic = Said(other + (other >= self._truth))
        return self._generic

    def special(self, active: Active, head: TabledHead) -> Said:  # noqa: ARG002 - its rates say it all
        """Return the specialised model's answer."""
        drawn, rates, truth = self._rng.random(), active.rates, self._truth
        if truth in active.classes:
            if drawn < rates.accuracy_in:
                return Said(truth)
            if drawn < rates.accuracy_in + rates.in_to_other or len(active.classes) == 1:
                return Said(None)
            return self._one_of([c for c in active.classes if c != truth])
        return Said(None) if drawn < rates.accuracy_out else self._one_of(active.classes)

    def behind(self, head: TabledHead) -> Said:  # noqa: ARG002 - a table tells of one generic model alone
        """Return the generic model's answer."""
        return self._generic

    def checks(self, share: float) -> bool:
        """Draw whether an answer is checked."""
        return share > 0.0 and self._rng.random() < share

    def _one_of(self, classes: Sequence[int]) -> Said:
        return Said(classes[int(self._rng.integers(len(classes)))])


class TabledHeads:
    """Heads that take a given time to make and do as the table says; see HeadOrders."""

    def __init__(self, stakes: Stakes, takes_s: float) -> None:
        self._stakes = stakes
        self._takes_s = takes_s
        self._order: tuple[tuple[int, ...], float, float] | None = None
        self.made = 0

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        """Begin to make a head."""
        self._order = classes, skew, now + self._takes_s

    def ready(self, now: float) -> Trained[TabledHead] | NotTrained | None:
        """Return the head once its time has passed."""
        if self._order is None or now < self._order[2]:
            return None
        (classes, skew, _), self._order = self._order, None
        self.made += 1
        return Trained(Active(classes, self._stakes.rates.of(len(classes)), skew=skew), TabledHead())


def expected_saving(stakes: Stakes, known: Iterable[Active]) -> ExpectedSaving:
    """Return the policy of this project for such heads.

    A table has the same rates whatever share a head is made for, so none is ordered for another share.
    """
    return ExpectedSaving(stakes, known, caution=Caution(bolder=()))


@dataclass(frozen=True, slots=True)
class TabledReplay:
    """A replay with tabled models.

    Args:
        heads: how many were made.
    """

    lived: Replayed
    heads: int


def replay_tabled(
    sightings: Iterable[Sighting],
    make_policy: PolicyMaker,
    stakes: Stakes,
    classes: int,
    head_s: float,
    rng: np.random.Generator,
    most_remembered: int = MOST_REMEMBERED,
) -> TabledReplay:
    """Live through a trace with a policy.

    Args:
        make_policy: for these stakes and the heads that will be remembered.
        classes: of the task.
        head_s: from the order of a head until it can be used.
        rng: draws what models answer and what is checked.
        most_remembered: heads that are kept for when their classes come again.
    """
    orders = TabledHeads(stakes, head_s)
    remembered: RememberedHeads[TabledHead] = RememberedHeads(most_remembered)
    specialist = Specialist(make_policy(stakes, remembered), orders, remembered)
    lived = replay(sightings, specialist, TabledModels(stakes, classes, rng))
    return TabledReplay(lived, orders.made)
