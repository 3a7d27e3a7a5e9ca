"""SQLite: one connection to an archive's file, its transactions, and its errors as our own.

It is a `Database`, see there.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from corpus.errors import ArchiveDamagedError, NewsArchiveError, StorageError, UsageError
from embeddings.checked import bytes_sum
from embeddings.database import Row, half_a_character
from embeddings.locking import writer_lock

BUSY_MS = 10_000
"""Milliseconds that a statement waits for another process's transaction to end."""

CHECKPOINT_MS = 1_000
"""Milliseconds that emptying the log waits for readers; it is done after the next commit else."""

RETRY_SECONDS = 0.02
"""Seconds between attempts at what SQLite refuses at once while another connection is at it."""

MAX_VARIABLES = 500
"""Keys in one SQL statement: SQLite allows 32,766 of them, older builds 999."""

WRITE, READ, IMMUTABLE = "mode=rw", "mode=ro", "mode=ro&immutable=1"
CREATE = "mode=rwc"

SUMMED_BYTES = 64_000_000
"""Size of a database up to which all of it is checked when it is opened, in 50 ms. Beyond that what
is read is checked by its own digest, and `verify` checks the rest."""


class SqliteDatabase:
    """One connection. Threads may share it where they take turns.

    It is opened to write where the system allows that, else to read; on a disk where SQLite cannot
    even make its own small files, the file is read as it stands. Raises StorageError where it
    cannot be opened at all, ArchiveDamagedError where it is no database.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._db, self.mode = _open(path, [CREATE] if create else _modes(path))
        status = path.stat()
        self._identity = (status.st_dev, status.st_ino)

    @property
    def place(self) -> str:
        """Return the file's path."""
        return str(self.path)

    @property
    def is_shared(self) -> bool:
        """Return False: SQLite's locks hold on one machine."""
        return False

    @property
    def is_replaced(self) -> bool:
        """Tell whether another file, or none, now stands where this one was opened."""
        try:
            status = self.path.stat()
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self._identity

    @property
    def writable(self) -> bool:
        """Tell whether the connection may write."""
        return self.mode in (WRITE, CREATE)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return all its rows. Raises UsageError for text that is none."""
        with _translated(self.path):
            return self._db.execute(sql, values).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each of the rows of values."""
        with _translated(self.path):
            self._db.executemany(sql, rows)

    def select(self, sql: str, keys: Iterable[Any]) -> Iterator[Row]:
        """Run `sql (?, ?, ...)` over the keys in portions and yield the rows.

        The last key is repeated up to a power of two, which changes no row: so there are few
        different statements, and those are kept as they were compiled.
        """
        wanted = list(keys)
        for at in range(0, len(wanted), MAX_VARIABLES):
            portion = wanted[at : at + MAX_VARIABLES]
            size = min(1 << (len(portion) - 1).bit_length(), MAX_VARIABLES)
            portion += portion[-1:] * (size - len(portion))
            yield from self.execute(f"{sql} ({', '.join('?' * size)})", portion)

    def next_key(self, table: str, count: int = 1) -> int:  # noqa: ARG002 - SQLite counts rows in
        """Return the key after the highest that a table has ever given."""
        rows = self.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(rows[0][0]) + 1 if rows else 1

    def log_ahead(self) -> None:
        """Set what every writing connection needs: a write-ahead log, real deletion, checks."""
        if not self.writable:
            return
        with _translated(self.path):
            _retried(self._db, "PRAGMA journal_mode = WAL")
            for setting in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self._db.execute(f"PRAGMA {setting}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written inside, or nothing of it."""
        with _translated(self.path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Give everything read inside one consistent view."""
        if self._db.in_transaction:
            yield
            return
        with _translated(self.path):
            try:
                self._db.execute("BEGIN")
                yield
            finally:
                self._roll_back()

    def empty_log(self) -> None:
        """Move the write-ahead log into the file, where no reader holds it, so nothing lingers."""
        if not self.writable:
            return
        self.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MS}")
        try:
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    def writing(self, wait: float) -> AbstractContextManager[None]:
        """Hold the only writer's place, a lock in the archive's folder, within a block."""
        return writer_lock(self.path.parent, wait=wait)

    def content_sum(self) -> str:
        """Return format and checksum of the database in this view, or "" where that takes long."""
        pages = int(self.execute("PRAGMA page_count")[0][0])
        size = pages * int(self.execute("PRAGMA page_size")[0][0])
        if size > SUMMED_BYTES or not hasattr(self._db, "serialize"):  # few builds lack it
            return ""
        version = self.execute("PRAGMA user_version")[0][0]
        return f"{version}:{bytes_sum(self._content())}"

    def _content(self) -> bytes:
        """Return the database's bytes as this connection sees them, with what waits in the log.

        The file itself must not be opened beside SQLite: closing it again would undo the locks that
        the process has on it (https://sqlite.org/howtocorrupt.html, 2.2).
        """
        with _translated(self.path):
            return self._db.serialize()

    def bytes_elsewhere(self) -> int:
        """Return 0: all of it is in the archive's folder."""
        return 0

    def integrity(self) -> list[str]:
        """Return what SQLite itself finds wrong with the file, in its own words."""
        rows = self.execute("PRAGMA integrity_check")
        rows += self.execute("PRAGMA foreign_key_check")
        return [" ".join(map(str, row)) for row in rows if row[0] != "ok"]

    def reindex(self) -> None:
        """Make the indices anew. Raises ArchiveDamagedError where tables cannot be read through."""
        self.execute("REINDEX")

    def compact(self) -> None:
        """Write the file anew without what was removed."""
        self.execute("VACUUM")

    def again(self) -> SqliteDatabase:
        """Return another connection to the same file, for another thread."""
        other = SqliteDatabase(self.path)
        other.log_ahead()
        return other

    def cut(self) -> None:
        """Do nothing: a file answers or fails."""

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _roll_back(self) -> None:
        """Undo an open transaction; after some errors SQLite has done so itself."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _modes(path: Path) -> list[str]:
    """Return the ways to open an existing file that the permissions allow, best first."""
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return [WRITE, READ, IMMUTABLE] if may_write else [READ, IMMUTABLE]


def _open(path: Path, modes: Sequence[str]) -> tuple[sqlite3.Connection, str]:
    """Return a connection in the first mode in which the file can be read, and that mode."""
    for mode in modes:
        if mode == IMMUTABLE:
            _refuse_unmerged(path)
        try:
            with _translated(path):
                return _connected(path, mode), mode
        except StorageError:
            if mode == modes[-1]:
                raise
    raise AssertionError("no mode was given")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection that has read from its file."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA cell_size_check = ON")
        _retried(db, "SELECT count(*) FROM sqlite_master")
    except BaseException:
        db.close()
        raise
    return db


def _refuse_unmerged(path: Path) -> None:
    """Raise StorageError where commits wait in a log that cannot be read without writing."""
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size:
        raise StorageError(
            f"the newest articles in {path.parent} wait in {log.name}, which cannot be read without"
            " permission and space to write: open the archive once where both are given,"
            " or copy its folder to such a place"
        )


def _retried(db: sqlite3.Connection, sql: str) -> None:
    """Run a statement that SQLite does not wait with, though it may be refused for a moment."""
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            db.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into this project's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _own(path, error) from error
    except UnicodeEncodeError as error:
        raise half_a_character(error) from error


def _own(path: Path, error: sqlite3.Error) -> NewsArchiveError:
    """Return the error of this project that says what SQLite's means."""
    if isinstance(error, sqlite3.ProgrammingError):
        return UsageError(f"the archive in {path.parent} was closed: open it again ({error})")
    if not isinstance(error, sqlite3.OperationalError):
        return ArchiveDamagedError(
            f"{path} is damaged ({error}): restore it from a copy,"
            " or index the files into a new folder"
        )
    if "locked" in str(error) or "busy" in str(error):
        return StorageError(f"{path} is in use by another process: try again")
    return StorageError(
        f"{path} cannot be read or written ({error}): check the disk's free space"
        " and the folder's permissions; what was committed before is kept"
    )
