"""When the device's side of a stream stops sending: a server that has too much to do is not sent more.

To read a request and refuse it takes a server a third of what answering it takes where models are small, so
one that gets several times what it can answer has no time left to answer any. What is not sent costs nothing.
How many may be under way falls by a quarter where the server refuses and grows by one for as many answers as
that are, much as a TCP window does (RFC 5681); before the first refusal it is not limited.
"""

from __future__ import annotations

import math

# The oldest request under way has waited for so much of its time: one sent now would hardly be in time.
_MOST_WAITED = 0.75
_FEWER = 0.75  # of what was under way at a refusal may be from then on; half left a server idle at times
_FULL_S = 0.01  # until there may be room again
_FORGOTTEN = 2.0  # times its time: a server that has not ended it by then will not
# Of the time after which a server expects to have done all that waits: later it would run out of work.
_SOONER = 0.5


class BackPressure:
    """What is under way on one stream, and until when its server wants no more; not safe between threads."""

    def __init__(self) -> None:
        self._under_way: dict[str, tuple[float, float]] = {}
        self._refusing_until_s = 0.0
        self._refused_patience_s = 0.0
        self._most = math.inf

    def sent(self, name: str, patience_s: float, now_s: float) -> None:
        """Note a request that is to be sent.

        Args:
            name: of the request, unique on the stream.
            patience_s: until its deadline.
            now_s: monotonic; likewise elsewhere.
        """
        self._under_way[name] = (now_s, now_s + _MOST_WAITED * patience_s)

    def answered(self, name: str) -> None:
        """Note that the server has answered one: one more may be under way after as many as may be now."""
        self.ended(name)
        self._most += 1.0 / self._most

    def ended(self, name: str) -> None:
        """Note that the server has refused one, or that it was not sent after all."""
        self._under_way.pop(name, None)

    def refused(self, retry_after_s: float, patience_s: float, now_s: float) -> None:
        """Note that the server had no room for one of such patience, and when it expects to have done all."""
        if now_s >= self._refusing_until_s:  # the first of all that were sent before it
            self._most = max(1.0, _FEWER * len(self._under_way))
        self._refusing_until_s = now_s + _SOONER * retry_after_s
        self._refused_patience_s = patience_s

    def held_s(self, patience_s: float, now_s: float) -> float:
        """Return for how long a request should not be sent; 0 if it may be.

        A refusal says nothing about requests that have more patience than the one that was refused.
        """
        while self._under_way:
            name, (sent_s, pressing_s) = next(iter(self._under_way.items()))
            if now_s <= pressing_s:
                break
            waited_s = now_s - sent_s
            if waited_s < _FORGOTTEN / _MOST_WAITED * (pressing_s - sent_s):
                return waited_s
            del self._under_way[name]
        if len(self._under_way) >= self._most:
            return _FULL_S
        if now_s < self._refusing_until_s and patience_s <= self._refused_patience_s:
            return self._refusing_until_s - now_s
        return 0.0
