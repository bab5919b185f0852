"""Writes down what a period takes, ahead of its spending, so that a kill never gives any of it back."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from catalog.errors import RunFailed
from engine.period_standing import PeriodStanding
from engine.state.moments import Moment
from engine.state.spending_record import SpendingRecord

_log = logging.getLogger(__name__)

_EVERY_S = 30.0
_LEAST_S = 1.0  # between two records: a disk of flash wears out
_AHEAD_SHARE = 0.002  # of the budget
_AHEAD_TIMES = 2.0  # what was spent between the last two records


class SpendingNotes(Protocol):
    """Told what a period has taken."""

    def begin(self, standing: PeriodStanding) -> None:
        """Write down how the run begins.

        Raises:
            RunFailed: it cannot be written.
        """

    def note(self, standing: PeriodStanding) -> None:
        """Take note; called every fraction of a second by the engine's thread, and takes microseconds."""

    def regrant(self, granted_j: float, granted_usd: float, terms: Mapping[str, Any]) -> None:
        """Take another budget; inf without a limit."""

    def close(self, standing: PeriodStanding) -> None:
        """Write down how the run ended."""


class NotKept:
    """Where nobody wants to know it after the run."""

    def begin(self, standing: PeriodStanding) -> None:
        """Forget it."""

    def note(self, standing: PeriodStanding) -> None:
        """Forget it."""

    def regrant(self, granted_j: float, granted_usd: float, terms: Mapping[str, Any]) -> None:
        """Forget it."""

    def close(self, standing: PeriodStanding) -> None:
        """Forget it."""


class SpendingKeeper:
    """Keeps a record on disk that is never less than what was spent.

    Each record allows for some more: 0.2 % of the budget, or twice what was spent between the last two
    records if that is more. Every thirty seconds, or when half of that is gone, another is written, by a
    thread of its own. Who finds a record that was not followed by the end of a run takes all of it as
    spent, so a kill costs at most what was allowed for.

    Args:
        write: puts a record on the disk.
        now: reads the clocks.
        granted_j: per period; inf without a limit.
        granted_usd: likewise.
        terms: of the budget, for the record.
        release: called last.
    """

    def __init__(
        self,
        write: Callable[[SpendingRecord], None],
        now: Callable[[], Moment],
        granted_j: float,
        granted_usd: float,
        terms: Mapping[str, Any],
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._write = write
        self._now = now
        self._release = release
        self._changed = threading.Condition()
        self._urgent = self._closing = False
        self._latest: tuple[PeriodStanding, Moment] | None = None
        self._written: PeriodStanding | None = None
        self._ahead_j = self._ahead_usd = 0.0
        self.regrant(granted_j, granted_usd, terms)
        self._thread = threading.Thread(target=self._run, name="mcdnn-spending", daemon=True)

    def begin(self, standing: PeriodStanding) -> None:
        """Write the first record, and go on; see SpendingNotes."""
        self._latest = standing, self._now()
        self._put(*self._latest)
        self._thread.start()

    def regrant(self, granted_j: float, granted_usd: float, terms: Mapping[str, Any]) -> None:
        """Take another budget; see SpendingNotes."""
        self._granted = (granted_j, granted_usd)
        self._terms = terms

    def note(self, standing: PeriodStanding) -> None:
        """Take note; see SpendingNotes."""
        urgent = self._is_half_gone(standing)
        self._latest = standing, self._moment_of(standing)
        if urgent and not self._urgent:
            with self._changed:
                self._urgent = True
                self._changed.notify_all()

    def close(self, standing: PeriodStanding) -> None:
        """Write the last record, which allows for nothing; see SpendingNotes."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        try:
            at = self._moment_of(standing)
            self._write(SpendingRecord(at, standing, 0.0, 0.0, self._terms))
        except RunFailed as e:
            _log.error("%s: the next run takes what was allowed for as spent", e)
        finally:
            self._release()

    def _moment_of(self, standing: PeriodStanding) -> Moment:
        """Return when a period stood so: while no frame comes, it stands as it did when the last one came."""
        if self._latest is not None and self._latest[0].elapsed_s == standing.elapsed_s:
            return self._latest[1]
        return self._now()

    def _is_half_gone(self, standing: PeriodStanding) -> bool:
        written = self._written
        if written is None or standing.elapsed_s < written.elapsed_s:  # another period
            return True
        gone_j = standing.work_j - written.work_j
        gone_usd = standing.spent_usd - written.spent_usd
        return gone_j > 0.5 * self._ahead_j or gone_usd > 0.5 * self._ahead_usd

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._urgent or self._closing, _EVERY_S)
                if self._closing:
                    return
                self._urgent = False
                latest = self._latest
            if latest is not None:
                self._try(*latest)
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, _LEAST_S):
                    return

    def _try(self, standing: PeriodStanding, at: Moment) -> None:
        try:
            self._put(standing, at)
        except RunFailed as e:
            _log.error("%s: what is spent from now on would not survive a kill", e)

    def _put(self, standing: PeriodStanding, at: Moment) -> None:
        before = self._written
        goes_on = before is not None and standing.elapsed_s >= before.elapsed_s
        spent_j = standing.work_j - (before.work_j if before and goes_on else standing.work_j)
        spent_usd = standing.spent_usd - (before.spent_usd if before and goes_on else standing.spent_usd)
        ahead_j = _ahead(spent_j, self._granted[0])
        ahead_usd = _ahead(spent_usd, self._granted[1])
        self._write(SpendingRecord(at, standing, ahead_j, ahead_usd, self._terms))
        self._written, self._ahead_j, self._ahead_usd = standing, ahead_j, ahead_usd


def _ahead(spent: float, granted: float) -> float:
    share = _AHEAD_SHARE * granted if math.isfinite(granted) else 0.0
    return max(share, _AHEAD_TIMES * spent)
