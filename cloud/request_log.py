"""One line of JSON for each request that was refused or failed, at a bounded rate."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence

import orjson

from cloud.refusals import Refusal

_LINES_PER_S = 10.0
_LINES_AT_ONCE = 50.0


class RequestLog:
    """Writes lines; what comes faster than they may be written is counted, and the next line says so.

    Args:
        write: takes one line.
        name_chars: of a name that a client chose, in a line.
        clock: seconds, monotonic.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        name_chars: int,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._write = write
        self._name_chars = name_chars
        self._clock = clock
        self._wall_clock = wall_clock
        self._allowed = _LINES_AT_ONCE
        self._last_s = clock()
        self._suppressed = 0

    def refused(
        self, request_id: str, client: Callable[[], str], variants: Sequence[str], refusal: Refusal
    ) -> None:
        """Note that a request was refused, or failed where the refusal has a cause.

        Args:
            request_id: as it came.
            client: names who sent it; asked only where a line is written.
            variants: that were asked.
            refusal: what the client is told; its cause stays here.
        """
        if not self._may_write():
            self._suppressed += 1
            return
        line: dict[str, object] = {
            "t_s": round(self._wall_clock(), 3),
            "client": client(),
            "request_id": self._name(request_id),
            "variants": [self._name(v) for v in variants],
            "status": refusal.code.name,
            "why": str(refusal),
        }
        if refusal.__cause__ is not None:
            line["error"] = "".join(traceback.format_exception(refusal.__cause__))
        if self._suppressed:
            line["suppressed"] = self._suppressed
            self._suppressed = 0
        self._write(orjson.dumps(line).decode())

    def _name(self, name: str) -> str:
        return name[: self._name_chars]

    def _may_write(self) -> bool:
        now_s = self._clock()
        earned = (now_s - self._last_s) * _LINES_PER_S
        self._allowed, self._last_s = min(_LINES_AT_ONCE, self._allowed + earned), now_s
        if self._allowed < 1.0:
            return False
        self._allowed -= 1.0
        return True
