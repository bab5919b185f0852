"""What a specialised model in front of a generic one is worth at a given skew."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class CascadeRates:
    """How a specialised model does, whatever the skew.

    Args:
        accuracy_in: share of windows of its classes that it answers rightly.
        in_to_other: share of windows of its classes that it passes on, as "other" or unsure.
        accuracy_out: share of windows of other classes that it passes on, likewise.
        harder_in: how much less accurate the generic model is on the windows of its classes that it passes
            on than on all of them, in [-1, 1]: what is hard for one model is hard for another; below 0 where
            knowing the classes helps that model more.
        harder_out: likewise on windows of other classes.
        second_in: share of windows of its classes about which a second head is asked, where there is one;
            the figures above are those of both together.
        second_out: likewise of windows of other classes.
        easier_in: how much more accurate the generic model is on windows of its classes than on those of
            all, in [-1, 1]: a set of classes may be hard for every model.
        easier_out: likewise on windows of other classes.
        right_out: share of windows of other classes that it answers rightly itself, where it tells them
            apart.
        strayed_in: share of windows of its classes that it takes for another one.
    """

    accuracy_in: float
    in_to_other: float
    accuracy_out: float
    harder_in: float = 0.0
    harder_out: float = 0.0
    second_in: float = 0.0
    second_out: float = 0.0
    easier_in: float = 0.0
    easier_out: float = 0.0
    right_out: float = 0.0
    strayed_in: float = 0.0

    def accuracy(self, skew: float, generic: float) -> float:
        """Return the accuracy of the cascade; "other" goes on to the generic model.

        What it gains or loses against that model on just these windows, added to that model's accuracy.
        The formula is that of Sequential Specialization (CVPR 2017), section 4, which takes what is passed
        on, and every set of classes, to be as easy as everything else. On CIFAR-10 that promises one to
        three points too much.

        Args:
            skew: share of what is seen that is of its classes.
            generic: accuracy of the generic model on windows of all classes.
        """
        inside, outside = generic + self.easier_in, generic + self.easier_out
        passed_in, passed_out = _share(inside - self.harder_in), _share(outside - self.harder_out)
        gained_in = self.accuracy_in + self.in_to_other * passed_in - inside
        gained_out = self.right_out + self.accuracy_out * passed_out - outside
        return min(1.0, generic + skew * gained_in + (1.0 - skew) * gained_out)

    def passed_on(self, skew: float) -> float:
        """Return the share of windows that go on to the generic model."""
        return skew * self.in_to_other + (1.0 - skew) * self.accuracy_out

    def second_asked(self, skew: float) -> float:
        """Return the share of windows about which a second head is asked."""
        return skew * self.second_in + (1.0 - skew) * self.second_out

    def seems(self, skew: float, generic: float) -> float:
        """Return the share of windows that the cascade answers with one of its classes.

        Windows of other classes that it takes for its own count. Where the generic model is wrong, it
        is taken to name some other class.

        Args:
            generic: accuracy of the generic model.
        """
        lost = self.strayed_in + self.in_to_other * (1.0 - generic)
        mistaken = max(0.0, 1.0 - self.accuracy_out - self.right_out)
        return skew * (1.0 - lost) + (1.0 - skew) * mistaken

    def skew_of(self, seeming: float, generic: float, cascaded: float = 1.0) -> float:
        """Return the skew at which so many windows are answered with one of its classes; see seems.

        Args:
            seeming: their share.
            generic: accuracy of the generic model.
            cascaded: share of windows that went to the cascade; the generic model alone answered the rest.
        """
        never, always = (
            cascaded * self.seems(skew, generic) + (1.0 - cascaded) * skew * generic for skew in (0.0, 1.0)
        )
        return min(1.0, max(0.0, (seeming - never) / max(always - never, 1e-9)))


class RatesByCount:
    """How specialised models do by the number of their classes, which classes hardly matter.

    Between two measured numbers it is interpolated; below the least the least one's rates hold.

    Args:
        measured: by number of classes; at least one.
    """

    def __init__(self, measured: Mapping[int, CascadeRates]) -> None:
        self._counts = sorted(measured)
        self._rates = [measured[n] for n in self._counts]
        self._known: dict[int, CascadeRates] = {}

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of classes that were measured, rising."""
        return tuple(self._counts)

    @property
    def most_classes(self) -> int:
        """For how many classes at most anything is known."""
        return self._counts[-1]

    def of(self, classes: int) -> CascadeRates:
        """Return the rates for a number of classes, at most most_classes."""
        if classes not in self._known:
            self._known[classes] = self._interpolated(classes)
        return self._known[classes]

    def _interpolated(self, classes: int) -> CascadeRates:
        above = bisect_right(self._counts, classes)
        if above == 0:
            return self._rates[0]
        if above == len(self._counts):
            return self._rates[-1]
        low, high = self._counts[above - 1], self._counts[above]
        return _between(self._rates[above - 1], self._rates[above], (classes - low) / (high - low))


class HeadCost(NamedTuple):
    """What a window takes with a specialised head.

    Args:
        first: of the one that is asked about every window.
        second: of the one that is asked about some of what the first passes on; 0 where there is none.
    """

    first: float
    second: float = 0.0

    def of_window(self, second: bool) -> float:
        """Return what one window took, by whether the second head was asked."""
        return self.first + self.second if second else self.first

    def of(self, rates: CascadeRates, skew: float) -> float:
        """Return it as a mean over all windows."""
        return self.first + rates.second_asked(skew) * self.second


@dataclass(frozen=True, slots=True)
class Stakes:
    """What specialising may win and cost; all costs are in one unit, whichever.

    Args:
        rates: of the trunk that would be specialised.
        generic_accuracy: of the model that answers otherwise.
        generic_cost: of a window with that model.
        special_cost: of a window with the specialised one.
        head_cost: of training and fetching one head.
        second_cost: of a window that a second head is asked about, beside special_cost.
    """

    rates: RatesByCount
    generic_accuracy: float
    generic_cost: float
    special_cost: float
    head_cost: float = 0.0
    second_cost: float = 0.0

    @property
    def special_costs(self) -> HeadCost:
        """Of a window, with the specialised ones."""
        return HeadCost(self.special_cost, self.second_cost)

    def saved(self, rates: CascadeRates, skew: float, checked: float, cost: HeadCost | None = None) -> float:
        """Return what the cascade saves on a window.

        Args:
            checked: share of its own answers that are checked by the generic model.
            cost: of the specialised ones; None for special_cost and second_cost.
        """
        passed = rates.passed_on(skew)
        generic_runs = passed + checked * (1.0 - passed)
        own = self.special_costs if cost is None else cost
        return self.generic_cost * (1.0 - generic_runs) - own.of(rates, skew)

    def least_skew(self, rates: CascadeRates, accuracy: float) -> float:
        """Return the skew from which the cascade is at least so accurate; above 1 where it never is."""
        none, all_in = (rates.accuracy(skew, self.generic_accuracy) for skew in (0.0, 1.0))
        if none >= accuracy:
            return 0.0
        return (accuracy - none) / (all_in - none) if all_in > none else 2.0


def _share(figure: float) -> float:
    return min(1.0, max(0.0, figure))


def _between(low: CascadeRates, high: CascadeRates, weight: float) -> CascadeRates:
    pairs = zip(astuple(low), astuple(high), strict=True)
    return CascadeRates(*(a + weight * (b - a) for a, b in pairs))
