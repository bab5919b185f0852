"""The policy of this project: specialise in the classes whose cascade is expected to save most.

Against fixed windows: what is to come is told from what was just seen and from what is usual lately,
so that the classes of the last minutes stay in when the picture changes; a change is noticed by
cumulative sums, within a few windows when it is great, and only what was seen since counts then; a
head that is known already is entered after a few windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from typing import NamedTuple

from specializer.cascade import CascadeRates, Stakes
from specializer.caution import USUAL_CAUTION, Caution
from specializer.class_shares import ClassShares
from specializer.head_watch import HeadWatch
from specializer.policy import AIMED_SKEW, GENERIC, Active, Seen, Wanted
from specializer.prospects import Prospect, Shortfall, bolder, prospect, prospects, unmade

# Of the share that its classes have to hold, from which on a head is thought of at all.
_NEARLY = 0.8


class _Doubt(NamedTuple):
    """Whether small models know a class as it looks now.

    Args:
        until: in s.
        lasts_s: from its beginning.
    """

    until: float
    lasts_s: float


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
        self._doubted: dict[int, _Doubt] = {}
        self._retry_s = caution.retry_s
        self._wanted = GENERIC
        self._watch = HeadWatch(stakes, caution)
        self._since_look = self._since_change = 0
        self._since_new = caution.settled
        self._balance = 0.0
        self._bearable = stakes.head_cost
        self._shortfall = Shortfall(caution.most_learned)

    @property
    def check_share(self) -> float:
        """See SpecializationPolicy."""
        return self._caution.check_share

    @property
    def is_wary(self) -> bool:
        """See SpecializationPolicy: a change is believed sooner, and wrong answers do not wait for it."""
        return self._watch.is_wary

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        """Take note of an answered request; see SpecializationPolicy."""
        alone = active is None or not seen.cascaded or seen.is_checked  # what the generic model says counts
        by = () if active is None or alone else active.classes
        self._shares.observe(seen, now, by)
        self._since_change += 1
        self._since_new += 1
        self._bearable += self._caution.most_lost * self._stakes.generic_cost
        if active is not None and seen.cascaded and self._changed(seen, active, now):
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
        watched = self._watch.active
        self._wanted = GENERIC if watched is None else Wanted(watched.classes, skew=watched.skew)

    def forget(self) -> None:
        """Forget all but what heads were worth and cost; see SpecializationPolicy."""
        if self._watch.active is not None:
            self._leave("", 0)
        self._wanted = GENERIC
        self._shares.forget()
        self._since_look = self._since_change = 0

    def _changed(self, seen: Seen, active: Active, now: float) -> bool:
        """Leave where other classes came or where the checks disagree; tell whether it did."""
        if active is not self._watch.active:
            self._begin_watch(active)
        self._balance += self._watch.gain(seen)
        change = self._watch.observe(seen)
        if change is not None:
            self._leave(change.why, change.since)
            self._doubt(change.mistaken, now)
        return change is not None

    def _doubt(self, classes: Iterable[int], now: float) -> None:
        """Use no head for these classes for a while: they would be taken for others again."""
        c = self._caution
        for class_id in classes:
            last = self._doubted.get(class_id)
            is_again = last is not None and now < last.until + c.aside_s
            lasts_s = min(2.0 * last.lasts_s, c.aside_s) if last is not None and is_again else c.doubt_s
            self._doubted[class_id] = _Doubt(now + lasts_s, lasts_s)

    def _begin_watch(self, active: Active) -> None:
        rates, goal = self._first(active).rates, self._goal - self._caution.slack
        least = max(0.0, min(1.0, self._stakes.least_skew(rates, goal)))
        before = max(self._least_share(active.classes), 0.5 * (1.0 + least))
        self._watch.begin(active, before, least)
        share = self._share(active.classes)
        self._shortfall.enter(active, share, self._caution.check_share, self._stakes)
        self._retry_s = self._caution.retry_s

    def _first(self, active: Active) -> Active:
        """Return the head that a bolder one took the place of; itself where that is forgotten."""
        return self._first_of(active.classes) or active

    def _first_of(self, classes: tuple[int, ...]) -> Active | None:
        """Return the first head for some classes, if it is there."""
        return next((k for k in self._known if (k.classes, k.skew) == (classes, AIMED_SKEW)), None)

    def _leave(self, why: str, since: int) -> None:
        """Go back to the generic model; what was seen before the change no longer counts as recent."""
        self._watch.end()
        self._wanted = Wanted((), why)
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
                self._shortfall.order(found)
            self._wanted = Wanted(found.classes, self._why(found.classes), True, found.skew)
        elif kept is None and self._wanted.classes:
            if active is None:
                self._watch.give_up()
            elif self._watch.active is not None:
                self._watch.end()
            self._wanted = Wanted((), "they no longer make up enough")
        elif kept is not None and wanted != kept.key:
            self._wanted = Wanted(kept.classes, self._why(kept.classes), True, kept.skew)

    def _kept(self, active: Active | None) -> Prospect | None:
        """Return the head in use or on its way, where it may stay so, or the one to fall back on."""
        if active is not None:
            if self._bears(active.classes, active.skew, active):
                return prospect(active)
            first = self._first(active)
            return None if first is active else prospect(first)
        wanted = self._wanted
        if not self._is_near(wanted.classes) or not self._bears(wanted.classes, wanted.skew, None):
            return None
        made = self._first_of(wanted.classes)
        base = unmade(wanted.classes, self._stakes) if made is None else prospect(made)
        return base if wanted.skew <= base.skew else bolder(base, wanted.skew)

    def _best(
        self, active: Active | None, kept: Prospect | None, expected: dict[int, float], now: float
    ) -> Prospect | None:
        """Return the head that saves most of those that pay; None where none saves enough."""
        kept_saved = 0.0 if kept is None else self._saved(kept, expected)
        least = self._caution.least_saving * self._stakes.generic_cost
        stays = active is not None and kept is not None and kept.key == (active.classes, active.skew)
        scored = [(self._saved(c, expected), c) for c in self._candidates(active, expected)]
        for saved, candidate in sorted(scored, key=lambda pair: -pair[0]):  # the rest takes longer to tell
            if saved <= least:
                return None
            is_kept = kept is not None and candidate.key == kept.key
            pays = is_kept or self._pays(candidate, saved - kept_saved, stays)
            if pays and self._may_be(candidate, active, now):
                return candidate
        return None

    def _may_be(self, candidate: Prospect, active: Active | None, now: float) -> bool:
        """Tell whether a head may be put in use, whatever it saves."""
        return (
            self._aside.get(candidate.key, now) <= now
            and all(d.until <= now for c in candidate.classes if (d := self._doubted.get(c)) is not None)
            and self._bears(candidate.classes, candidate.skew, active)
            and self._is_accurate(candidate.classes, candidate.rates)
        )

    def _candidates(self, active: Active | None, expected: dict[int, float]) -> list[Prospect]:
        """Return the heads that are known and those for the most frequent classes, bolder ones among them.

        Those whose classes hold far too little are left out, as telling what they would save takes longest.
        """
        order = sorted(expected, key=lambda c: (-expected[c], c))[: self._stakes.rates.most_classes]
        held = list(itertools.accumulate(expected[c] for c in order))
        nearly = (n for n, h in enumerate(held, 1) if h >= _NEARLY * self._caution.least_held)
        fewest = next(nearly, len(order) + 1)
        skews = [b.skew for b in self._caution.bolder if held and held[-1] >= _NEARLY * b.held]
        return prospects(list(self._known), active, order, fewest, self._stakes, skews)

    def _bears(self, classes: tuple[int, ...], skew: float, active: Active | None) -> bool:
        """Tell whether these classes are frequent enough for a head that is made for such a share."""
        bolder = next((b for b in reversed(self._caution.bolder) if b.skew <= skew), None)
        if bolder is None:
            return self._share(classes) >= self._caution.least_held
        running = self._wanted if active is None else active
        if (running.classes, running.skew) == (classes, skew):
            return self._share_since_change(classes) >= bolder.held - bolder.falls
        return self._least_since_change(classes) * self._watch.undisturbed >= bolder.held

    def _saved(self, candidate: Prospect, expected: dict[int, float]) -> float:
        share = min(1.0, sum(expected.get(c, 0.0) for c in candidate.classes))
        saved = self._stakes.saved(candidate.rates, share, self._caution.check_share, candidate.cost)
        return saved - self._shortfall.of(candidate)

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

    def _pays(self, candidate: Prospect, saved: float, stays: bool) -> bool:
        """Tell whether a head is paid back, expecting things to last as long as they have lasted.

        Args:
            saved: on a window, beside the head that may be kept.
            stays: whether that is the one in use.
        """
        c, watched = self._caution, self._watch.active
        same = watched is not None and watched.classes == candidate.classes
        is_bolder = same and watched is not None and candidate.skew > watched.skew
        better = (c.least_bolder if is_bolder else c.least_better) * self._stakes.generic_cost
        if self._is_known(candidate):
            return saved > (better if stays else 0.0)
        if self._balance < -self._bearable:
            return False
        if watched is not None and not same and not self._is_settled(candidate):
            return False
        least = c.least_saving * self._stakes.generic_cost if watched is None else better
        paid_back = saved * self._since_change >= self._stakes.head_cost * 2.0**self._watch.in_vain
        return saved > least and paid_back

    def _is_settled(self, candidate: Prospect) -> bool:
        """Tell whether enough was seen since a head was ordered, unless it is this one."""
        is_ordered = candidate.key == (self._wanted.classes, self._wanted.skew)
        return is_ordered or self._since_new >= self._caution.settled

    def _is_known(self, candidate: Prospect) -> bool:
        return candidate.key in self._known_keys

    def _share(self, classes: Collection[int]) -> float:
        """Return their share in what was just seen."""
        return self._true_share(self._shares.answered(classes), classes, self._by_head())

    def _share_since_change(self, classes: Collection[int]) -> float:
        """Return their share in what was seen since the last change."""
        seeming = self._shares.answered_since_change(classes)
        return self._true_share(seeming, classes, self._by_head_since_change())

    def _true_share(self, answered: float, classes: Collection[int], by_head: float) -> float:
        """Return the share of classes in what is seen, from that in the answers.

        A generic model that is wrong mostly names others; a head also takes some others for its own.

        Args:
            answered: their share in some answers.
            by_head: share of these for which the head in use was asked, or the one used last, or an earlier
                one for the same classes.
        """
        last, generic = self._watch.last, self._stakes.generic_accuracy
        if last is None or last.classes != tuple(classes):
            return min(1.0, answered / generic)
        return last.rates.skew_of(answered, generic, by_head)

    def _by_head(self) -> float:
        last = self._watch.last
        return 0.0 if last is None else self._shares.cascaded(last.classes)

    def _by_head_since_change(self) -> float:
        last = self._watch.last
        return 0.0 if last is None else self._shares.cascaded_since_change(last.classes)

    def _least_share(self, classes: Collection[int]) -> float:
        """Return what that surely is: the surer, the more heads in a row did not pay."""
        least = self._shares.surely(classes, self._deviations())
        return 0.0 if least is None else self._true_share(least, classes, self._by_head())

    def _least_since_change(self, classes: Collection[int]) -> float:
        """Return likewise from what was seen since the last change: few answers flatter the best of many."""
        least = self._shares.surely_since_change(classes, self._deviations())
        return 0.0 if least is None else self._true_share(least, classes, self._by_head_since_change())

    def _deviations(self) -> float:
        """Return by how many standard ones a share has to be sure."""
        c = self._caution
        return c.sureness + min(c.most_doubt, c.doubt * self._watch.in_vain)

    def _why(self, classes: Collection[int]) -> str:
        return f"they are {self._share(classes):.0%} of the last {self._shares.recent}"
