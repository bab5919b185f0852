"""Whether comparing the frames of a source pays, found out by trying."""

from __future__ import annotations

import math

_TRIED_FRAMES = 200
_RESTING_FRAMES = 2000


class Trial:
    """Weighs what passing frames over saved against what comparing took, and rests where it does not pay.

    After every 200 frames that were compared, what was saved is estimated from what the frames that
    were looked at took on average. Where that is less than comparing took, the next 2,000 frames are
    not compared, and then it is tried again: it costs a tenth of what it would at most.
    """

    def __init__(self) -> None:
        self._resting = 0
        self._each_j = 0.0  # of a frame that was looked at, lately
        self._begin()

    def rests(self) -> bool:
        """Tell whether the next frame is to be looked at without being compared; called once a frame."""
        if self._resting:
            self._resting -= 1
            return True
        if self._looked + self._passed >= _TRIED_FRAMES:
            if self._looked:
                self._each_j = self._took_j / self._looked
            pays = self._passed > 0 and self._passed * self._each_j >= self._compared_j
            self._begin()
            if not pays:
                self._resting = _RESTING_FRAMES - 1
                return True
        return False

    def looked(self, compared_j: float, searched_j: float) -> None:
        """Count a frame that was compared and looked at."""
        self._looked += 1
        self._compared_j += compared_j
        self._took_j += searched_j

    def passed_over(self, compared_j: float) -> None:
        """Count a frame that was compared and passed over."""
        self._passed += 1
        self._compared_j += compared_j

    def answered(self, energy_j: float, cost_usd: float = 0.0) -> None:
        """Count what an answer took; what costs money is worth sparing whatever comparing takes."""
        self._took_j += math.inf if cost_usd else energy_j

    def _begin(self) -> None:
        self._looked = self._passed = 0
        self._compared_j = self._took_j = 0.0
