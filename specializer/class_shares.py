"""What share each class has of what is answered: just now, as expected and at least."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from specializer.caution import Caution
from specializer.policy import Seen

Classes = tuple[int, ...]


class ClassShares:
    """Follows the answers of one app.

    Args:
        caution: what counts as just seen and as usual.
    """

    def __init__(self, caution: Caution) -> None:
        self._caution = caution
        self._recent = _Recent(caution.most)
        self._since_change = _Recent(caution.most_steady)
        self._usual = _FadingWeights(caution.usual_s)
        self._thought = 0

    @property
    def recent(self) -> int:
        """How many answers count as just seen."""
        return len(self._recent)

    def cascaded(self, classes: Classes) -> float:
        """Return the share of what was just answered for which a head for these classes was asked."""
        return self._recent.asked(classes)

    def cascaded_since_change(self, classes: Classes) -> float:
        """Return likewise of what was answered since the last change, as far as that is kept."""
        return self._since_change.asked(classes)

    def observe(self, seen: Seen, now: float, by: Classes = ()) -> None:
        """Take note of an answered request.

        Args:
            by: classes of the head that was asked; empty where the generic model alone was.
        """
        answer = _Answer(seen.class_id, seen.confidence, by)
        self._recent.add(answer)
        self._since_change.add(answer)
        self._usual.add(seen.class_id, seen.confidence, now)

    def keep_recent(self, last: int) -> None:
        """Count only the last answers as just seen, after a change; what is usual stays."""
        self._recent.keep(last)
        self._since_change.keep(last)

    def forget(self) -> None:
        """Forget what was just seen and what is usual."""
        self.keep_recent(0)
        self._usual = _FadingWeights(self._caution.usual_s)

    def expected(self) -> dict[int, float]:
        """Return what share each class is expected to have, of those seen enough to be thought of."""
        w = self._caution.usual_weight
        expected: dict[int, float] = {}
        usual = self._usual.above(self._caution.least_weight)
        self._thought = len(usual)
        for weights, weight in ((self._recent.weights(), 1.0 - w), (usual, w)):
            total = sum(weights.values())
            for class_id, own in weights.items():
                expected[class_id] = expected.get(class_id, 0.0) + weight * own / total
        return {c: p for c, p in expected.items() if c in usual}

    def answered(self, classes: Collection[int]) -> float:
        """Return their share in what was just answered; 0 in nothing."""
        return self._recent.count(classes) / max(1, len(self._recent))

    def answered_since_change(self, classes: Collection[int]) -> float:
        """Return their share in what was answered since the last change, as far as that is kept."""
        return self._since_change.count(classes) / max(1, len(self._since_change))

    def surely_since_change(self, classes: Collection[int], deviations: float) -> float | None:
        """Return what that surely is; see surely."""
        return self._least(self._since_change, classes, deviations)

    def surely(self, classes: Collection[int], deviations: float) -> float | None:
        """Return what that surely is, by the lower end of Wilson's interval (1927).

        One answer of each class is left out: by that it was chosen, so it does not speak for it.

        Args:
            deviations: standard ones by which it is to be sure.

        Returns:
            None where no other answer is there.
        """
        return self._least(self._recent, classes, deviations)

    def _least(self, answers: _Recent, classes: Collection[int], deviations: float) -> float | None:
        chosen = answers.present(classes)
        n = len(answers) - chosen
        if n <= 0:
            return None
        share = (answers.count(classes) - chosen) / n
        z2 = deviations**2 + self._choice(chosen)
        half = math.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)))
        return (share + z2 / (2.0 * n) - half) / (1.0 + z2 / n)

    def _choice(self, chosen: int) -> float:
        """Return what Wilson's squared deviation has to grow by, as the best of many sets was chosen.

        By the union bound it were twice the logarithm of their number if they were independent; sets that
        have most of their classes in common are not. The sets are of the classes that were thought of when
        shares were expected last.
        """
        sets = math.comb(self._thought, min(chosen, self._thought))
        return self._caution.selection * 2.0 * math.log(sets)


class _Answer(NamedTuple):
    """What was answered; see ClassShares.observe."""

    class_id: int
    confidence: float
    by: Classes


class _Recent:
    """The last answers, with how many of them each class and each head has.

    Args:
        most: that are kept.
    """

    def __init__(self, most: int) -> None:
        self._answers: deque[_Answer] = deque()
        self._counts: dict[int, int] = {}
        self._asked: Counter[Classes] = Counter()
        self._weights: dict[int, float] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: _Answer) -> None:
        """Add an answer; the oldest one makes way."""
        self._answers.append(answer)
        class_id, confidence, by = answer
        self._asked[by] += 1
        self._counts[class_id] = self._counts.get(class_id, 0) + 1
        self._weights[class_id] = self._weights.get(class_id, 0.0) + confidence
        self.keep(self._most)

    def keep(self, last: int) -> None:
        """Forget all but the last ones."""
        while len(self._answers) > last:
            gone, confidence, by = self._answers.popleft()
            self._asked[by] -= 1
            if not self._asked[by]:
                del self._asked[by]
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

    def asked(self, classes: Classes) -> float:
        """Return the share of answers for which a head for these classes was asked; 0 of none."""
        return self._asked[classes] / max(1, len(self._answers))

    def present(self, classes: Iterable[int]) -> int:
        """Return how many of these classes have any answer."""
        return sum(c in self._counts for c in classes)


class _FadingWeights:
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
