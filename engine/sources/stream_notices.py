"""Tells the log when a source is lost and when it is back: once each, and now and then in between."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

_REMIND_S = 600.0


class StreamNotices:
    """Follows one source.

    Args:
        name: of the source.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lost_s: float | None = None
        self._said_s = 0.0
        self._attempts = 0

    def failed(self, reason: str, now_s: float) -> None:
        """Note that it gives nothing; said at once, and every ten minutes that this lasts."""
        self._attempts += 1
        if self._lost_s is None:
            self._lost_s = self._said_s = now_s
            _log.warning("source %s: %s; trying again until it answers", self._name, reason)
        elif now_s - self._said_s >= _REMIND_S:
            self._said_s = now_s
            _log.warning(
                "source %s: nothing for %.0f s, %d attempts: %s",
                self._name, now_s - self._lost_s, self._attempts, reason,
            )  # fmt: skip
        else:
            _log.debug("source %s: %s", self._name, reason)

    def gives_frames(self, now_s: float) -> None:
        """Note that a frame came."""
        if self._lost_s is not None:
            _log.warning(
                "source %s: back after %.1f s, %d attempts",
                self._name, now_s - self._lost_s, self._attempts,
            )  # fmt: skip
        self._lost_s = None
        self._attempts = 0

    def crash_loop(self, crashes: int, pause_s: float, reason: str) -> None:
        """Say that the decoder crashes again and again."""
        _log.error(
            "source %s: %s, %d times one after another: trying again in %.0f s only; others go on. "
            "Check the stream with another player; a camera's driver may need an update",
            self._name, reason, crashes, pause_s,
        )  # fmt: skip
