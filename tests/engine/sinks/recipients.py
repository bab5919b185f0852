"""A recipient for tests that is well, away, refusing or stuck, as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from random import Random

from engine.errors import RecipientAway
from engine.sinks.dated_results import DatedResult
from engine.sinks.delivery import Delivery, Manner
from engine.sinks.delivery_account import DeliveryAccount
from engine.sinks.outbox import MemoryOutbox, Outbox
from engine.sources.retrying import BackOff, Patience
from tests.engine.sinks.dated import index_of

LONG_S = 30.0


class Scripted:
    """Raises at each attempt what its script says; takes results where that is None, and at its end."""

    def __init__(self, *script: Exception | None) -> None:
        self._script = list(script)
        self.taken: list[int] = []
        self.batches: list[int] = []
        self.attempts = 0
        self.closed = False
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.enough = threading.Event()
        self.enough_at = 1_000_000

    def hang(self) -> None:
        """Do not come back from the next attempt until freed or interrupted."""
        self.open.clear()

    def deliver(self, results: Sequence[DatedResult]) -> None:
        self.attempts += 1
        self.entered.set()
        assert self.open.wait(LONG_S)
        event = self._script.pop(0) if self._script else None
        if event is not None:
            raise event
        self.taken += [index_of(r) for r in results]
        self.batches.append(len(results))
        if len(self.taken) >= self.enough_at:
            self.enough.set()

    def interrupt(self) -> None:
        self._script.insert(0, RecipientAway("interrupted"))
        self.open.set()

    def close(self) -> None:
        self.closed = True


class Away(Scripted):
    """Is never well."""

    def deliver(self, results: Sequence[DatedResult]) -> None:
        self.attempts += 1
        self.entered.set()
        raise RecipientAway("away")


def quick_back_off() -> BackOff:
    """Return pauses of a millisecond."""
    return BackOff(Patience(least_pause_s=0.001, most_pause_s=0.001), Random(1))


def delivery_to(
    recipient: Scripted,
    capacity: int = 1000,
    live: bool = True,
    batch: int = 10,
    gather_s: float = 0.0,
    drain_s: float = LONG_S,
    outbox: Callable[[DeliveryAccount], Outbox] | None = None,
) -> Delivery:
    """Put a delivery together that does not wait longer than a test should."""
    account = DeliveryAccount("post", spooled=outbox is not None)
    box = MemoryOutbox(capacity, account.dropped) if outbox is None else outbox(account)
    manner = Manner(batch, gather_s, drain_s)
    return Delivery(
        recipient, box, account, manner, live, "run-a", quick_back_off(), lambda: 1e9, _Steady().read
    )


class _Steady:
    """A clock that goes a millisecond a reading."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def read(self) -> float:
        self._now_s += 0.001
        return self._now_s
