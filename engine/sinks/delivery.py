"""Delivers results to another system, whatever becomes of it: a queue, a thread, and patience."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.errors import RecipientAway, ResultsRefused
from engine.frames import Frame
from engine.results import Result
from engine.sinks.dated_results import DatedResult
from engine.sinks.delivery_account import DeliveryAccount
from engine.sinks.outage_notices import OutageNotices
from engine.sinks.outbox import Outbox
from engine.sinks.sink_figures import SinkFigures
from engine.sources.retrying import BackOff

_log = logging.getLogger(__name__)

RUN_ENDED = "the run ended before they were delivered"

_LOOK_UP_S = 0.5  # see sink_thread: a signal that comes just before a wait does not end it
_LAST_MOMENT_S = 2.0


class Recipient(Protocol):
    """Where results go; called by one thread, except for interrupt()."""

    def deliver(self, results: Sequence[DatedResult]) -> None:
        """Have these taken; when this returns, they are. At least one.

        Raises:
            RecipientAway: not just now; it will be tried again with the same results.
            ResultsRefused: never.
        """

    def interrupt(self) -> None:
        """Make a call of deliver() that is under way in another thread end soon; none follows."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How results are handed on.

    Args:
        batch: results at once, at most.
        gather_s: that the first result of a batch waits for company.
        drain_s: that the end of a run waits for a delivery to succeed, before it gives up what is left.
        most_drain_s: that it waits at all.
    """

    batch: int = 100
    gather_s: float = 0.0
    drain_s: float = 5.0
    most_drain_s: float = 60.0


class Delivery:
    """A sink whose results go to a recipient that may be slow, fail or be away for days.

    Its own thread offers the same results again and again, in order, with growing pauses. Meanwhile
    new ones wait in the outbox and, where that is full, make the oldest give way; only while the
    recipient is well, and only where the source can wait, does accept() wait for room.

    Args:
        recipient: owned from here on.
        outbox: likewise.
        account: counts; shared with the outbox.
        manner: how results are handed on.
        live: whether the source cannot wait.
        run: id of the run.
        back_off: pauses between attempts.
        now_s: the time of day, in seconds since 1970.
        clock: monotonic.
    """

    def __init__(
        self,
        recipient: Recipient,
        outbox: Outbox,
        account: DeliveryAccount,
        manner: Manner,
        live: bool,
        run: str,
        back_off: BackOff,
        now_s: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._recipient = recipient
        self._outbox = outbox
        self._account = account
        self._manner = manner
        self._live = live
        self._run_id = run
        self._back_off = back_off
        self._now_s = now_s
        self._clock = clock
        self._notices = OutageNotices(account.sink)
        self._changed = threading.Condition()
        self._closing = self._away = self._given_up = False
        self._progress_s = clock()
        self._thread = threading.Thread(target=self._work, name=f"mcdnn-deliver-{account.sink}", daemon=True)
        self._thread.start()

    def __str__(self) -> str:
        return self._account.sink

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:  # noqa: ARG002 - results alone matter
        """Put results into the outbox; see Sink."""
        self.accept_of(self._now_s(), results)

    def accept_of(self, at_s: float, results: Sequence[Result]) -> None:
        """Put results of a moment into the outbox.

        Args:
            at_s: the time of day, in seconds since 1970.
        """
        if not results:
            return
        if not self._live:
            self._wait_for_room()
        self._account.accepted(len(results))
        self._outbox.put([DatedResult(at_s, self._run_id, r) for r in results])
        with self._changed:
            self._changed.notify_all()

    def figures(self) -> SinkFigures:
        """Return what became of all results; see Counted."""
        return self._account.figures()

    def close(self) -> None:
        """Deliver what waits, while deliveries succeed; what is left stays in a spool, or is dropped."""
        with self._changed:
            self._closing = True
            self._progress_s = began_s = self._clock()
            self._changed.notify_all()
        while self._thread.is_alive() and self._worth_waiting(began_s):
            self._thread.join(min(_LOOK_UP_S, self._manner.drain_s))
        if self._thread.is_alive():
            self._give_up()
            self._thread.join(_LAST_MOMENT_S)
        self._account.close(self._outbox.close(), RUN_ENDED)

    def _give_up(self) -> None:
        with self._changed:
            self._given_up = True
            self._changed.notify_all()
        self._recipient.interrupt()

    def _worth_waiting(self, began_s: float) -> bool:
        if self._away and self._outbox.keeps:
            return False
        now_s = self._clock()
        going = now_s - self._progress_s < self._manner.drain_s
        return going and now_s - began_s < self._manner.most_drain_s

    def _wait_for_room(self) -> None:
        with self._changed:
            while self._outbox.is_full and not self._away and self._thread.is_alive():
                self._changed.wait(_LOOK_UP_S)

    def _work(self) -> None:
        try:
            while self._gathered():
                batch = self._outbox.take(self._manner.batch)
                if batch and not self._hand_over(batch):
                    break
                self._outbox.settle()
                self._note(away=False)
        except Exception as e:
            _log.exception("%s: nothing more goes there", self)
            self._account.failed(f"broke with {type(e).__name__}")
        finally:
            self._recipient.close()

    def _gathered(self) -> bool:
        """Wait for a batch; False once nothing waits and nothing will come."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._outbox) or self._closing)
            full = lambda: len(self._outbox) >= self._manner.batch or self._closing  # noqa: E731
            self._changed.wait_for(full, self._manner.gather_s)
        return len(self._outbox) > 0

    def _hand_over(self, batch: Sequence[DatedResult]) -> bool:
        """Offer a batch until it is taken or refused; False if the run ends before."""
        while not self._given_up:
            try:
                self._recipient.deliver(batch)
            except RecipientAway as e:
                self._account.failed(str(e))
                self._note(away=True)
                self._notices.failed(str(e), self._clock())
                self._pause(max(e.retry_after_s, self._back_off.next_pause_s()))
                continue
            except ResultsRefused as e:
                self._refused(str(e), len(batch))
            except Exception as e:
                _log.exception("%s: failed on %d results, which are dropped", self, len(batch))
                self._refused(f"failed with {type(e).__name__}", len(batch))
            else:
                self._account.delivered(len(batch))
                self._notices.delivered(self._clock())
            self._back_off.reset()
            return True
        return False

    def _refused(self, reason: str, results: int) -> None:
        self._account.refused(reason, results)
        self._notices.refused(reason)

    def _note(self, away: bool) -> None:
        with self._changed:
            self._away = away
            if not away:
                self._progress_s = self._clock()
            self._changed.notify_all()

    def _pause(self, pause_s: float) -> None:
        """Wait before the next attempt: at the end of a run at once, and then no longer than is left."""
        with self._changed:
            if not self._closing:
                self._changed.wait_for(lambda: self._closing, pause_s)
            else:
                self._changed.wait_for(lambda: self._given_up, min(pause_s, _LOOK_UP_S))
