"""Where the results are that were given to one sink: the only place that counts them."""

from __future__ import annotations

import threading

from engine.sinks.sink_figures import SinkFigures


class DeliveryAccount:
    """Counts; any thread may call any method, and none waits for anything but another's counting.

    Args:
        sink: its name.
        spooled: whether what waits is on disk.
    """

    def __init__(self, sink: str, spooled: bool = False) -> None:
        self.sink = sink
        self._spooled = spooled
        self._lock = threading.Lock()
        self._accepted = self._recovered = self._delivered = self._retries = 0
        self._dropped: dict[str, int] = {}
        self._trouble = ""
        self._closed = False

    def accepted(self, results: int) -> None:
        """Count results that were given to the sink; before anything else is done with them."""
        with self._lock:
            self._accepted += results

    def recovered(self, results: int) -> None:
        """Count results that an earlier run left in the spool."""
        with self._lock:
            self._recovered += results

    def delivered(self, results: int) -> None:
        """Count results that were taken: all is well."""
        with self._lock:
            if not self._closed:
                self._delivered += results
                self._trouble = ""

    def refused(self, reason: str, results: int) -> None:
        """Count results that the other side will never take: all is not well."""
        self.dropped(reason, results)
        with self._lock:
            if not self._closed:
                self._trouble = reason

    def dropped(self, reason: str, results: int) -> None:
        """Count results that nobody will get."""
        with self._lock:
            if results and not self._closed:
                self._dropped[reason] = self._dropped.get(reason, 0) + results

    def failed(self, trouble: str) -> None:
        """Count an attempt that is made again, and say why it failed."""
        with self._lock:
            if not self._closed:
                self._retries += 1
                self._trouble = trouble

    def close(self, kept: int, reason: str) -> None:
        """Drop all that is still to be delivered, but what is kept for another run; count no more."""
        with self._lock:
            lost = self._left() - kept
            if lost > 0 and not self._closed:
                self._dropped[reason] = self._dropped.get(reason, 0) + lost
            self._closed = True

    def figures(self) -> SinkFigures:
        """Return how it stands."""
        with self._lock:
            left = self._left()
            return SinkFigures(
                self.sink,
                self._accepted,
                self._delivered,
                dict(self._dropped),
                waiting=0 if self._spooled else left,
                spooled=left if self._spooled else 0,
                recovered=self._recovered,
                retries=self._retries,
                trouble=self._trouble,
            )

    def _left(self) -> int:
        return self._accepted + self._recovered - self._delivered - sum(self._dropped.values())
