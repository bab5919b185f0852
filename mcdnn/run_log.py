"""The log of a run that lasts for weeks: lines for people or programs, each kind at a bounded rate."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TextIO

import orjson

LogFormat = Literal["text", "json"]
Kind = tuple[str, int, str]  # logger, level, what is said before details are put in

_A_MINUTE = 10
_WINDOW_S = 60.0
_MOST_KINDS = 500
_OTHER_KINDS = ("mcdnn", logging.WARNING, "lines of many other kinds")
_PRIORITY = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7


@dataclass(slots=True)
class _Seen:
    """Lines of one kind since a moment."""

    since_s: float
    written: int = 0
    left_out: int = 0


class KindLimit:
    """Lets a number of lines a minute through of each kind, and counts the others.

    Args:
        a_minute: lines of one kind.
        clock: seconds, monotonic.
    """

    def __init__(self, a_minute: int = _A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._kinds: dict[Kind, _Seen] = {}

    def admits(self, kind: Kind) -> bool:
        """Tell whether one more line of a kind may be written; it is counted in either case."""
        if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            kind = _OTHER_KINDS
        seen = self._kinds.get(kind)
        if seen is None:
            seen = self._kinds[kind] = _Seen(self._clock())
        if seen.written >= self._a_minute:
            seen.left_out += 1
            return False
        seen.written += 1
        return True

    def over(self) -> list[tuple[Kind, int]]:
        """Return the kinds whose minute is over, with how many of their lines were left out."""
        now_s = self._clock()
        ended = [(k, seen) for k, seen in self._kinds.items() if now_s - seen.since_s >= _WINDOW_S]
        return self._forget(ended)

    def rest(self) -> list[tuple[Kind, int]]:
        """Return all kinds of which lines were left out: there will be no more."""
        return self._forget(list(self._kinds.items()))

    def _forget(self, kinds: list[tuple[Kind, _Seen]]) -> list[tuple[Kind, int]]:
        for kind, _ in kinds:
            del self._kinds[kind]
        return [(kind, seen.left_out) for kind, seen in kinds if seen.left_out]


class RunLog(logging.Handler):
    """Writes to what standard error is at the moment, so that a live table keeps lines apart.

    A warning or error that comes again and again, whatever it says in detail, is written ten times a
    minute at most; how many lines were left out is said with the next line after that minute. What
    somebody asked for with -v is written in full.

    Args:
        form: "text" for people, "json" for programs: one object a line.
        journal: whether lines go to the systemd journal: it has times of its own, and wants priorities.
        limit: what is left out.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        form: LogFormat = "text",
        journal: bool = False,
        limit: KindLimit | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._form = form
        self._journal = journal
        self._limit = limit or KindLimit()
        self._wall_clock = wall_clock
        self._text = logging.Formatter(
            "%(name)s: %(message)s" if journal else "%(asctime)s %(levelname)s %(name)s: %(message)s"
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or count it; see logging.Handler."""
        try:
            self._tell_left_out(self._limit.over())
            kind = (record.name, record.levelno, str(record.msg))
            if record.levelno < logging.WARNING or self._limit.admits(kind):
                self._write(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Say what was left out until now; see logging.Handler."""
        self.acquire()
        try:
            self._tell_left_out(self._limit.rest())
        finally:
            self.release()
        super().close()

    def _tell_left_out(self, kinds: list[tuple[Kind, int]]) -> None:
        for (name, level, message), count in kinds:
            text = "%d more like this within a minute were left out: %s"
            self._write(logging.LogRecord(name, level, "", 0, text, (count, message), None), count)

    def _write(self, record: logging.LogRecord, left_out: int = 0) -> None:
        line = self._json(record, left_out) if self._form == "json" else self._text.format(record)
        if self._journal:
            priority = next((p for level, p in _PRIORITY if record.levelno >= level), _DEBUG_PRIORITY)
            line = "\n".join(f"<{priority}>{each}" for each in line.splitlines())
        print(line, file=sys.stderr, flush=True)

    def _json(self, record: logging.LogRecord, left_out: int) -> str:
        line: dict[str, object] = {
            "t_s": round(self._wall_clock(), 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self._text.formatException(record.exc_info)
        if left_out:
            line["left_out"] = left_out
        return orjson.dumps(line).decode()


def goes_to_journal(environment: Mapping[str, str], stream: TextIO) -> bool:
    """Tell whether a stream is the systemd journal, as systemd says it ("device:inode")."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
