"""What making a head takes, before it is priced."""

from __future__ import annotations

from dataclasses import dataclass

_WEIGHT_OF_LATEST = 0.3


@dataclass(frozen=True, slots=True)
class TrainingEffort:
    """What a head takes at one place.

    Args:
        processor_s: on the machine that trains.
        up_bytes: sent by the device; 0 where it trains itself.
        down_bytes: received; likewise.
        at_most: whether that machine did not tell, so that processor_s is the most that it can be.
    """

    processor_s: float
    up_bytes: float = 0.0
    down_bytes: float = 0.0
    at_most: bool = False

    @property
    def elsewhere(self) -> bool:
        """Whether it was made at a server, or tried there."""
        return self.up_bytes > 0.0 or self.down_bytes > 0.0

    def times(self, factor: float) -> TrainingEffort:
        """Return so many times as much."""
        return TrainingEffort(factor * self.processor_s, factor * self.up_bytes, factor * self.down_bytes)

    def moved_to(self, latest: TrainingEffort) -> TrainingEffort:
        """Return an estimate that has learnt from one more head."""
        return TrainingEffort(
            _moved(self.processor_s, latest.processor_s),
            _moved(self.up_bytes, latest.up_bytes),
            _moved(self.down_bytes, latest.down_bytes),
        )


def _moved(before: float, after: float) -> float:
    return before + _WEIGHT_OF_LATEST * (after - before)
