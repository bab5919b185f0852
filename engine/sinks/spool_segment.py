"""One file of a spool: lines are added at its end and read from its beginning."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from engine.sinks.appending import append_whole

_SUFFIX = ".jsonl"
_READ_BYTES = 1 << 16


def segments_in(folder: Path) -> list[SpoolSegment]:
    """Open the segments in a folder, the oldest first; a line that was cut off is taken away.

    Raises:
        OSError: a file cannot be read or cut.
    """
    numbered = [p for p in folder.glob(f"*{_SUFFIX}") if p.stem.isdigit()]
    return [SpoolSegment(folder, int(p.stem)) for p in sorted(numbered, key=lambda p: int(p.stem))]


class SpoolSegment:
    """A file, how much of it is whole lines, and how far these were taken and settled.

    Args:
        folder: that it is in.
        number: by which segments are ordered; the file is made where it is missing.

    Raises:
        OSError: the file cannot be made, read or cut.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self._path = folder / f"{number:010d}{_SUFFIX}"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.lines, self.size_bytes = self._whole_lines()
        self.torn = os.fstat(self._file).st_size > self.size_bytes
        if self.torn:
            os.ftruncate(self._file, self.size_bytes)
        self.taken = self.settled = 0
        self._taken_bytes = self._settled_bytes = 0

    @property
    def settled_bytes(self) -> int:
        """How much of the file holds settled lines."""
        return self._settled_bytes

    def append(self, data: bytes, lines: int) -> None:
        """Add lines; all of them or none.

        Raises:
            OSError: the disk is full.
        """
        append_whole(self._file, data, self.size_bytes)
        self.size_bytes += len(data)
        self.lines += lines

    def take(self, most: int) -> list[bytes]:
        """Return the next lines, at most so many."""
        lines: list[bytes] = []
        data = b""
        while len(lines) < min(most, self.lines - self.taken):
            begin = self._taken_bytes + len(data)
            data += os.pread(self._file, min(_READ_BYTES, self.size_bytes - begin), begin)
            lines = data.split(b"\n")[:-1][:most]
        self.taken += len(lines)
        self._taken_bytes += sum(len(line) + 1 for line in lines)
        return lines

    def pass_over(self) -> int:
        """Take all that is left, unread, and return how many lines that was."""
        left = self.lines - self.taken
        self.taken, self._taken_bytes = self.lines, self.size_bytes
        return left

    def settle(self) -> None:
        """Let go of all that was taken."""
        self.settled, self._settled_bytes = self.taken, self._taken_bytes

    def settle_up_to(self, size_bytes: int) -> None:
        """Take and settle the lines in the first bytes of the file; none if no line ends there."""
        head = os.pread(self._file, size_bytes, 0)
        if len(head) == size_bytes and head.endswith(b"\n"):
            self.taken, self._taken_bytes = head.count(b"\n"), size_bytes
            self.settle()

    def sync(self) -> None:
        """Have the lines survive a power cut.

        Raises:
            OSError: the disk failed.
        """
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def remove(self) -> None:
        """Delete the file; where the disk refuses, it is passed over, or delivered again by another run."""
        self.close()
        with suppress(OSError):
            self._path.unlink()

    def _whole_lines(self) -> tuple[int, int]:
        """Return how many lines the file holds and where the last one ends."""
        lines = end = at = 0
        while data := os.pread(self._file, _READ_BYTES, at):
            lines += data.count(b"\n")
            end = at + data.rfind(b"\n") + 1 if b"\n" in data else end
            at += len(data)
        return lines, end
