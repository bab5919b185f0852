"""What passing over still frames saves, by what the others took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GateFigures:
    """What was passed over because nothing had changed.

    Args:
        frames: by source.
        requests: that would have been made about them, estimated from the windows found last and the
            rates of the apps.
        saved_j: energy of searching those frames and answering those requests at what the others took
            on average, less what comparing all frames took; an estimate from modelled figures.
    """

    frames: Mapping[str, int] = field(default_factory=dict)
    requests: float = 0.0
    saved_j: float = 0.0

    @property
    def total_frames(self) -> int:
        """Frames of all sources."""
        return sum(self.frames.values())


NOTHING_PASSED_OVER = GateFigures()


class Savings:
    """Adds up what was done and what was not."""

    def __init__(self) -> None:
        self._frames: dict[str, int] = {}
        self._compared_j = 0.0
        self._requests = 0.0
        self._searched = self._answers = 0
        self._searched_j = self._answers_j = 0.0

    def compared(self, energy_j: float) -> None:
        """Count what comparing a frame took."""
        self._compared_j += energy_j

    def searched(self, energy_j: float) -> None:
        """Count a frame that was searched, and what that took."""
        self._searched += 1
        self._searched_j += energy_j

    def passed_over(self, source: str, requests: float) -> None:
        """Count a frame that was not, and what was not asked about it."""
        self._frames[source] = self._frames.get(source, 0) + 1
        self._requests += requests

    def answered(self, energy_j: float) -> None:
        """Count a request that was made."""
        self._answers += 1
        self._answers_j += energy_j

    @property
    def figures(self) -> GateFigures:
        """What it came to so far."""
        frames = sum(self._frames.values())
        search_j = self._searched_j / self._searched if self._searched else 0.0
        answer_j = self._answers_j / self._answers if self._answers else 0.0
        saved_j = frames * search_j - self._compared_j + self._requests * answer_j
        return GateFigures(dict(self._frames), self._requests, saved_j if frames else 0.0)
