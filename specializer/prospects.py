"""Heads that are there or may be made, and what they are expected to save."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from specializer.cascade import CascadeRates, HeadCost, Stakes
from specializer.policy import AIMED_SKEW, Active


class Prospect(NamedTuple):
    """A head that is there or may be made.

    Args:
        classes: ids, sorted.
        skew: share of its classes for which it is made.
        rates: its own, or what they are expected to be.
        cost: of windows with it; None for what the stakes say.
        of_its_set: whether rates are from a head for just these classes, not a mean over sets of them.
    """

    classes: tuple[int, ...]
    skew: float
    rates: CascadeRates
    cost: HeadCost | None = None
    of_its_set: bool = True

    @property
    def key(self) -> tuple[tuple[int, ...], float]:
        """What it is remembered by."""
        return self.classes, self.skew


def prospect(active: Active) -> Prospect:
    """Return a head that is there."""
    return Prospect(active.classes, active.skew, active.rates, active.cost)


def unmade(classes: tuple[int, ...], stakes: Stakes) -> Prospect:
    """Return the first head for classes that have none: its rates are a mean over sets of as many."""
    return Prospect(classes, AIMED_SKEW, stakes.rates.of(len(classes)), of_its_set=False)


def bolder(base: Prospect, skew: float) -> Prospect:
    """Return what a head for a greater share of the same classes is expected to do.

    It passes on as much less of its own classes' windows as there is less of others: a head made as though
    nothing else were seen would pass on none. On CIFAR-10, heads for .88 passed on .37 of what those for .7
    did, for .92 and .93 a quarter, for .96 a sixth; this tells .4, .25 and .13.
    """
    return base._replace(skew=skew, rates=_bolder_rates(base.rates, base.skew, skew))


def prospects(
    known: Sequence[Active],
    active: Active | None,
    order: Sequence[int],
    fewest: int,
    stakes: Stakes,
    bolder_skews: Iterable[float],
) -> list[Prospect]:
    """Return heads that are there, those for the first few, the first few and one, ... of some classes.

    And bolder ones for each of these sets and for that of the head in use.

    Each comes once, told from a head for its classes where there is one: from itself, else from the one in
    use, else from the first that was made.

    Args:
        known: heads that are there.
        active: the head in use; bolder ones of its classes come too.
        order: classes, most frequent first.
        fewest: of them that a head is for, at least 1.
        stakes: know what heads do for so many classes, as a mean.
        bolder_skews: shares for which bolder ones are made.
    """
    firsts = {k.classes: prospect(k) for k in known if k.skew == AIMED_SKEW}
    sets = [tuple(sorted(order[:n])) for n in range(fewest, len(order) + 1)]
    bases = [] if active is None else [prospect(active)]
    bases += [firsts[s] if s in firsts else unmade(s, stakes) for s in sets]
    further = (bolder(base, skew) for skew in bolder_skews for base in bases if skew > base.skew)
    found: dict[tuple[tuple[int, ...], float], Prospect] = {}
    for one in (*map(prospect, known), *bases, *further):
        found.setdefault(one.key, one)
    return list(found.values())


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
        """Take note of what is expected of a head that was ordered; only means over sets fall short."""
        self._ordered = None if ordered.of_its_set else ordered

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
        """Return by how much one that was not made yet is expected to save less.

        Nothing where what it does is told from another head for the same classes.
        """
        if new.of_its_set:
            return 0.0
        return max(0.0, sum(self._by) / (1.0 + len(self._by)))  # as if one had done as expected


@functools.lru_cache(maxsize=1024)
def _bolder_rates(rates: CascadeRates, made_for: float, skew: float) -> CascadeRates:
    spared = (skew - made_for) / (1.0 - made_for) * rates.in_to_other
    return replace(rates, accuracy_in=rates.accuracy_in + spared, in_to_other=rates.in_to_other - spared)
