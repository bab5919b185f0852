"""Tells whether the loop of a run still comes round, which is no matter of frames."""

from __future__ import annotations

import time
from collections.abc import Callable


class Heartbeat:
    """Beaten by the engine's thread whenever its loop comes round, also while no camera gives a frame.

    Args:
        clock: monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_s = clock()

    def beat(self) -> None:
        """Say that the loop has come round."""
        self._last_s = self._clock()

    def silent_s(self) -> float:
        """Return how long ago that was; any thread may ask."""
        return self._clock() - self._last_s
