"""A head for the classes that dominate, and for everything else together: how it answers and how well.

The trunk stays as it is, so putting a head to use is the swap of two arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.heads import HeadWeights
from specializer.cascade import CascadeRates


@dataclass(frozen=True, slots=True)
class SecondHead:
    """A head for the same classes on another trunk, asked where the first one names a class and is unsure.

    Args:
        trunk: name in the catalog.
        weights: rows as those of the first.
        threshold: likewise.
        others: likewise.
    """

    trunk: str
    weights: HeadWeights
    threshold: float
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecialHead:
    """A specialised head and how it does on the validation split.

    Args:
        weights: classes in the order of `dominant`, then those of `others`, or rows that all mean "other".
        dominant: class ids of the task.
        rates: what is answered with less confidence than the threshold counts as "other" in them; with the
            second head where there is one.
        threshold: least confidence of an answer that is not passed on, in [0, 1].
        falls_short: whether the cascade seemed less accurate than it should be; chance may have done so.
        second: what is asked about windows of which this one names a class and is not sure, before the
            generic model is; None for that model at once.
        prior_shift: by how much the log odds of its classes are raised in what the generic model answers
            to windows that are passed on; its rates are with that.
        others: ids of the other classes that it tells apart, all of them, whose answers stand where it is
            sure; none where it knows only that they are others.
    """

    weights: HeadWeights
    dominant: tuple[int, ...]
    rates: CascadeRates
    threshold: float = 0.0
    falls_short: bool = False
    second: SecondHead | None = None
    prior_shift: float = 0.0
    others: tuple[int, ...] = ()

    def calls_other(self, answer: int) -> bool:
        """Tell whether an answer only says "other", so that the generic model is asked at once."""
        return _class_of(answer, self.dominant, self.others) is None

    def class_of(self, answer: int, confidence: float) -> int | None:
        """Return the class id that an answer stands for; None where the next model has to be asked.

        Args:
            answer: position among the head's classes.
            confidence: calibrated, of that answer.
        """
        return None if confidence < self.threshold else _class_of(answer, self.dominant, self.others)

    def class_of_second(self, answer: int, confidence: float) -> int | None:
        """Return likewise what an answer of the second head stands for."""
        second = self.second
        assert second is not None, "there is a second head"
        return None if confidence < second.threshold else _class_of(answer, self.dominant, second.others)


def _class_of(answer: int, dominant: tuple[int, ...], others: tuple[int, ...]) -> int | None:
    if answer < len(dominant):
        return dominant[answer]
    return others[answer - len(dominant)] if others else None
