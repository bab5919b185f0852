"""One order, tried on several trunks: of the heads that are accurate enough the one that saves most is taken.

Which trunk is good enough for some classes depends on the classes more than on their number: a smaller
one that tells a ship from a dog may mix up a cat and a dog.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from specializer.cascade import HeadCost, Stakes
from specializer.specialist import HeadOrders, NotTrained, Trained

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Candidate(Generic[H]):
    """A trunk that heads may be on.

    Args:
        orders: makes them.
        cost: of windows with one of them, in the unit of the stakes.
    """

    orders: HeadOrders[H]
    cost: HeadCost


class BestOfOrders(Generic[H]):
    """Implements HeadOrders by those of several trunks.

    Args:
        candidates: at least one, the most promising first.
        stakes: what is saved is judged by.
        skew: at which heads are compared.
    """

    def __init__(self, candidates: Sequence[Candidate[H]], stakes: Stakes, skew: float) -> None:
        self._candidates = candidates
        self._stakes = stakes
        self._skew = skew
        self._became: dict[int, Trained[H] | NotTrained] = {}

    def order(self, classes: tuple[int, ...], skew: float, now: float) -> None:
        """Begin to make a head on each trunk; see HeadOrders."""
        self._became = {}
        for candidate in self._candidates:
            candidate.orders.order(classes, skew, now)

    def ready(self, now: float) -> Trained[H] | NotTrained | None:
        """Return the best once all are there, or why there is none; see HeadOrders.

        Where a trunk gave none for a passing reason, that one is told: the order may do better soon.
        """
        for i, candidate in enumerate(self._candidates):
            if i not in self._became and (became := candidate.orders.ready(now)) is not None:
                self._became[i] = became
        if len(self._became) < len(self._candidates):
            return None
        became_all, self._became = self._became, {}
        made = [
            replace(b, active=replace(b.active, cost=self._candidates[i].cost))
            for i, b in became_all.items()
            if isinstance(b, Trained)
        ]
        if made:
            return max(made, key=self._worth)
        none = [b for b in became_all.values() if isinstance(b, NotTrained)]
        return next((b for b in none if b.passing), became_all[0])

    def _worth(self, made: Trained[H]) -> tuple[bool, float]:
        """Order heads, best last: a cheap trunk is no reason to take one that may be too inaccurate."""
        saved = self._stakes.saved(made.active.rates, self._skew, 0.0, made.active.cost)
        return saved > 0.0 and not made.falls_short, saved
