"""Heads that are there or may be made, and what they are expected to save."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from specializer.cascade import CascadeRates, HeadCost, Stakes
from specializer.policy import AIMED_SKEW, Active

# Of what a head passes on of its own classes' windows, were one made as though nothing else were seen.
_SPARED = 0.65


class Prospect(NamedTuple):
    """A head that is there or may be made.

    Args:
        classes: ids, sorted.
        skew: share of its classes for which it is made.
        rates: its own, or what they are expected to be.
        cost: of windows with it; None for what the stakes say.
    """

    classes: tuple[int, ...]
    skew: float
    rates: CascadeRates
    cost: HeadCost | None = None

    @property
    def key(self) -> tuple[tuple[int, ...], float]:
        """What it is remembered by."""
        return self.classes, self.skew


def prospect(active: Active) -> Prospect:
    """Return a head that is there."""
    return Prospect(active.classes, active.skew, active.rates, active.cost)


def bolder(active: Active, skew: float) -> Prospect:
    """Return what a head for a greater share of the same classes is expected to do.

    On CIFAR-10, heads for .93 passed on half of what those for .7 did of their own classes' windows.
    """
    return Prospect(active.classes, skew, _bolder_rates(active.rates, active.skew, skew), active.cost)


def new_prospects(
    active: Active | None, order: Sequence[int], stakes: Stakes, bolder_skews: Iterable[float]
) -> list[Prospect]:
    """Return heads for the first, the first two, ... of some classes, and bolder ones for each of these.

    Args:
        active: the head in use; bolder ones of its classes come too.
        order: classes, most frequent first.
        stakes: know what heads do for so many classes, as a mean.
        bolder_skews: shares for which bolder ones are made.
    """
    sets = [tuple(sorted(order[:n])) for n in range(1, len(order) + 1)]
    bases = [Active(s, stakes.rates.of(len(s))) for s in sets]
    if active is not None:
        bases.insert(0, active)
    further = [bolder(base, skew) for skew in bolder_skews for base in bases if skew > base.skew]
    return [*map(prospect, bases), *further]


class Shortfall:
    """By how much heads save less than was expected before they were made.

    What heads do is known as a mean over sets of classes, and the set that seems best is mostly one that
    falls short: without this the next one would always seem better than the head in use.

    Args:
        most: heads, the last ones, from which it is told.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ordered: Prospect | None = None
        self._by: list[float] = []

    def order(self, ordered: Prospect) -> None:
        """Take note of what is expected of a head that was ordered."""
        self._ordered = ordered

    def enter(self, active: Active, share: float, checked: float, stakes: Stakes) -> None:
        """Take note of a head that is used: where it is the one ordered last, of what it really does.

        Args:
            share: of its classes in what is seen.
            checked: share of its answers.
        """
        ordered, self._ordered = self._ordered, None
        if ordered is None or ordered.key != (active.classes, active.skew):
            return
        promised = stakes.saved(ordered.rates, share, checked, ordered.cost)
        self._by.append(promised - stakes.saved(active.rates, share, checked, active.cost))
        del self._by[: -self._most]

    def of(self, new: Prospect) -> float:
        """Return by how much one that was not made yet is expected to save less; nothing for bolder ones.

        Those are mostly ordered where the first of the same classes is there, and told from its rates.
        """
        if new.skew > AIMED_SKEW:
            return 0.0
        return max(0.0, sum(self._by) / (1.0 + len(self._by)))  # as if one had done as expected


@functools.lru_cache(maxsize=1024)
def _bolder_rates(rates: CascadeRates, made_for: float, skew: float) -> CascadeRates:
    spared = _SPARED * (skew - made_for) / (1.0 - made_for) * rates.in_to_other
    return replace(rates, accuracy_in=rates.accuracy_in + spared, in_to_other=rates.in_to_other - spared)
