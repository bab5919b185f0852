"""Server-sent events: what is told is made once for all listeners, and only while there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

EVENTS_TYPE = "text/event-stream"

_LOOK_EVERY_S = 0.25
_COME_AGAIN = b"retry: 2000\n\n"


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of event.

    Args:
        name: of the event.
        every_s: how often it is made anew at most.
        make: returns what orjson takes.
    """

    name: str
    every_s: float
    make: Callable[[], Any]


class _Told:
    """A topic with what was told last."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.message = b""
        self.number = 0
        self.due_s = 0.0

    def renew(self, now_s: float) -> None:
        """Make it anew if that is due; a number more says that it is another one."""
        if now_s < self.due_s:
            return
        self.due_s = now_s + self.topic.every_s
        message = b"event: %b\ndata: %b\n\n" % (self.topic.name.encode(), to_json(self.topic.make()))
        if message != self.message:
            self.message = message
            self.number += 1


class Topics:
    """Tells listeners; used by one event loop.

    A listener that is slow gets the newest of each topic when it is ready again: nothing queues up.

    Args:
        topics: told in this order.
    """

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._told = [_Told(t) for t in topics]
        self._ended = False
        self.listeners = 0

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """Give events until the run ends or the listener goes."""
        self.listeners += 1
        try:
            yield _COME_AGAIN
            seen = dict.fromkeys(self._told, 0)
            ended = False
            while not ended:
                ended = self._ended
                for told in self._told:
                    told.renew(asyncio.get_running_loop().time())
                    if told.number > seen[told]:
                        seen[told] = told.number
                        yield told.message
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            self.listeners -= 1

    def now(self) -> bytes:
        """Return all topics as one JSON object, by name."""
        return to_json({told.topic.name: told.topic.make() for told in self._told})

    def end(self) -> None:
        """Tell everything once more and end."""
        self._ended = True
        for told in self._told:
            told.due_s = 0.0


def to_json(value: Any) -> bytes:
    """Return JSON; what has no limit, or is no number, becomes null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
