"""MCDNN's rule (MobiSys 2016): specialise while a few classes dominate the last five minutes."""

from __future__ import annotations

from specializer.cascade import Stakes
from specializer.class_profile import ClassProfile
from specializer.policy import GENERIC, Active, Seen, Wanted

WINDOW_S = 300.0  # in its authors' code
CLASSES = (7, 14, 21)
SHARES = (0.6, 0.7, 0.8, 0.9, 0.95)


class DominatedWindows:
    """Specialises where the stream is (n, p)-dominated, in the pair that promises most right answers.

    It decides once it has seen a whole window, and never checks.

    Args:
        stakes: rates and the generic model's accuracy; costs do not matter to it.
        least_accuracy: of a cascade that may be used; the generic model's where none is given.
    """

    def __init__(self, stakes: Stakes, least_accuracy: float | None = None) -> None:
        self._stakes = stakes
        self._goal = stakes.generic_accuracy if least_accuracy is None else least_accuracy
        self._profile = ClassProfile(window_s=WINDOW_S)
        self._began_s: float | None = None
        self._wanted = GENERIC

    @property
    def check_share(self) -> float:
        """See SpecializationPolicy."""
        return 0.0

    @property
    def is_wary(self) -> bool:
        """Never: nothing is checked."""
        return False

    def observe(self, seen: Seen, active: Active | None, now: float) -> Wanted:  # noqa: ARG002
        """Take note of an answered request; see SpecializationPolicy."""
        self._profile.observe(seen.class_id, now)
        if self._began_s is None:
            self._began_s = now
        if now - self._began_s < WINDOW_S:
            return self._wanted
        found = self._best()
        if not found.classes or not self._holds(self._wanted.classes):
            self._wanted = found
        return self._wanted

    def share(self, active: Active) -> float:
        """Return their share of the window; see SpecializationPolicy."""
        return self._profile.share(active.classes)

    def refuse(self, classes: tuple[int, ...], skew: float, now: float, passing: bool = False) -> None:  # noqa: ARG002
        """Watch another window before anything else; see SpecializationPolicy."""
        self._began_s, self._wanted = now, GENERIC

    def forget(self) -> None:
        """Begin as at first; see SpecializationPolicy."""
        self._profile = ClassProfile(window_s=WINDOW_S)
        self._began_s, self._wanted = None, GENERIC

    def _holds(self, classes: tuple[int, ...]) -> bool:
        return bool(classes) and self._profile.share(classes) >= SHARES[0]

    def _best(self) -> Wanted:
        """Return the dominated pair with the most right answers, at the share that it is granted."""
        best, best_accuracy = GENERIC, self._goal
        for share in SHARES:
            classes = self._profile.dominant(share)
            most = next((n for n in CLASSES if len(classes) <= n), None)
            if not classes or most is None or most > self._stakes.rates.most_classes:
                continue
            accuracy = self._stakes.rates.of(most).accuracy(share, self._stakes.generic_accuracy)
            if accuracy >= best_accuracy:
                why = f"at most {most} classes are {share:.0%} of {WINDOW_S / 60:.0f} minutes"
                best, best_accuracy = Wanted(tuple(sorted(classes)), why), accuracy
        return best
