"""Tells the log what an operator must know: who is not served and why, and when a budget renews.

Each thing is said once, not once a window: a device runs for weeks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from engine.ledger import Ledger
from engine.scheduling.unserved import ENERGY_GONE, MONEY_GONE

_log = logging.getLogger(__name__)

_GONE = (ENERGY_GONE, MONEY_GONE)
_MOST_SAID = 1000


class Notices:
    """Follows one ledger from period to period."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._renewals = ledger.renewals
        self._gone: set[str] = set()
        self._said: set[tuple[str, str]] = set()

    def renewed(self, now: float) -> bool:
        """Tell whether a new period has begun since the last call."""
        self._ledger.period_left_s(now)
        if self._ledger.renewals == self._renewals:
            return False
        self._renewals = self._ledger.renewals
        if self._gone:
            left_j = self._ledger.energy_left_j(now)
            _log.warning("budget renewed at %.1f s: %.4g J for requests to come", now, left_j)
        self._gone.clear()
        return True

    def unserved(self, reasons: Mapping[str, str], now: float) -> None:
        """Note why apps were not served on a window.

        Args:
            reasons: by app.
            now: time on the source's clock.
        """
        for app, reason in reasons.items():
            if reason in _GONE:
                self._say_gone(reason, now)
            elif (app, reason) not in self._said and len(self._said) < _MOST_SAID:
                self._said.add((app, reason))
                _log.warning("app %s: not served at %.1f s, and said only once: %s", app, now, reason)

    def _say_gone(self, reason: str, now: float) -> None:
        if reason not in self._gone:
            self._gone.add(reason)
            _log.warning(
                "%s at %.1f s: what it cannot pay for is counted and not answered; it renews %s",
                reason,
                now,
                self._ledger.renewal(now),
            )
