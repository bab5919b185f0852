"""Watches the head in use for what would make it not worth it."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from specializer.cascade import HeadCost, Stakes
from specializer.caution import Caution
from specializer.change_detector import ChangeDetector
from specializer.change_rate import ChangeRate
from specializer.policy import Active, Seen

# Of what a head may pass on and save nothing; it is not left before that is more likely exceeded than this.
_STILL_PAYS = 0.5
_LATEST_DISAGREEMENTS = 4


class Change(NamedTuple):
    """Why a head is not worth it any more.

    Args:
        why: for people.
        since: how many answers ago that began.
        mistaken: classes of the head's whose windows it took for others, where that is why: the scene is
            still the same.
    """

    why: str
    since: int
    mistaken: tuple[int, ...] = ()


class HeadWatch:
    """Notices by cumulative sums when other classes come, too much is passed on, or checks disagree.

    Args:
        stakes: rates, accuracy and costs.
        caution: how much evidence it takes.
    """

    def __init__(self, stakes: Stakes, caution: Caution) -> None:
        self._stakes = stakes
        self._caution = caution
        self._active: Active | None = None
        self._last: Active | None = None
        self._gained = 0.0
        self._in_vain = 0
        self._rate = ChangeRate(caution)
        self._outside = self._passed = self._false = ChangeDetector(0.0, 1.0, math.inf)
        self._really: deque[int] = deque(maxlen=_LATEST_DISAGREEMENTS)

    @property
    def active(self) -> Active | None:
        """The head that is watched."""
        return self._active

    @property
    def last(self) -> Active | None:
        """The head that is watched, or was last: what was answered lately is mostly its."""
        return self._last

    @property
    def in_vain(self) -> int:
        """How many heads in a row did not pay for their training, so far as that is counted."""
        return self._in_vain

    @property
    def is_wary(self) -> bool:
        """Whether what was just seen hints at other classes than the head's."""
        least = self._caution.wary + self._rate.further_evidence
        return self._active is not None and self._outside.evidence >= least

    @property
    def undisturbed(self) -> float:
        """Share of what heads meet lately that is of their scenes; see ChangeRate."""
        return self._rate.undisturbed

    def begin(self, active: Active, before: float, least: float) -> None:
        """Watch a head from now on.

        Args:
            before: share of its classes that is taken to be usual, in [0, 1].
            least: share of its classes from which on it is accurate enough, in [0, 1].
        """
        if self._active is not None:
            self._count_gain()
        c, rates, stakes = self._caution, active.rates, self._stakes
        seldom, often = (1.0 - rates.seems(p, stakes.generic_accuracy) for p in (before, least))
        self._outside = ChangeDetector(seldom, often, c.evidence)
        cost = self._cost_of(active).of(rates, active.skew)
        bearable = 1.0 - (cost / stakes.generic_cost + c.least_saving)
        usual = min(max(rates.passed_on(before), _STILL_PAYS * bearable), 0.9 * bearable)
        self._passed = ChangeDetector(usual, bearable, c.evidence)
        right = rates.accuracy_in / max(1.0 - rates.in_to_other, 1e-9) * stakes.generic_accuracy
        self._false = ChangeDetector(1.0 - right, max(c.most_false, 1.5 * (1.0 - right)), c.evidence / 2)
        self._active = self._last = active
        self._gained = 0.0
        self._really.clear()

    def gain(self, seen: Seen) -> float:
        """Return what a window with the head took less than with the generic model, and keep count of it."""
        assert self._active is not None, "begin comes first"
        spared = self._stakes.generic_cost if seen.generic is None else 0.0
        gained = spared - self._cost_of(self._active).of_window(seen.second)
        self._gained += gained
        return gained

    def observe(self, seen: Seen) -> Change | None:
        """Take note of a window with the head; return what has changed, if anything has."""
        assert self._active is not None, "begin comes first"
        # the head's own word, of which its rates tell, also where it is checked
        said = seen.class_id if seen.special is None else seen.special
        outside = self._outside.observe(said not in self._active.classes, self._rate.further_evidence)
        self._rate.observe(outside)
        if outside:
            return Change(f"other classes came, {self._outside.since} answers ago", self._outside.since)
        if self._passed.observe(seen.special is None):
            return Change("it passes on too much", self._passed.since)
        if seen.disagrees:
            self._really.append(seen.class_id)
        if seen.is_checked and self._false.observe(seen.disagrees):
            return Change("checks disagreed", self._outside.since, self._mistaken(self._active))
        return None

    def _mistaken(self, active: Active) -> tuple[int, ...]:
        """Return the classes of the head's that it took for others, where checks mostly found that."""
        own = [c for c in self._really if c in active.classes]
        return tuple(sorted(set(own))) if 2 * len(own) > len(self._really) else ()

    def end(self) -> None:
        """Watch nothing from now on."""
        self._count_gain()
        self._active = None

    def give_up(self) -> None:
        """Take note that a head was ordered and is not wanted any more before it came."""
        self._in_vain = min(self._in_vain + 1, self._caution.most_in_vain)

    def _count_gain(self) -> None:
        """Note whether the head that was in use has paid for its training."""
        if self._gained >= self._stakes.head_cost:
            self._in_vain = 0
        else:
            self.give_up()

    def _cost_of(self, active: Active) -> HeadCost:
        return self._stakes.special_costs if active.cost is None else active.cost
