"""Results as JSON lines for weeks: files of bounded size and age, of which the newest are kept."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from catalog.errors import BadInput
from engine.errors import RecipientAway
from engine.sinks.appending import append_whole
from engine.sinks.dated_results import DatedResult, dated_to_line

_TAIL_BYTES = 1 << 16


class RotatedLines:
    """A recipient that adds lines to FILE; full or old, it becomes FILE.1, FILE.1 becomes FILE.2, ...

    Lines are added to a file that is there. One that was moved or deleted meanwhile, by a program
    that rotates logs, is begun anew.

    Args:
        path: of the newest file.
        max_bytes: of each file.
        max_age_s: between the first line of a file and the last one.
        keep: files beside the newest; older ones are deleted.
        now_s: the time of day, in seconds since 1970.

    Raises:
        BadInput: the file cannot be made or written, or another sink writes to it.
    """

    def __init__(
        self, path: Path, max_bytes: int, max_age_s: float, keep: int, now_s: Callable[[], float]
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._keep = keep
        self._now_s = now_s
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as e:
            raise BadInput(f"results file {path}: cannot be written: {e.strerror or e}") from e

    def deliver(self, results: Sequence[DatedResult]) -> None:
        """Add a line a result; see Recipient."""
        try:
            file = self._current()
            data = b"".join(dated_to_line(r) for r in results)
            if self._size_bytes and self._is_done(len(data)):
                file = self._rotate()
            append_whole(file, data, self._size_bytes)
            self._size_bytes += len(data)
        except OSError as e:
            self.close()
            raise RecipientAway(f"{self._path}: cannot be written: {e.strerror or e}") from e

    def interrupt(self) -> None:
        """Nothing here waits for another; see Recipient."""

    def close(self) -> None:
        """Close the file; see Recipient."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _current(self) -> int:
        """Return the file to write to, made anew where it is no longer in its place."""
        if self._file is not None and not self._in_place(self._file):
            self.close()
        return self._open() if self._file is None else self._file

    def _in_place(self, file: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(file))

    def _open(self) -> int:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            os.close(file)
            raise OSError(e.errno, "another sink or process writes to it") from e
        self._file = file
        self._size_bytes = _without_torn_line(file)
        self._began_s = _first_at_s(file, self._now_s())
        return file

    def _is_done(self, more_bytes: int) -> bool:
        old = self._now_s() - self._began_s >= self._max_age_s
        return old or self._size_bytes + more_bytes > self._max_bytes

    def _rotate(self) -> int:
        self.close()
        for i in range(self._keep - 1, 0, -1):
            if self._numbered(i).exists():
                self._numbered(i).replace(self._numbered(i + 1))
        if self._keep:
            self._path.replace(self._numbered(1))
        else:
            self._path.unlink()
        return self._open()

    def _numbered(self, i: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{i}")


def _without_torn_line(file: int) -> int:
    """Cut off what a kill left of a line, and return the size of the file."""
    end = os.fstat(file).st_size
    size = end
    while end > 0:
        begin = max(0, end - _TAIL_BYTES)
        newline = os.pread(file, end - begin, begin).rfind(b"\n")
        end = begin
        if newline >= 0:
            end += newline + 1
            break
    if end < size:
        os.ftruncate(file, end)
    return end


def _first_at_s(file: int, now_s: float) -> float:
    """Return when the first line of a file was written; now where that cannot be told."""
    line = os.pread(file, _TAIL_BYTES, 0).partition(b"\n")[0]
    try:
        return datetime.fromisoformat(orjson.loads(line)["at"]).astimezone(UTC).timestamp()
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return now_s
