"""Whether to ask a server at all: not after failures in a row, and again once a probe got through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When to give up on a server for a while, and when to look again.

    Args:
        failures: in a row that open the breaker.
        silence_s: since the last answer at least until it opens: one lost packet holds up all that is
            sent behind it, so failures in a row may have one harmless cause.
        first_pause_s: from opening to the first probe.
        longest_pause_s: between probes; each is twice the one before.
        jitter: share of a pause by which it is shortened at random, so that the devices that a server
            has lost do not come back at the same moment.
    """

    failures: int = 3
    silence_s: float = 1.0
    first_pause_s: float = 0.25
    longest_pause_s: float = 8.0
    jitter: float = 0.3


class CircuitBreaker:
    """Open at first, with a probe due at once; pure, and without a lock. Times are monotonic.

    A probe that gets through closes it; the pauses only start again from the shortest once a request
    was answered too, so that a server that answers probes alone is asked more and more rarely.

    Args:
        rules: how patient it is.
        draw: a number in [0, 1), evenly spread.
    """

    def __init__(self, rules: BreakerRules, draw: Callable[[], float]) -> None:
        self._rules = rules
        self._draw = draw
        self._closed = False
        self._failures = 0
        self._heard_s = 0.0
        self._pause_s = rules.first_pause_s

    @property
    def closed(self) -> bool:
        """Whether requests may be sent."""
        return self._closed

    def answered(self, now_s: float) -> None:
        """Note that a request was answered."""
        self._heard(now_s)
        self._pause_s = self._rules.first_pause_s

    def failed(self, now_s: float) -> float | None:
        """Note a failure; return the seconds to the first probe if this one has opened it."""
        self._failures += 1
        silent = now_s - self._heard_s >= self._rules.silence_s
        return self.open() if silent and self._failures >= self._rules.failures else None

    def open(self) -> float | None:
        """Give up on the server; return the seconds to the first probe, None if it was open already."""
        if not self._closed:
            return None
        self._closed = False
        return self.probe_failed()

    def probe_failed(self) -> float:
        """Note that a probe did not get through; return the seconds to the next one."""
        pause_s = self._pause_s * (1.0 - self._rules.jitter * self._draw())
        self._pause_s = min(2.0 * self._pause_s, self._rules.longest_pause_s)
        return pause_s

    def probe_answered(self, now_s: float) -> None:
        """Let requests through again."""
        self._closed = True
        self._heard(now_s)

    def _heard(self, now_s: float) -> None:
        self._failures = 0
        self._heard_s = now_s
