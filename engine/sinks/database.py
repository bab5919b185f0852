"""Results in an SQLite database of bounded size and age: the newest stay, the oldest rows go.

One file, not one a day: a question about last week is one query, whoever reads stays connected, and
the pages of deleted rows are used again, so that the file does not grow.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from catalog.errors import BadInput
from engine.errors import RecipientAway
from engine.sinks.database_rows import COLUMNS, SCHEMA, dated_to_values
from engine.sinks.dated_results import DatedResult

_log = logging.getLogger(__name__)

VERSION = 1
APPLICATION_ID = 0x6D63646E  # "mcdn", in the header of the file

_PAGE_BYTES = 4096
_WAL_SHARE = 4  # a quarter of the size allowed is for the write-ahead log
_NEARLY_FULL = 0.95
_OLDEST_AT_LEAST = 200
_BUSY_S = 2.0
_INSERT = f"INSERT INTO results ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


class Database:
    """A recipient that writes each batch in one transaction, and lets as many of the oldest rows go.

    The write-ahead log is on, so readers do not hold it up, and a kill or power cut at any moment
    leaves a file that opens. Everything on disk, log included, stays within max_bytes: where a reader
    keeps the log from being cleared for too long, results wait.

    Args:
        path: of the database; a file that is there is continued.
        max_bytes: of the database and its write-ahead log.
        max_age_s: rows that are older are deleted.
        now_s: the time of day, in seconds since 1970.

    Raises:
        BadInput: the file cannot be made or written, or is something else.
    """

    def __init__(self, path: Path, max_bytes: int, max_age_s: float, now_s: Callable[[], float]) -> None:
        self._path = path
        self._wal_bytes = max_bytes // _WAL_SHARE
        self._pages = (max_bytes - self._wal_bytes) // _PAGE_BYTES
        self._max_age_s = max_age_s
        self._now_s = now_s
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._opened()
        except (OSError, sqlite3.Error) as e:
            raise BadInput(f"database {path}: cannot be written: {e}") from e
        self._file = path.stat()

    def deliver(self, results: Sequence[DatedResult]) -> None:
        """Write rows; see Recipient."""
        try:
            connection = self._current()
            self._check_log(connection)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                self._forget(connection, len(results))
                connection.executemany(_INSERT, map(dated_to_values, results))
        except BadInput as e:  # another file came into its place meanwhile
            raise RecipientAway(str(e)) from e
        except (OSError, sqlite3.Error) as e:
            self.close()
            if _is_damage(e):
                self._set_aside()
            raise RecipientAway(f"database {self._path}: cannot be written: {e}") from e

    def interrupt(self) -> None:
        """End what SQLite is doing; see Recipient."""
        if (connection := self._connection) is not None:
            with suppress(sqlite3.Error):
                connection.interrupt()

    def close(self) -> None:
        """Close the file, which clears its write-ahead log; see Recipient."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _current(self) -> sqlite3.Connection:
        """Return a connection to the file that is in its place, which may have been moved or deleted."""
        if self._connection is not None and not self._in_place():
            self.close()
        if self._connection is None:
            self._connection = self._connect()
            self._file = self._path.stat()
        return self._connection

    def _in_place(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (self._file.st_dev, self._file.st_ino)

    def _opened(self) -> sqlite3.Connection:
        """Open the file; one that is damaged makes way for a new one."""
        try:
            return self._connect()
        except sqlite3.Error as e:
            if not _is_damage(e):
                raise
        self._set_aside()
        return self._connect()

    def _set_aside(self) -> None:
        """Move a damaged database out of the way, whose log is of no use without it."""
        damaged = self._path.with_name(f"{self._path.name}.damaged")
        _log.error("database %s: damaged: moved to %s, and a new one is begun", self._path, damaged.name)
        with suppress(OSError):
            self._path.replace(damaged)
            for part in ("-wal", "-shm"):
                self._path.with_name(f"{self._path.name}{part}").unlink(missing_ok=True)

    def _connect(self) -> sqlite3.Connection:
        """Open the file, and make the tables in one that is new.

        Raises:
            BadInput: it belongs to something else.
        """
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {max(1, self._wal_bytes // 4 // _PAGE_BYTES)}")
            connection.execute(f"PRAGMA journal_size_limit = {self._wal_bytes // 2}")
            self._check_owner(connection)
            connection.executescript(SCHEMA)
            # No fewer than there are, where the size allowed was made smaller: old rows go first then.
            connection.execute(f"PRAGMA max_page_count = {self._pages}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_owner(self, connection: sqlite3.Connection) -> None:
        owner, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
        if not _pragma(connection, "schema_version"):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        elif (owner, version) != (APPLICATION_ID, VERSION):
            raise BadInput(f"database {self._path}: not one of results, version {VERSION}: name another file")

    def _check_log(self, connection: sqlite3.Connection) -> None:
        """Raise where the write-ahead log cannot be cleared and has grown as far as it may."""
        log = self._path.with_name(f"{self._path.name}-wal")
        if not log.exists() or log.stat().st_size < self._wal_bytes * 3 // 4:
            return
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError(
                "another program reads it without an end, so that its write-ahead log cannot be cleared"
            )

    def _forget(self, connection: sqlite3.Connection, coming: int) -> None:
        """Delete what is too old, and the oldest where there is no room; little at a time."""
        oldest = 2 * coming + _OLDEST_AT_LEAST
        connection.execute(
            "DELETE FROM results WHERE id IN (SELECT id FROM results WHERE at_s < ? ORDER BY at_s LIMIT ?)",
            (self._now_s() - self._max_age_s, oldest),
        )
        used = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
        if used > _NEARLY_FULL * self._pages:
            connection.execute(
                "DELETE FROM results WHERE id IN (SELECT id FROM results ORDER BY id LIMIT ?)", (oldest,)
            )


def _is_damage(error: Exception) -> bool:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_CORRUPT


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
