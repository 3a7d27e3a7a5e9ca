"""The tables of an archive's database in SQLite, and the marks that tell it from any other file."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from corpus.errors import ArchiveDamagedError, ArchiveMismatchError, ArchiveMissingError
from embeddings.migrations import ADDED_BY_4, OLDEST, migrate
from embeddings.sqlite import SqliteDatabase

DATABASE = "archive.sqlite"
"""Name of the database file in an archive's directory."""

REPLICA = "replica.txt"
"""Name of the file that says what the folder of a shared archive is for, in its place."""

FORMAT = 7
"""Version of the tables below (SQLite's user_version)."""

READABLE = 4
"""The oldest format whose tables are the same, so that it can be read as it stands."""

APPLICATION_ID = 0x6E657773
"""SQLite's application_id of an archive: "news" in ASCII."""

SCHEMA = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE files (
        path TEXT PRIMARY KEY, stamp TEXT NOT NULL, articles TEXT NOT NULL, earlier TEXT NOT NULL,
        failures TEXT NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE articles (
        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, source TEXT,
        published TEXT, record BLOB NOT NULL, digest TEXT NOT NULL, generation INTEGER NOT NULL,
        version INTEGER NOT NULL DEFAULT 1, seal BLOB NOT NULL DEFAULT x'')""",
    """CREATE TABLE vectors (
        key INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, passage BLOB NOT NULL,
        sentences BLOB NOT NULL, digest BLOB NOT NULL)""",
    """CREATE TABLE passages (
        key INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL REFERENCES articles (key),
        n INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
        tokens INTEGER NOT NULL, sentences TEXT NOT NULL, digest BLOB NOT NULL,
        vector INTEGER NOT NULL REFERENCES vectors (key), generation INTEGER NOT NULL)""",
    """CREATE TABLE removals (
        generation INTEGER NOT NULL, article INTEGER NOT NULL, passages TEXT NOT NULL)""",
    "CREATE TABLE commits (generation INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE INDEX articles_generation ON articles (generation)",
    "CREATE INDEX passages_article ON passages (article, n)",
    "CREATE INDEX passages_generation ON passages (generation)",
    "CREATE INDEX removals_generation ON removals (generation)",
    *ADDED_BY_4,
)


def open_folder(directory: Path, *, create: bool = False) -> SqliteDatabase:
    """Return the database in an archive's folder; with `create`, made where there is none.

    Raises ArchiveMissingError where the folder holds none, else as `check_format` does.
    """
    path = directory / DATABASE
    if not create and not path.is_file():
        raise _missing(directory)
    db = SqliteDatabase(path, create=create)
    try:
        if not has_tables(db):
            if not create:
                raise _missing(directory)
            create_tables(db)
        check_format(db, directory)
        db.log_ahead()
    except BaseException:
        db.close()
        raise
    return db


def _missing(directory: Path) -> ArchiveMissingError:
    return ArchiveMissingError(
        f"there is no archive in {directory}: make one with `qa index FOLDER --archive {directory}`"
    )


def has_tables(db: SqliteDatabase) -> bool:
    """Tell whether anything was ever made in the file."""
    return bool(db.execute("SELECT count(*) FROM sqlite_master")[0][0])


def create_tables(db: SqliteDatabase) -> None:
    """Make the tables of a new archive, unless another process was quicker."""
    with db.transaction():
        if has_tables(db):
            return
        for statement in SCHEMA:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        for name, value in (("archive", uuid.uuid4().hex), ("generation", 0)):
            db.execute("INSERT INTO settings VALUES (?, ?)", (name, json.dumps(value)))


def _update_tables(db: SqliteDatabase) -> None:
    """Bring an archive of an older format up to date, where it can be written; all or nothing."""
    if not db.writable or not OLDEST <= _version(db) < FORMAT:
        return
    with db.transaction():
        for version in range(_version(db), FORMAT):
            migrate(db, version)
        db.execute(f"PRAGMA user_version = {FORMAT}")


def _version(db: SqliteDatabase) -> int:
    return int(db.execute("PRAGMA user_version")[0][0])


def check_format(db: SqliteDatabase, directory: Path) -> None:
    """Bring an older format up to date.

    Raises ArchiveDamagedError for what is no archive, ArchiveMismatchError for a newer format, or
    for one that is older than READABLE and cannot be written.
    """
    application = db.execute("PRAGMA application_id")[0][0]
    version = _version(db)
    if application != APPLICATION_ID:
        raise ArchiveDamagedError(
            f"{db.path} is no news archive: give another folder,"
            " or move the file away and index again"
        )
    if version > FORMAT:
        raise ArchiveMismatchError(
            f"the archive in {directory} has format {version} and this program reads"
            f" up to {FORMAT}: update the program, or index into a new folder"
        )
    _update_tables(db)
    if _version(db) < READABLE:
        raise ArchiveMismatchError(
            f"the archive in {directory} has the older format {version}: open it once where it can"
            " be written, which brings it up to date"
        )
