"""What a specialised model in front of a generic one is worth at a given skew."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CascadeRates:
    """How a specialised model does, whatever the skew.

    Args:
        accuracy_in: share of windows of its classes that it answers rightly.
        in_to_other: share of windows of its classes that it answers "other".
        accuracy_out: share of windows of other classes that it answers "other".
    """

    accuracy_in: float
    in_to_other: float
    accuracy_out: float

    def accuracy(self, skew: float, generic: float) -> float:
        """Return the accuracy of the cascade; "other" goes on to the generic model.

        The formula is that of Sequential Specialization (CVPR 2017), section 4.

        Args:
            skew: share of what is seen that is of its classes.
            generic: accuracy of the generic model.
        """
        seen = self.accuracy_in + self.in_to_other * generic
        return skew * seen + (1.0 - skew) * self.accuracy_out * generic

    def passed_on(self, skew: float) -> float:
        """Return the share of windows that go on to the generic model."""
        return skew * self.in_to_other + (1.0 - skew) * self.accuracy_out
