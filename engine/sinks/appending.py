"""Adds to a file in such a way that a full disk leaves no half of anything."""

from __future__ import annotations

import os


def append_whole(file: int, data: bytes, size_bytes: int) -> None:
    """Write data at the end of a file: all of it, or the file stays as it was.

    Args:
        file: descriptor.
        data: to be written.
        size_bytes: of the file so far.

    Raises:
        OSError: the disk is full or fails.
    """
    written = 0
    try:
        while written < len(data):
            written += os.pwrite(file, data[written:], size_bytes + written)
    except OSError:
        os.ftruncate(file, size_bytes)
        raise
