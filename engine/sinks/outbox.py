"""Where results wait to be delivered: in memory here, on disk in `spool`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from engine.sinks.dated_results import DatedResult

QUEUE_FULL = "the queue was full"

Lose = Callable[[str, int], None]


class Outbox(Protocol):
    """A queue of bounded size; one thread puts, another takes and settles.

    When it is full the oldest give way, and are reported as lost by reason: what is happening now is
    worth more than what happened when the outage began.
    """

    @property
    def keeps(self) -> bool:
        """Whether another run finds what was not settled."""

    @property
    def is_full(self) -> bool:
        """Whether what is put now makes others give way."""

    def __len__(self) -> int:
        """Return how many can be taken."""

    def put(self, results: Sequence[DatedResult]) -> None:
        """Take results in; they may be lost at once, never raises."""

    def take(self, most: int) -> Sequence[DatedResult]:
        """Return the oldest; they are settled before more are taken.

        Fewer may come than there are; none only where there are none or those next in line were lost.
        """

    def settle(self) -> None:
        """Let go of what was taken last: it was delivered, or never will be."""

    def close(self) -> int:
        """Return how many are kept for another run; nothing is put, taken or settled any more."""


class MemoryOutbox:
    """Keeps results in memory: those of a run that ends are gone.

    Args:
        capacity: results at most, besides those taken.
        lose: told the reason and the number of results that gave way.
    """

    keeps = False

    def __init__(self, capacity: int, lose: Lose) -> None:
        self._capacity = capacity
        self._lose = lose
        self._lock = threading.Lock()
        self._waiting: deque[DatedResult] = deque()

    @property
    def is_full(self) -> bool:
        """See Outbox."""
        return len(self._waiting) >= self._capacity

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, results: Sequence[DatedResult]) -> None:
        """See Outbox."""
        with self._lock:
            self._waiting.extend(results)
            over = max(0, len(self._waiting) - self._capacity)
            for _ in range(over):
                self._waiting.popleft()
        self._lose(QUEUE_FULL, over)

    def take(self, most: int) -> Sequence[DatedResult]:
        """See Outbox."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def settle(self) -> None:
        """See Outbox; what was taken is not held here."""

    def close(self) -> int:
        """See Outbox."""
        with self._lock:
            self._waiting.clear()
        return 0
