"""Archives by address: a folder, or a truth that several machines share.

A shared archive has two folders of this machine: one in the cache for what is derived from it, and
one among the person's data for what was given here, such as verdicts on answers.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import ArchiveMissingError, StorageError, UnreachableError, UsageError
from embeddings.durable import replace_file
from embeddings.locations import Location, MilvusLocation, PostgresLocation, locate
from embeddings.schema import REPLICA
from embeddings.store import Store
from qa.places import cache_directory, data_directory

if TYPE_CHECKING:
    from embeddings.postgres.database import PostgresDatabase

DATABASE_VARIABLE = "QA_DATABASE"
"""Environment variable: the PostgreSQL database of an archive whose vectors are in Milvus; asked
for where the archive is made, or where its address has to have a password."""

SHARED = "shared"
"""Folder of shared archives' folders, in the cache and among the person's data."""


def open_store(place: Location, *, create: bool = False, database: str | None = None) -> Store:
    """Open the truth of an archive; with `create`, make it where there is none.

    `database` says where the articles of an archive are whose vectors are in Milvus, when it is
    made. Raises UsageError where that is missing or no database; else as Store does.
    """
    if isinstance(place, MilvusLocation):
        return _open_with_milvus(place, database, create=create)
    if database is not None:
        raise UsageError(
            "--database goes with an archive whose vectors are in Milvus"
            f" (milvus+http://host:19530/name), which {place} is not: leave it out"
        )
    if isinstance(place, PostgresLocation):
        return _shared_store(place, create=create)
    if create:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the folder {place} cannot be made ({error.strerror}):"
                " give another with --archive, or fix the permissions"
            ) from error
    return Store(place, create=create)


def home_of(store: Store) -> Path:
    """Return the folder for what people give an archive here, made where it is not there yet."""
    if not store.is_shared:
        return store.directory
    return _made(data_directory() / SHARED / store.archive_id, store.place)


def _shared_store(
    place: PostgresLocation, *, create: bool, vector_engine: str | None = None
) -> Store:
    """Open a truth in PostgreSQL, and this machine's folder for what is derived from it."""
    database = _connect(place, create=create)
    try:
        note = f"What this machine has made of {database.place}; it can be made again.\n"
        folder = _made(cache_directory() / SHARED / database.archive_id, database.place, note)
    except StorageError:
        database.close()
        raise
    return Store(folder, database=database, vector_engine=vector_engine)


def _made(folder: Path, place: str, note: str = "") -> Path:
    """Return a folder of this machine, made where it is not there yet, with a note of its use."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if note and not (folder / REPLICA).exists():
            replace_file(folder / REPLICA, note.encode())
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be made ({error.strerror}), which is for {place} on this machine:"
            " set XDG_CACHE_HOME and XDG_DATA_HOME to folders that can be written"
        ) from error
    return folder


def _connect(place: PostgresLocation, *, create: bool) -> PostgresDatabase:
    try:
        from embeddings.postgres.database import PostgresDatabase
    except ImportError as error:
        raise UsageError(
            f"{place} needs the extra `shared` ({error}): pip install 'news-archive-qa[shared]'"
        ) from error
    return PostgresDatabase(place, create=create)


def _open_with_milvus(place: MilvusLocation, database: str | None, *, create: bool) -> Store:
    """Open an archive whose vectors are in Milvus, which keeps where its articles are."""
    from embeddings.milvus import create_in_milvus, database_of
    from embeddings.milvus_client import MissingCollectionError

    remembered = cache_directory() / SHARED / f"{_digest(place)}.txt"
    kept = None
    try:
        kept = database_of(place.address)
    except MissingCollectionError:
        pass
    except UnreachableError:  # answers by words alone need the articles, which are elsewhere
        with suppress(OSError):
            kept = remembered.read_text("utf-8")
        if kept is None:
            raise
    asked = database or os.environ.get(DATABASE_VARIABLE)
    if kept is not None:
        location = _same_database(place, kept, asked)
    elif create:
        location = _database_for(place, asked, place.archive)
    else:
        raise ArchiveMissingError(
            f"there is no archive at {place}: make one with `qa index FOLDER --archive {place}"
            " --database postgresql://user@host/database`"
        )
    store = _shared_store(location, create=create, vector_engine=place.address)
    if kept is None:
        try:
            create_in_milvus(place.address, str(location))
        except BaseException:
            store.close()
            raise
    with suppress(OSError):
        replace_file(remembered, str(location).encode())
    return store


def _digest(place: MilvusLocation) -> str:
    """Return a name for what this machine remembers of an archive in Milvus."""
    return hashlib.sha256(str(place).encode()).hexdigest()[:16]


def _database_for(place: MilvusLocation, asked: str | None, archive: str) -> PostgresLocation:
    """Return the database for an archive, under the name `archive` in it where none is said."""
    if asked is None:
        raise UsageError(
            f"{place} is new and has to be told where its articles are kept: give --database"
            f" postgresql://user@host/database, or set ${DATABASE_VARIABLE}"
        )
    location = locate(asked)
    if not isinstance(location, PostgresLocation):
        raise UsageError(
            f"what --database or ${DATABASE_VARIABLE} says is no database: expected"
            " postgresql://user@host/database"
        )
    is_named = "archive=" in asked.rpartition("@")[2]
    return location if is_named else PostgresLocation(location.uri, archive)


def _same_database(place: MilvusLocation, kept: str, asked: str | None) -> PostgresLocation:
    """Return the database that an archive was made with; `asked` may add a password to it."""
    location = locate(kept)
    if not isinstance(location, PostgresLocation):
        raise ArchiveMissingError(
            f"{place} was not made by this program (its database is {kept[:80]!r}): give another"
            " name for the archive"
        )
    if asked is None:
        return location
    given = _database_for(place, asked, location.archive)
    if str(given) != str(location):
        raise UsageError(
            f"{place} keeps its articles in {location}, not in {given}: leave --database and"
            f" ${DATABASE_VARIABLE} out"
        )
    return given
