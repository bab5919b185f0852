"""When a source that failed is tried again: after pauses that grow, and rarely where it crashes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source may give nothing, and how it is tried again.

    Args:
        timeout_s: for a connection or the next frame to come; the decoder itself gives up then.
        grace_s: after which a decoder that has not said so is taken for hung and killed.
        start_s: for a new process to begin to open a source, on a machine that is busy.
        least_pause_s: before the first new attempt.
        most_pause_s: the pause doubles up to here.
        attempts: that fail in a row before the process is replaced, with all that leaked in it.
        crashes: of the process within crash_window_s, after which it rests for crash_pause_s.
        crash_window_s: see crashes.
        crash_pause_s: see crashes.
    """

    timeout_s: float = 5.0
    grace_s: float = 2.0
    start_s: float = 30.0
    least_pause_s: float = 0.25
    most_pause_s: float = 4.0
    attempts: int = 50
    crashes: int = 5
    crash_window_s: float = 60.0
    crash_pause_s: float = 60.0


class BackOff:
    """Pauses that double, each shortened at random by up to a half.

    At random, so that devices that lost the same sender do not all come back at the same moment.
    """

    def __init__(self, patience: Patience, rng: Random) -> None:
        self._patience = patience
        self._rng = rng
        self._pause_s = patience.least_pause_s

    def next_pause_s(self) -> float:
        """Return how long to wait before the next attempt."""
        pause_s = self._pause_s
        self._pause_s = min(2.0 * pause_s, self._patience.most_pause_s)
        return pause_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin with the shortest pause again: an attempt succeeded."""
        self._pause_s = self._patience.least_pause_s


class CrashGuard:
    """Tells when a process crashes again and again, so that starting it anew at once is no use."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._crashes_s: deque[float] = deque(maxlen=patience.crashes)

    def is_looping(self, now_s: float) -> bool:
        """Count a crash; tell whether it is one too many. If so, counting begins anew."""
        self._crashes_s.append(now_s)
        full = len(self._crashes_s) == self._patience.crashes
        if not full or now_s - self._crashes_s[0] > self._patience.crash_window_s:
            return False
        self._crashes_s.clear()
        return True
