"""The policy of this project: specialise in the classes whose cascade is expected to save most.

Against fixed windows: what is to come is told from what was just seen and from what is usual lately,
so that the classes of the last minutes stay in when the picture changes; a change is noticed by
cumulative sums, within a few windows when it is great, and only what was seen since counts then; a
head that is known already is entered after a few windows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from specializer.cascade import CascadeRates, Stakes
from specializer.change_detector import ChangeDetector
from specializer.policy import AIMED_SKEW, GENERIC, Active, Seen, Wanted


@dataclass(frozen=True, slots=True)
class Caution:
    """How much has to be seen before it is believed; chosen on generated skews.

    Args:
        fewest: answers since the last change before anything is entered.
        most: answers that count as just seen.
        usual_s: what is usual fades to a third in that time.
        usual_weight: of what is usual in what is expected, the rest being what was just seen.
        least_weight: of a class, in answers with full confidence, to be thought of at all.
        sureness: standard deviations by which the share of the classes has to be sure.
        doubt: further ones for each head in a row that did not pay, up to most_doubt.
        most_in_vain: heads in a row that did not pay, for each of which the next has to pay twice as much.
        evidence: log likelihood ratio at which a change is believed.
        selection: weight of the choice among sets of classes in how sure a share has to be (see _choice).
        margin: by how much more accurate than the goal a cascade has to seem before it is entered.
        slack: how far the accuracy may be below the goal before that is a change.
        most_lost: share of the generic model's cost so far that specialising may have lost, but for one
            head, when another is ordered.
        least_saving: share of the generic model's cost; below it is not worth the while.
        check_share: of its own answers that are checked.
        most_false: share of checks that disagree when a head is wrong (tau_FP of CVPR 2017).
        look_every: answers between two looks for something better.
        aside_s: how long classes are left alone whose head was rejected or cannot be trained.
        retry_s: likewise where no head came for a passing reason, doubled up to aside_s until one comes.
        bolder_skew: share for which a further head of the same classes is made where they hold much: it
            passes on less, and costs accuracy where they hold less. AIMED_SKEW for none.
        bolder_from: share from which on, surely, it is used.
        bolder_falls: how far below that the share may then seem to fall.
        least_better: share of the generic model's cost; by less a head is no better than the one in use.
    """

    fewest: int = 10
    most: int = 60
    usual_s: float = 120.0
    usual_weight: float = 0.1
    least_weight: float = 2.0
    sureness: float = 0.5
    doubt: float = 0.5
    most_doubt: float = 3.0
    most_in_vain: int = 8
    evidence: float = 7.0
    selection: float = 0.1
    margin: float = 0.0
    slack: float = 0.02
    most_lost: float = 0.02
    least_saving: float = 0.05
    check_share: float = 0.01
    most_false: float = 0.5
    look_every: int = 5
    aside_s: float = 300.0
    retry_s: float = 10.0
    bolder_skew: float = 0.95
    bolder_from: float = 0.9
    bolder_falls: float = 0.1
    least_better: float = 0.01


class _Candidate(NamedTuple):
    """A head that is there or may be made.

    Args:
        skew: share of its classes for which it is made.
        rates: its own, or what they are expected to be.
        cost: of a window with it; None for what the stakes say.
    """

    classes: tuple[int, ...]
    skew: float
    rates: CascadeRates
    cost: float | None = None

    @property
    def key(self) -> tuple[tuple[int, ...], float]:
        """What it is remembered by."""
        return self.classes, self.skew


class _Recent:
    """The last answers, with how many of them each class has.

    Args:
        most: that are kept.
    """

    def __init__(self, most: int) -> None:
        self._answers: deque[tuple[int, float]] = deque()
        self._counts: dict[int, int] = {}
        self._weights: dict[int, float] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, class_id: int, confidence: float) -> None:
        """Add an answer; the oldest one makes way."""
        self._answers.append((class_id, confidence))
        self._counts[class_id] = self._counts.get(class_id, 0) + 1
        self._weights[class_id] = self._weights.get(class_id, 0.0) + confidence
        self.keep(self._most)

    def keep(self, last: int) -> None:
        """Forget all but the last ones."""
        while len(self._answers) > last:
            gone, confidence = self._answers.popleft()
            self._counts[gone] -= 1
            self._weights[gone] -= confidence
            if not self._counts[gone]:
                del self._counts[gone], self._weights[gone]

    def weights(self) -> Mapping[int, float]:
        """Return the sum of confidences of each class."""
        return self._weights

    def count(self, classes: Iterable[int]) -> int:
        """Return how many answers these classes have."""
        return sum(self._counts.get(c, 0) for c in classes)

    def present(self, classes: Iterable[int]) -> int:
        """Return how many of these classes have any answer."""
        return sum(c in self._counts for c in classes)


class _Usual:
    """Weights of classes that fade with time."""

    def __init__(self, fades_s: float) -> None:
        self._fades_s = fades_s
        self._weights: dict[int, float] = {}
        self._scale = 1.0
        self._at_s: float | None = None

    def add(self, class_id: int, weight: float, now: float) -> None:
        """Add to a class; what was added before fades by scaling up what comes."""
        if self._at_s is not None:
            self._scale *= math.exp((now - self._at_s) / self._fades_s)
        self._at_s = now
        if self._scale > 1e9:
            self._weights = {c: w / self._scale for c, w in self._weights.items() if w > 1e-6 * self._scale}
            self._scale = 1.0
        self._weights[class_id] = self._weights.get(class_id, 0.0) + weight * self._scale

    def above(self, least: float) -> dict[int, float]:
        """Return what is left of those that have so much."""
        scaled = least * self._scale
        return {c: w / self._scale for c, w in self._weights.items() if w >= scaled}


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
        caution: Caution = Caution(),
    ) -> None:
        self._stakes = stakes
        self._known = known
        self._goal = stakes.generic_accuracy + tolerance
        self._caution = caution
        self._recent = _Recent(caution.most)
        self._usual = _Usual(caution.usual_s)
        self._aside: dict[tuple[tuple[int, ...], float], float] = {}
        self._retry_s = caution.retry_s
        self._wanted = GENERIC
        self._watched: Active | None = None
        self._outside = self._passed = self._false = ChangeDetector(0.0, 1.0, math.inf)
        self._since_look = self._since_change = 0
        self._gained = 0.0
        self._in_vain = 0
        self._thought = 0
        self._balance = 0.0
        self._bearable = stakes.head_cost

    @property
    def check_share(self) -> float:
        """See SpecializationPolicy."""
        return self._caution.check_share

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:
        """Take note of an answered request; see SpecializationPolicy."""
        self._recent.add(seen.class_id, seen.confidence)
        self._usual.add(seen.class_id, seen.confidence, now)
        self._since_change += 1
        self._bearable += self._caution.most_lost * self._stakes.generic_cost
        if active is not None and seen.cascaded and self._changed(seen, active):
            return self._wanted
        self._since_look += 1
        if self._since_look >= self._caution.look_every and len(self._recent) >= self._caution.fewest:
            self._since_look = 0
            self._look(active, now)
        return self._wanted

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
        self._recent.keep(0)
        self._usual = _Usual(self._caution.usual_s)
        self._since_look = self._since_change = 0

    def _changed(self, seen: Seen, active: Active) -> bool:
        """Leave where other classes came or where the checks disagree; tell whether it did."""
        if active is not self._watched:
            self._watch(active)
        stakes = self._stakes
        gained = (stakes.generic_cost if seen.generic is None else 0.0) - self._cost_of(active)
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
        c, rates, stakes = self._caution, active.rates, self._stakes
        least = max(0.0, min(1.0, stakes.least_skew(self._first(active).rates, self._goal - c.slack)))
        before = max(self._least_share(active.classes), 0.5 * (1.0 + least))
        seldom, often = (1.0 - rates.seems(p, self._stakes.generic_accuracy) for p in (before, least))
        self._outside = ChangeDetector(seldom, often, c.evidence)
        bearable = 1.0 - (self._cost_of(active) / stakes.generic_cost + c.least_saving)
        self._passed = ChangeDetector(min(rates.passed_on(before), 0.9 * bearable), bearable, c.evidence)
        right = rates.accuracy_in / max(1.0 - rates.in_to_other, 1e-9) * self._stakes.generic_accuracy
        self._false = ChangeDetector(1.0 - right, max(c.most_false, 1.5 * (1.0 - right)), c.evidence / 2)
        self._watched = active
        self._gained = 0.0
        self._retry_s = c.retry_s

    def _first(self, active: Active) -> Active:
        """Return the head that a bolder one took the place of; itself where that is forgotten."""
        first = (k for k in self._known if (k.classes, k.skew) == (active.classes, AIMED_SKEW))
        return next(first, active)

    def _cost_of(self, active: Active) -> float:
        return self._stakes.special_cost if active.cost is None else active.cost

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
        self._recent.keep(since)
        self._since_change = since

    def _look(self, active: Active | None, now: float) -> None:
        """Want the best head, unless what runs is about as good."""
        expected = self._expected()
        found, saved = self._best(active, expected, now)
        kept = self._kept(active)
        kept_saved = 0.0 if kept is None else self._saved(kept, expected)
        wanted = self._wanted.classes, self._wanted.skew
        if (
            found is not None
            and (kept is None or found.key != kept.key)
            and self._pays(found, saved - kept_saved)
        ):
            if found.key != wanted and not self._is_known(found):
                self._balance -= self._stakes.head_cost
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
            bears = self._bears(active.classes, active.skew, active)
            return _candidate(active if bears else self._first(active))
        wanted = self._wanted
        if not self._is_near(wanted.classes):
            return None
        return _Candidate(wanted.classes, wanted.skew, self._stakes.rates.of(len(wanted.classes)))

    def _expected(self) -> dict[int, float]:
        """Return what share each class is expected to have."""
        w = self._caution.usual_weight
        expected: dict[int, float] = {}
        usual = self._usual.above(self._caution.least_weight)
        self._thought = len(usual)
        for weights, weight in ((self._recent.weights(), 1.0 - w), (usual, w)):
            total = sum(weights.values())
            for class_id, own in weights.items():
                expected[class_id] = expected.get(class_id, 0.0) + weight * own / total
        return {c: p for c, p in expected.items() if c in usual}

    def _best(
        self, active: Active | None, expected: dict[int, float], now: float
    ) -> tuple[_Candidate | None, float]:
        """Return the head that saves most, and how much a window; None where none saves enough."""
        best: _Candidate | None = None
        best_saved = self._caution.least_saving * self._stakes.generic_cost
        for candidate in self._candidates(active, expected):
            if self._aside.get(candidate.key, now) > now:
                continue
            saved = self._saved(candidate, expected)
            if saved > best_saved and self._is_accurate(candidate.classes, candidate.rates):
                best, best_saved = candidate, saved
        return best, best_saved

    def _candidates(self, active: Active | None, expected: dict[int, float]) -> list[_Candidate]:
        """Return the heads that are known, those for the most frequent classes, and the next bolder one."""
        order = sorted(expected, key=lambda c: (-expected[c], c))[: self._stakes.rates.most_classes]
        known = [_candidate(k) for k in self._known]
        tried = {k.key for k in known}
        sets = [tuple(sorted(order[:n])) for n in range(1, len(order) + 1)]
        new = [_Candidate(s, AIMED_SKEW, self._stakes.rates.of(len(s))) for s in sets]
        if active is not None and active.skew < self._caution.bolder_skew:
            new.append(_bolder(active, self._caution.bolder_skew))
        found = [*known, *(c for c in new if c.key not in tried)]
        return [c for c in found if self._bears(c.classes, c.skew, active)]

    def _bears(self, classes: tuple[int, ...], skew: float, active: Active | None) -> bool:
        """Tell whether these classes are frequent enough for a head that is made for such a share."""
        if skew <= AIMED_SKEW:
            return True
        least = self._caution.bolder_from
        if active is not None and (active.classes, active.skew) == (classes, skew):
            return self._share(classes) >= least - self._caution.bolder_falls
        return self._least_share(classes) >= least

    def _saved(self, candidate: _Candidate, expected: dict[int, float]) -> float:
        share = min(1.0, sum(expected.get(c, 0.0) for c in candidate.classes))
        return self._stakes.saved(candidate.rates, share, self._caution.check_share, candidate.cost)

    def _is_accurate(self, classes: tuple[int, ...], rates: CascadeRates) -> bool:
        share = self._least_share(classes)
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
        if self._is_known(candidate):
            return saved > 0.0
        if self._balance < -self._bearable:
            return False
        c = self._caution
        least = c.least_saving if self._watched is None else c.least_better
        return (
            saved > least * self._stakes.generic_cost
            and saved * self._since_change >= self._stakes.head_cost * 2.0**self._in_vain
        )

    def _is_known(self, candidate: _Candidate) -> bool:
        return any((k.classes, k.skew) == candidate.key for k in self._known)

    def _answered(self, classes: Collection[int]) -> float:
        """Return the share of classes in what was just answered."""
        return self._recent.count(classes) / len(self._recent)

    def _share(self, classes: Collection[int]) -> float:
        """Return their share in what was just seen."""
        return self._true_share(self._answered(classes), classes)

    def _true_share(self, answered: float, classes: Collection[int]) -> float:
        """Return the share of classes in what is seen, from that in the answers.

        A generic model that is wrong mostly names others; a head also takes some others for its own.
        """
        watched, generic = self._watched, self._stakes.generic_accuracy
        if watched is None or watched.classes != tuple(classes):
            return min(1.0, answered / generic)
        return watched.rates.skew_of(answered, generic)

    def _least_share(self, classes: Collection[int]) -> float:
        """Return what that surely is, by the lower end of Wilson's interval (1927).

        One answer of each class is left out: by that it was chosen, so it does not speak for it.
        """
        c = self._caution
        chosen = self._recent.present(classes)
        n = len(self._recent) - chosen
        if n <= 0:
            return 0.0
        share = (self._recent.count(classes) - chosen) / n
        z2 = (c.sureness + min(c.most_doubt, c.doubt * self._in_vain)) ** 2 + self._choice(chosen)
        half = math.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)))
        least = (share + z2 / (2.0 * n) - half) / (1.0 + z2 / n)
        return self._true_share(least, classes)

    def _choice(self, chosen: int) -> float:
        """Return what Wilson's squared deviation has to grow by, as the best of many sets was chosen.

        By the union bound it were twice the logarithm of their number if they were independent; sets that
        have most of their classes in common are not.
        """
        sets = math.comb(self._thought, min(chosen, self._thought))
        return self._caution.selection * 2.0 * math.log(sets)

    def _why(self, classes: Collection[int]) -> str:
        return f"they are {self._share(classes):.0%} of the last {len(self._recent)}"


def _candidate(active: Active) -> _Candidate:
    return _Candidate(active.classes, active.skew, active.rates, active.cost)


def _bolder(active: Active, skew: float) -> _Candidate:
    """Return what a head for a greater share of the same classes is expected to do.

    On CIFAR-10, heads for .95 passed on half of what those for .8 did of their own classes' windows.
    """
    rates = active.rates
    spared = 0.5 * rates.in_to_other
    bolder = replace(rates, accuracy_in=rates.accuracy_in + spared, in_to_other=spared)
    return _Candidate(active.classes, skew, bolder, active.cost)
