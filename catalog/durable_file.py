"""Files that are either whole or absent: written beside their place, then renamed."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from catalog.errors import RunFailed


def write_whole(path: Path, data: bytes) -> None:
    """Write data to path so that a kill at any moment leaves the old file or the new one.

    Raises:
        RunFailed: the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            beside.chmod(0o644)
            beside.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as e:
        raise RunFailed(f"{path}: cannot be written: {e.strerror or e}") from e


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk, too: without it, a loss of power may bring the old file back."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network file systems cannot; the file itself is written
            os.fsync(handle)
    finally:
        os.close(handle)


def remove_partials(folder: Path) -> None:
    """Remove what a killed writer left beside its files, anywhere below folder."""
    for leftover in folder.rglob(".*.partial"):
        leftover.unlink(missing_ok=True)
