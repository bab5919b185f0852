"""An outbox on disk: what is put survives the end of the run, kill -9, and nearly all of it a power cut.

FOLDER/0000000001.jsonl   results, a line each, in segments of an eighth of the size allowed
FOLDER/settled.json       the segment, and how many bytes of it, up to which all was delivered
FOLDER/lock               held by the process that uses the folder
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from catalog.errors import BadInput
from engine.sinks.dated_results import DatedResult, dated_to_line, line_to_dated
from engine.sinks.outbox import Lose
from engine.sinks.spool_segment import SpoolSegment, segments_in

_log = logging.getLogger(__name__)

SPOOL_FULL = "the spool was full"
SPOOL_FAILED = "the spool could not be written"
DAMAGED = "damaged in the spool"

_SEGMENTS = 8
_SYNC_EVERY_S = 1.0
_POSITION = "settled.json"


class Spool:
    """Keeps results in a folder of its own; see Outbox. When it is full its oldest segment goes.

    What was delivered and not yet noted when the process was killed is delivered once more.

    Args:
        folder: made where it is missing.
        max_bytes: of all segments.
        lose: told the reason and the number of results that are gone.
        clock: monotonic; for how often the disk is made to write.

    Raises:
        BadInput: the folder cannot be made or read, or another process uses it.
    """

    keeps = True

    def __init__(self, folder: Path, max_bytes: int, lose: Lose, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = max(1, max_bytes // _SEGMENTS)
        self._lose = lose
        self._clock = clock
        self._synced_s = clock()
        self._disk = threading.Lock()
        self._failing = self._closed = False
        self._taken_from: SpoolSegment | None = None
        with ExitStack() as undo:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._locked = _locked(folder)
                undo.callback(os.close, self._locked)
                self._segments = deque(segments_in(folder))
                number = self._skip_settled()
                if not self._segments:
                    self._segments.append(SpoolSegment(folder, number + 1))
            except OSError as e:
                raise BadInput(f"spool {folder}: cannot be used: {e.strerror or e}") from e
            undo.pop_all()
        if any(s.torn for s in self._segments):
            _log.warning(
                "spool %s: a line that was being written when the last run was killed is gone", folder
            )
        self._count = self.recovered = sum(s.lines - s.taken for s in self._segments)

    @property
    def is_full(self) -> bool:
        """See Outbox."""
        with self._disk:
            return self._size_bytes() >= self._max_bytes - self._segment_bytes

    def __len__(self) -> int:
        return self._count

    def put(self, results: Sequence[DatedResult]) -> None:
        """See Outbox."""
        data = b"".join(dated_to_line(r) for r in results)
        with self._disk:
            if self._closed:
                return
            try:
                self._append(data, len(results))
            except OSError as e:
                self._lose(SPOOL_FAILED, len(results))
                self._say_failed(e)
            else:
                self._sync_now_and_then()

    def take(self, most: int) -> Sequence[DatedResult]:
        """See Outbox."""
        with self._disk:
            segment = next((s for s in self._segments if s.taken < s.lines), None)
            if segment is None or self._closed:
                return []
            self._taken_from = segment
            try:
                lines = segment.take(most)
            except OSError as e:
                _log.error("spool %s: cannot be read: %s", self._folder, e.strerror or e)
                left = segment.pass_over()
                self._count -= left
                self._lose(DAMAGED, left)
                return []
            self._count -= len(lines)
        return self._readable(lines)

    def settle(self) -> None:
        """See Outbox."""
        with self._disk:
            segment = self._taken_from
            if segment is None or self._closed:
                return
            self._taken_from = None
            segment.settle()
            if segment not in self._segments:
                return  # it gave way to newer results
            self._note_position(segment)
            self._remove_settled()

    def close(self) -> int:
        """See Outbox."""
        with self._disk:
            if not self._closed:
                self._closed = True
                self._count = 0
                self._sync()
                for segment in self._segments:
                    segment.close()
                os.close(self._locked)
            return sum(s.lines - s.settled for s in self._segments)

    def _append(self, data: bytes, lines: int) -> None:
        current = self._segments[-1]
        if current.lines and current.size_bytes + len(data) > self._segment_bytes:
            self._sync()
            self._segments.append(SpoolSegment(self._folder, current.number + 1))
            self._remove_settled()
        while len(self._segments) > 1 and self._size_bytes() + len(data) > self._max_bytes:
            oldest = self._segments.popleft()
            self._count -= oldest.lines - oldest.taken
            self._lose(SPOOL_FULL, oldest.lines - oldest.taken)
            oldest.remove()
        self._segments[-1].append(data, lines)
        self._count += lines

    def _sync_now_and_then(self) -> None:
        if self._clock() - self._synced_s >= _SYNC_EVERY_S:
            self._sync()
            self._synced_s = self._clock()

    def _sync(self) -> None:
        """Have the newest lines survive a power cut; where the disk refuses, they are kept all the same."""
        try:
            self._segments[-1].sync()
        except OSError as e:
            self._say_failed(e)
        else:
            self._failing = False

    def _say_failed(self, error: OSError) -> None:
        if not self._failing:
            _log.error("spool %s: cannot be written: %s", self._folder, error.strerror or error)
        self._failing = True

    def _readable(self, lines: Sequence[bytes]) -> list[DatedResult]:
        results = []
        for line in lines:
            try:
                results.append(line_to_dated(line.decode(), f"spool {self._folder}"))
            except (BadInput, UnicodeDecodeError) as e:
                _log.error("%s", e)
                self._lose(DAMAGED, 1)
        return results

    def _size_bytes(self) -> int:
        return sum(s.size_bytes for s in self._segments)

    def _note_position(self, segment: SpoolSegment) -> None:
        """Write down what is settled; where that fails, more is delivered twice and nothing is lost."""
        position = {"segment": segment.number, "bytes": segment.settled_bytes}
        beside = self._folder / f"{_POSITION}.partial"
        with suppress(OSError):
            beside.write_text(json.dumps(position))
            beside.replace(self._folder / _POSITION)

    def _remove_settled(self) -> None:
        while len(self._segments) > 1 and self._segments[0].settled == self._segments[0].lines:
            self._segments.popleft().remove()

    def _skip_settled(self) -> int:
        """Pass over what an earlier run has delivered; return the number of the last segment used so far."""
        try:
            position = json.loads((self._folder / _POSITION).read_text())
            number, size_bytes = int(position["segment"]), int(position["bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        while self._segments and self._segments[0].number < number:
            self._segments.popleft().remove()
        if self._segments and self._segments[0].number == number:
            self._segments[0].settle_up_to(size_bytes)
        return number


def _locked(folder: Path) -> int:
    """Return a lock on a folder, which lasts until it is closed or the process ends."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        os.close(lock)
        raise BadInput(f"spool {folder}: used by another process: give each sink a spool of its own") from e
    return lock
