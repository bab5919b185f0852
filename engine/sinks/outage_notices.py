"""Tells the log when results can no longer be delivered and when they can again: seldom, for weeks."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

_REMIND_S = 600.0
_SHORT_S = 60.0
_MOST_REASONS = 20


class OutageNotices:
    """Follows one sink.

    An outage is said at once, every ten minutes that it lasts, and at its end. One that begins within
    ten minutes of the last end is said only if it lasts a minute.

    Args:
        sink: its name.
    """

    def __init__(self, sink: str) -> None:
        self._sink = sink
        self._lost_s: float | None = None
        self._said_s: float | None = None
        self._quiet_until_s = 0.0
        self._attempts = 0
        self._refusals: set[str] = set()

    def failed(self, why: str, now_s: float) -> None:
        """Note an attempt that failed."""
        self._attempts += 1
        if self._lost_s is None:
            self._lost_s, self._said_s = now_s, None
        lost_for_s = now_s - self._lost_s
        if self._said_s is None:
            if now_s >= self._quiet_until_s or lost_for_s >= _SHORT_S:
                self._said_s = now_s
                _log.warning("sink %s: %s; trying again until it takes results", self._sink, why)
        elif now_s - self._said_s >= _REMIND_S:
            self._said_s = now_s
            _log.warning(
                "sink %s: takes nothing for %.0f s, %d attempts: %s",
                self._sink, lost_for_s, self._attempts, why,
            )  # fmt: skip

    def delivered(self, now_s: float) -> None:
        """Note that results were taken."""
        if self._lost_s is not None and self._said_s is not None:
            self._quiet_until_s = now_s + _REMIND_S
            _log.warning(
                "sink %s: takes results again after %.0f s, %d attempts",
                self._sink, now_s - self._lost_s, self._attempts,
            )  # fmt: skip
        self._lost_s = None
        self._attempts = 0

    def refused(self, reason: str) -> None:
        """Note results that are dropped; said once a reason."""
        if reason not in self._refusals and len(self._refusals) < _MOST_REASONS:
            self._refusals.add(reason)
            _log.error("sink %s: %s: such results are dropped and counted", self._sink, reason)
