"""For how long the requests of a stream have waited, at either side, before they were read.

A server that has more to do than it can reads late, and what waits in the system's buffers is no part of its
queue. The two clocks have nothing to do with each other, but what lies between a request's two readings is
the least where it waited least; what is beyond that was waiting (the one-way delay of RFC 6817, LEDBAT).
"""

from __future__ import annotations

import math

_REMEMBERED_S = 600.0  # in which two clocks drift apart by less than a tenth of a second


class UnreadWait:
    """Of one stream: one device's clock against the server's."""

    def __init__(self) -> None:
        self._before_s = self._now_s = math.inf
        self._began_s = -math.inf

    def waited_s(self, sent_s: float, read_s: float) -> float:
        """Return how much longer a request was under way than the one that was the least.

        Args:
            sent_s: by the device's clock; 0 where it does not tell.
            read_s: by the server's.
        """
        if not (sent_s and math.isfinite(sent_s)):
            return 0.0
        between_s = read_s - sent_s
        if read_s - self._began_s > _REMEMBERED_S:
            self._before_s, self._now_s, self._began_s = self._now_s, math.inf, read_s
        self._now_s = min(self._now_s, between_s)
        return between_s - min(self._before_s, self._now_s)
