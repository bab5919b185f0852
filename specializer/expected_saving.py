"""The policy of this project: specialise in the classes whose cascade is expected to save most.

Against fixed windows: what is to come is told from what was just seen and from what is usual lately,
so that the classes of the last minutes stay in when the picture changes; a change is noticed by
cumulative sums, within a few windows when it is great, and only what was seen since counts then; a
head that is known already is entered after a few windows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from specializer.cascade import CascadeRates, HeadCost, Stakes
from specializer.caution import USUAL_CAUTION, Caution
from specializer.change_detector import ChangeDetector
from specializer.class_shares import ClassShares
from specializer.policy import AIMED_SKEW, GENERIC, Active, Seen, Wanted

# Of what a head passes on of its own classes' windows, were one made as though nothing else were seen.
_SPARED = 0.65
# Of what a head may pass on and save nothing; it is not left before that is more likely exceeded than this.
_STILL_PAYS = 0.5


class _Candidate(NamedTuple):
    """A head that is there or may be made.

    Args:
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


class ExpectedSaving:
    """Specialises where that saves most without being less accurate than the generic model.

    Args:
        stakes: rates, accuracy and costs.
        known: what heads are remembered for.
        tolerance: what the cascade has to be more accurate than the generic model by.
        caution: how much has to be seen.
    """

    def __init__(
        self,
        stakes: Stakes,
        known: Iterable[Active] = (),
        tolerance: float = 0.0,
        caution: Caution = USUAL_CAUTION,
    ) -> None:
        self._stakes = stakes
        self._known = known
        self._goal = stakes.generic_accuracy + tolerance
        self._caution = caution
        self._shares = ClassShares(caution)
        self._known_keys: set[tuple[tuple[int, ...], float]] = set()
        self._aside: dict[tuple[tuple[int, ...], float], float] = {}
        self._retry_s = caution.retry_s
        self._wanted = GENERIC
        self._watched: Active | None = None
        self._outside = self._passed = self._false = ChangeDetector(0.0, 1.0, math.inf)
        self._since_look = self._since_change = 0
        self._cascaded = 0
        self._gained = 0.0
        self._since_new = caution.settled
        self._in_vain = 0
        self._balance = 0.0
        self._bearable = stakes.head_cost
        self._ordered: _Candidate | None = None
        self._fell_short: list[float] = []

    @property
    def check_share(self) -> float:
        """See SpecializationPolicy."""
        return self._caution.check_share

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        """Take note of an answered request; see SpecializationPolicy."""
        self._shares.observe(seen, now)
        self._since_change += 1
        self._since_new += 1
        self._bearable += self._caution.most_lost * self._stakes.generic_cost
        if active is not None and seen.cascaded and self._changed(seen, active):
            return self._wanted
        self._since_look += 1
        if self._since_look >= self._look_every(active) and self._shares.recent >= self._caution.fewest:
            self._since_look = 0
            self._look(active, now)
        return self._wanted

    def _look_every(self, active: Active | None) -> int:
        quiet = active is not None or self._since_change > self._caution.most
        return self._caution.look_seldom_every if quiet else self._caution.look_every

    def share(self, active: Active) -> float:
        """Return what it is since the last change; see SpecializationPolicy."""
        return self._share_since_change(active.classes)

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:
        """Leave these classes alone for a while; see SpecializationPolicy."""
        self._aside[classes, skew] = now + (self._retry_s if passing else self._caution.aside_s)
        if passing:
            self._retry_s = min(2.0 * self._retry_s, self._caution.aside_s)
        watched = self._watched
        self._wanted = GENERIC if watched is None else Wanted(watched.classes, skew=watched.skew)

    def forget(self) -> None:
        """Forget all but what heads were worth and cost; see SpecializationPolicy."""
        if self._watched is not None:
            self._leave("", 0)
        self._wanted = GENERIC
        self._shares.forget()
        self._since_look = self._since_change = 0

    def _changed(self, seen: Seen, active: Active) -> bool:
        """Leave where other classes came or where the checks disagree; tell whether it did."""
        if active is not self._watched:
            self._watch(active)
        self._cascaded += 1
        stakes = self._stakes
        spared = stakes.generic_cost if seen.generic is None else 0.0
        gained = spared - self._cost_of(active).of_window(seen.second)
        self._gained += gained
        self._balance += gained
        outside = self._outside.observe(seen.class_id not in active.classes)
        if outside:
            self._leave(f"other classes came, {self._outside.since} answers ago", self._outside.since)
            return True
        if self._passed.observe(seen.special is None):
            self._leave("it passes on too much", self._passed.since)
            return True
        checked = seen.special is not None and seen.generic is not None
        if checked and self._false.observe(seen.disagrees):
            self._leave("checks disagreed", 0)
            return True
        return False

    def _watch(self, active: Active) -> None:
        """Begin to watch for what would make a head not worth it."""
        if self._watched is not None:
            self._count_gain()
        if self._watched is None or self._watched.classes != active.classes:
            self._cascaded = 0
        c, rates, stakes = self._caution, active.rates, self._stakes
        least = max(0.0, min(1.0, stakes.least_skew(self._first(active).rates, self._goal - c.slack)))
        before = max(self._least_share(active.classes), 0.5 * (1.0 + least))
        seldom, often = (1.0 - rates.seems(p, self._stakes.generic_accuracy) for p in (before, least))
        self._outside = ChangeDetector(seldom, often, c.evidence)
        cost = self._cost_of(active).of(rates, active.skew)
        bearable = 1.0 - (cost / stakes.generic_cost + c.least_saving)
        usual = min(max(rates.passed_on(before), _STILL_PAYS * bearable), 0.9 * bearable)
        self._passed = ChangeDetector(usual, bearable, c.evidence)
        right = rates.accuracy_in / max(1.0 - rates.in_to_other, 1e-9) * self._stakes.generic_accuracy
        self._false = ChangeDetector(1.0 - right, max(c.most_false, 1.5 * (1.0 - right)), c.evidence / 2)
        self._watched = active
        self._learn(active)
        self._gained = 0.0
        self._retry_s = c.retry_s

    def _learn(self, active: Active) -> None:
        """Note by how much a new head saves less than was expected before it was there."""
        ordered, self._ordered = self._ordered, None
        if ordered is None or ordered.key != (active.classes, active.skew):
            return
        check, share = self._caution.check_share, self._share(active.classes)
        promised = self._stakes.saved(ordered.rates, share, check, ordered.cost)
        self._fell_short.append(promised - self._stakes.saved(active.rates, share, check, active.cost))
        del self._fell_short[: -self._caution.most_learned]

    def _first(self, active: Active) -> Active:
        """Return the head that a bolder one took the place of; itself where that is forgotten."""
        first = (k for k in self._known if (k.classes, k.skew) == (active.classes, AIMED_SKEW))
        return next(first, active)

    def _cost_of(self, active: Active) -> HeadCost:
        return self._stakes.special_costs if active.cost is None else active.cost

    def _count_gain(self) -> None:
        """Note whether the head that was in use has paid for its training."""
        if self._gained >= self._stakes.head_cost:
            self._in_vain = 0
        else:
            self._in_vain = min(self._in_vain + 1, self._caution.most_in_vain)

    def _leave(self, why: str, since: int) -> None:
        """Go back to the generic model; what was seen before the change no longer counts as recent."""
        self._count_gain()
        self._wanted = Wanted((), why)
        self._watched = None
        self._shares.keep_recent(since)
        self._since_change = since

    def _look(self, active: Active | None, now: float) -> None:
        """Want the best head, unless what runs is about as good."""
        self._known_keys = {(k.classes, k.skew) for k in self._known}
        expected = self._shares.expected()
        kept = self._kept(active)
        found = self._best(active, kept, expected, now)
        wanted = self._wanted.classes, self._wanted.skew
        if found is not None and (kept is None or found.key != kept.key):
            if found.key != wanted and not self._is_known(found):
                self._balance -= self._stakes.head_cost
                self._since_new = 0
                self._ordered = found
            self._wanted = Wanted(found.classes, self._why(found.classes), True, found.skew)
        elif kept is None and self._wanted.classes:
            if active is None:
                self._in_vain = min(self._in_vain + 1, self._caution.most_in_vain)
            self._wanted = Wanted((), "they no longer make up enough")
        elif kept is not None and wanted != kept.key:
            self._wanted = Wanted(kept.classes, self._why(kept.classes), True, kept.skew)

    def _kept(self, active: Active | None) -> _Candidate | None:
        """Return the head in use or on its way, where it may stay so, or the one to fall back on."""
        if active is not None:
            if self._bears(active.classes, active.skew, active):
                return _candidate(active)
            first = self._first(active)
            return None if first is active else _candidate(first)
        wanted = self._wanted
        if not self._is_near(wanted.classes) or not self._bears(wanted.classes, wanted.skew, None):
            return None
        first = Active(wanted.classes, self._stakes.rates.of(len(wanted.classes)))
        return _candidate(first) if wanted.skew <= first.skew else _bolder(first, wanted.skew)

    def _best(
        self, active: Active | None, kept: _Candidate | None, expected: dict[int, float], now: float
    ) -> _Candidate | None:
        """Return the head that saves most of those that pay; None where none saves enough."""
        kept_saved = 0.0 if kept is None else self._saved(kept, expected)
        least = self._caution.least_saving * self._stakes.generic_cost
        scored = [(self._saved(c, expected), c) for c in self._candidates(active, expected)]
        for saved, candidate in sorted(scored, key=lambda pair: -pair[0]):  # the rest takes longer to tell
            if saved <= least:
                return None
            is_kept = kept is not None and candidate.key == kept.key
            pays = is_kept or self._pays(candidate, saved - kept_saved)
            if pays and self._may_be(candidate, active, now):
                return candidate
        return None

    def _may_be(self, candidate: _Candidate, active: Active | None, now: float) -> bool:
        """Tell whether a head may be put in use, whatever it saves."""
        return (
            self._aside.get(candidate.key, now) <= now
            and self._bears(candidate.classes, candidate.skew, active)
            and self._is_accurate(candidate.classes, candidate.rates)
        )

    def _candidates(self, active: Active | None, expected: dict[int, float]) -> list[_Candidate]:
        """Return the heads that are known and those for the most frequent classes, bolder ones among them."""
        order = sorted(expected, key=lambda c: (-expected[c], c))[: self._stakes.rates.most_classes]
        known = [_candidate(k) for k in self._known]
        tried = {k.key for k in known}
        sets = [tuple(sorted(order[:n])) for n in range(1, len(order) + 1)]
        bases = [Active(s, self._stakes.rates.of(len(s))) for s in sets]
        if active is not None:
            bases.insert(0, active)
        new = [_candidate(base) for base in bases]
        new += [_bolder(base, b.skew) for b in self._caution.bolder for base in bases if b.skew > base.skew]
        return [*known, *(c for c in new if c.key not in tried)]

    def _bears(self, classes: tuple[int, ...], skew: float, active: Active | None) -> bool:
        """Tell whether these classes are frequent enough for a head that is made for such a share."""
        bolder = next((b for b in reversed(self._caution.bolder) if b.skew <= skew), None)
        if bolder is None:
            return self._share(classes) >= self._caution.least_held
        running = self._wanted if active is None else active
        if (running.classes, running.skew) == (classes, skew):
            return self._share_since_change(classes) >= bolder.held - bolder.falls
        return self._least_since_change(classes) >= bolder.held

    def _saved(self, candidate: _Candidate, expected: dict[int, float]) -> float:
        share = min(1.0, sum(expected.get(c, 0.0) for c in candidate.classes))
        saved = self._stakes.saved(candidate.rates, share, self._caution.check_share, candidate.cost)
        if self._is_known(candidate) or candidate.skew > AIMED_SKEW:
            return saved
        return saved - max(0.0, sum(self._fell_short) / (1.0 + len(self._fell_short)))

    def _is_accurate(self, classes: tuple[int, ...], rates: CascadeRates) -> bool:
        share = min(self._least_share(classes), self._least_since_change(classes))
        return rates.accuracy(share, self._stakes.generic_accuracy) >= self._goal + self._caution.margin

    def _is_near(self, classes: tuple[int, ...]) -> bool:
        """Tell whether classes whose head is on its way are about as frequent as they have to be."""
        if not classes:
            return False
        accuracy = self._stakes.rates.of(len(classes)).accuracy(
            self._share(classes), self._stakes.generic_accuracy
        )
        return accuracy >= self._goal - self._caution.slack

    def _pays(self, candidate: _Candidate, saved: float) -> bool:
        """Tell whether a head is paid back, expecting things to last as long as they have lasted."""
        c, watched = self._caution, self._watched
        if self._is_known(candidate):
            return saved > (0.0 if watched is None else c.least_better * self._stakes.generic_cost)
        if self._balance < -self._bearable:
            return False
        least = c.least_saving if watched is None else c.least_better
        if watched is not None and watched.classes != candidate.classes and not self._is_settled(candidate):
            return False
        return (
            saved > least * self._stakes.generic_cost
            and saved * self._since_change >= self._stakes.head_cost * 2.0**self._in_vain
        )

    def _is_settled(self, candidate: _Candidate) -> bool:
        """Tell whether enough was seen since a head was ordered, unless it is this one."""
        is_ordered = candidate.key == (self._wanted.classes, self._wanted.skew)
        return is_ordered or self._since_new >= self._caution.settled

    def _is_known(self, candidate: _Candidate) -> bool:
        return candidate.key in self._known_keys

    def _share(self, classes: Collection[int]) -> float:
        """Return their share in what was just seen."""
        return self._true_share(self._shares.answered(classes), classes, self._shares.recent)

    def _share_since_change(self, classes: Collection[int]) -> float:
        """Return their share in what was seen since the last change."""
        shares = self._shares
        return self._true_share(shares.answered_since_change(classes), classes, shares.since_change)

    def _true_share(self, answered: float, classes: Collection[int], counted: int) -> float:
        """Return the share of classes in what is seen, from that in the answers.

        A generic model that is wrong mostly names others; a head also takes some others for its own.

        Args:
            answered: their share in the last answers.
            counted: how many these are.
        """
        watched, generic = self._watched, self._stakes.generic_accuracy
        if watched is None or watched.classes != tuple(classes):
            return min(1.0, answered / generic)
        return watched.rates.skew_of(answered, generic, min(1.0, self._cascaded / max(1, counted)))

    def _least_share(self, classes: Collection[int]) -> float:
        """Return what that surely is: the surer, the more heads in a row did not pay."""
        least = self._shares.surely(classes, self._deviations())
        return 0.0 if least is None else self._true_share(least, classes, self._shares.recent)

    def _least_since_change(self, classes: Collection[int]) -> float:
        """Return likewise from what was seen since the last change: few answers flatter the best of many."""
        least = self._shares.surely_since_change(classes, self._deviations())
        return 0.0 if least is None else self._true_share(least, classes, self._shares.since_change)

    def _deviations(self) -> float:
        """Return by how many standard ones a share has to be sure."""
        c = self._caution
        return c.sureness + min(c.most_doubt, c.doubt * self._in_vain)

    def _why(self, classes: Collection[int]) -> str:
        return f"they are {self._share(classes):.0%} of the last {self._shares.recent}"


def _candidate(active: Active) -> _Candidate:
    return _Candidate(active.classes, active.skew, active.rates, active.cost)


def _bolder(active: Active, skew: float) -> _Candidate:
    """Return what a head for a greater share of the same classes is expected to do.

    On CIFAR-10, heads for .93 passed on half of what those for .7 did of their own classes' windows.
    """
    return _Candidate(active.classes, skew, _bolder_rates(active.rates, active.skew, skew), active.cost)


@functools.lru_cache(maxsize=1024)
def _bolder_rates(rates: CascadeRates, made_for: float, skew: float) -> CascadeRates:
    spared = _SPARED * (skew - made_for) / (1.0 - made_for) * rates.in_to_other
    return replace(rates, accuracy_in=rates.accuracy_in + spared, in_to_other=rates.in_to_other - spared)
