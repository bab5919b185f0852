"""WEG, the policy of Sequential Specialization (CVPR 2017), as published."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence
from itertools import islice

from specializer.cascade import CascadeRates, Stakes
from specializer.policy import GENERIC, Active, Seen, Wanted

LEAST_WINDOW = 30  # w_min
MOST_WINDOW = 180  # in the code that its authors published, likewise the three below
MOST_CLASSES = 30
LEAST_SKEW = 0.5
LONG_WINDOW = 60  # from more inputs on, a dominant class was seen three times
LEAST_DISAGREEMENTS = 2
ALIKE = 2  # tau_r
CHECK_SHARE = 0.01  # epsilon
MOST_FALSE = 0.5  # tau_FP
TOLERANCE_FACES = -0.05  # tau_a
TOLERANCE_OBJECTS = 0.05


class WindowedEpsilonGreedy:
    """Windowed epsilon-greedy: watch a few inputs with the generic model, specialise, check some.

    Args:
        stakes: rates and the generic model's accuracy; costs do not matter to it.
        tolerance: what the cascade has to be more accurate than the generic model by.
    """

    def __init__(self, stakes: Stakes, tolerance: float = TOLERANCE_FACES) -> None:
        self._stakes = stakes
        self._goal = stakes.generic_accuracy + tolerance
        self._sample: list[int] = []
        self._before: list[int] = []
        self._window = LEAST_WINDOW
        self._begins = True
        self._latest: deque[int] = deque(maxlen=MOST_WINDOW)
        self._wanted = GENERIC
        self._answered = self._disagreed = 0

    @property
    def check_share(self) -> float:
        """See SpecializationPolicy."""
        return CHECK_SHARE

    @property
    def is_wary(self) -> bool:
        """Never: checks are as published."""
        return False

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:  # noqa: ARG002
        """Take note of an answered request; see SpecializationPolicy."""
        self._latest.append(seen.class_id)
        if self._wanted.classes:
            self._exploit(seen, active)
        else:
            self._explore(seen.class_id)
        return self._wanted

    def share(self, active: Active) -> float:
        """Return their share of the window; see SpecializationPolicy."""
        latest = self._in_window()
        return _share(latest, active.classes) if latest else 0.0

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:  # noqa: ARG002
        """Begin another window; see SpecializationPolicy."""
        self._leave("no head")

    def forget(self) -> None:
        """Begin as at first; see SpecializationPolicy."""
        self._leave("")
        self._before = []
        self._latest.clear()

    def _explore(self, class_id: int) -> None:
        """Phases 1 and 2: fill the window, then specialise as soon as that seems worth it."""
        self._sample.append(class_id)
        if len(self._sample) < LEAST_WINDOW:
            return
        if self._begins:
            self._begin_epoch()
        del self._sample[: -self._window]
        classes = _dominant(self._sample)
        skew = _share(self._sample, classes)
        accuracy = self._estimate(len(classes), skew)
        if accuracy >= self._goal:
            self._wanted = Wanted(tuple(sorted(classes)), _why(skew, accuracy, self._window))
            self._before, self._sample = self._sample, []
            self._latest = deque(self._before, MOST_WINDOW)
            self._answered = self._disagreed = 0

    def _begin_epoch(self) -> None:
        """Go on with the epoch before where its dominant classes are about the same."""
        self._begins = False
        if self._before and len(_dominant(self._before) ^ _dominant(self._sample)) <= ALIKE:
            self._sample = (self._before + self._sample)[-MOST_WINDOW:]
        self._window = len(self._sample)

    def _exploit(self, seen: Seen, active: Active | None) -> None:
        """Phase 3: stay while the classes dominate and the checks agree."""
        classes = self._wanted.classes
        latest = self._in_window()
        skew = _share(latest, classes)
        rates = None if active is None else active.rates
        if self._estimate(len(classes), skew, rates) < self._goal:
            self._leave(f"they were {skew:.0%} of the last {len(latest)}")
            return
        self._answered += seen.special is not None
        self._disagreed += seen.disagrees
        expected = self._answered * CHECK_SHARE
        if self._disagreed >= LEAST_DISAGREEMENTS and self._disagreed > MOST_FALSE * expected:
            self._leave(f"{self._disagreed} of about {expected:.1f} checks disagreed")

    def _in_window(self) -> list[int]:
        return list(islice(reversed(self._latest), self._window))

    def _leave(self, why: str) -> None:
        self._wanted = Wanted((), why)
        self._sample = []
        self._begins = True

    def _estimate(self, classes: int, skew: float, rates: CascadeRates | None = None) -> float:
        known = self._stakes.rates
        if not classes or classes > min(MOST_CLASSES, known.most_classes) or skew < LEAST_SKEW:
            return 0.0
        return (rates or known.of(classes)).accuracy(skew, self._stakes.generic_accuracy)


def _dominant(sample: Sequence[int]) -> set[int]:
    """Return the classes that were seen at least twice, in a long window three times."""
    least = 2 if len(sample) <= LONG_WINDOW else 3
    return {c for c, count in Counter(sample).items() if count >= least}


def _share(sample: Sequence[int], classes: Collection[int]) -> float:
    return sum(c in classes for c in sample) / len(sample)


def _why(skew: float, accuracy: float, window: int) -> str:
    return f"they are {skew:.0%} of the last {window}, {accuracy:.1%} right expected"
