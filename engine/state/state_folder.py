"""The folder where a run keeps what it must not forget: one run at a time, files whole or set aside."""

from __future__ import annotations

import fcntl
import logging
from pathlib import Path

from catalog.durable_file import remove_partials, write_whole
from catalog.errors import BadInput
from engine.state.spending_record import (
    DamagedRecord,
    SpendingRecord,
    record_from_bytes,
    record_to_bytes,
)

_log = logging.getLogger(__name__)

_SPENDING = "spending.json"
_LOCK = "lock"


class StateFolder:
    """An open folder; the lock goes with the process, however that ends.

    Args:
        path: made where it is missing.

    Raises:
        BadInput: it cannot be written, or another run keeps its state there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = (path / _LOCK).open("a")
        except OSError as e:
            raise BadInput(f"state = {path}: cannot be written: {e.strerror or e}") from e
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            self._lock.close()
            raise BadInput(f"state = {path}: another run keeps its state there: give each its own") from e
        remove_partials(path)

    @property
    def spending_path(self) -> Path:
        """The file with the spending."""
        return self._path / _SPENDING

    def spending(self) -> SpendingRecord | None:
        """Return what was spent when it was last written, or None where nothing was.

        Raises:
            DamagedRecord: the file was damaged, and is set aside by now.
        """
        try:
            return record_from_bytes(self.spending_path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as e:
            raise BadInput(f"{self.spending_path}: cannot be read: {e.strerror or e}") from e
        except DamagedRecord as e:
            aside = self._set_aside()
            raise DamagedRecord(f"{self.spending_path}: {e}; kept as {aside.name}") from e

    def write_spending(self, record: SpendingRecord) -> None:
        """Replace what was written; it lies on the disk when this returns.

        Raises:
            RunFailed: the disk is full or gone.
        """
        write_whole(self.spending_path, record_to_bytes(record))

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    def _set_aside(self) -> Path:
        names = (self._path / f"{_SPENDING}.damaged-{n}" for n in range(1, 1_000_000))
        aside = next(name for name in names if not name.exists())
        self.spending_path.rename(aside)
        return aside
