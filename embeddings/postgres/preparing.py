"""The tables of an archive in PostgreSQL, made or brought up to date when it is opened."""

from __future__ import annotations

import json
import uuid

from psycopg import sql

from corpus.errors import (
    ArchiveDamagedError,
    ArchiveMismatchError,
    ArchiveMissingError,
    StorageError,
)
from embeddings.locations import PostgresLocation
from embeddings.postgres.connecting import Connection, run
from embeddings.postgres.tables import MIGRATIONS, SCHEMA
from embeddings.schema import APPLICATION_ID, FORMAT


def prepare_tables(
    connection: Connection, schema: str, location: PostgresLocation, *, create: bool
) -> None:
    """See that the archive's tables are there, and of the present format."""
    version = _version(connection, schema)
    if version is None and not create:
        raise _missing(location)
    if version is None or version < FORMAT:
        with connection.transaction():  # one process at a time makes tables in this database
            connection.execute(f"SELECT pg_advisory_xact_lock({APPLICATION_ID}, 0)".encode())
            version = _version(connection, schema)
            if version is None:
                _create_tables(connection, schema, location)
            else:
                _migrate(connection, version, location)
    elif version > FORMAT:
        raise ArchiveMismatchError(
            f"the archive at {location} has format {version} and this program reads up to"
            f" {FORMAT}: update the program, or index into a new archive"
        )


def _missing(location: PostgresLocation) -> ArchiveMissingError:
    return ArchiveMissingError(
        f"there is no archive at {location}: make one with `qa index FOLDER --archive '{location}'`"
    )


def _version(connection: Connection, schema: str) -> int | None:
    """Return the format of the tables, or None where there are none."""
    # not to_regclass: it may still know of none where another process has made them meanwhile
    if not run(
        connection,
        "SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = 'format'",
        (schema,),
    ):
        return None
    return int(run(connection, "SELECT max(version) FROM format")[0][0])


def _create_tables(connection: Connection, schema: str, location: PostgresLocation) -> None:
    """Make the tables of a new archive, in a schema that is new or empty."""
    encoding = str(run(connection, "SELECT current_setting('server_encoding')")[0][0])
    if encoding != "UTF8":
        raise StorageError(
            f"the database of {location} keeps text as {encoding}, which has not all letters:"
            " make one with `createdb -E UTF8 -T template0 NAME`"
        )
    others = run(connection, "SELECT tablename FROM pg_tables WHERE schemaname = ?", (schema,))
    if others:
        raise ArchiveDamagedError(
            f"{location} is no news archive (it has a table {others[0][0]!r}): give another name"
            " for the archive"
        )
    if not run(connection, "SELECT 1 FROM pg_namespace WHERE nspname = ?", (schema,)):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for statement in SCHEMA:
        connection.execute(statement.encode())
    run(connection, "INSERT INTO format VALUES (?)", (FORMAT,))
    for name, value in (("archive", uuid.uuid4().hex), ("generation", 0)):
        run(connection, "INSERT INTO settings VALUES (?, ?)", (name, json.dumps(value)))


def _migrate(connection: Connection, version: int, location: PostgresLocation) -> None:
    """Bring tables of an older format up to date, inside the transaction of the caller."""
    for old in range(version, FORMAT):
        if old not in MIGRATIONS:
            raise ArchiveMismatchError(
                f"the archive at {location} has the older format {old}, which this program cannot"
                " bring up to date: index the files into a new archive"
            )
        for statement in MIGRATIONS[old]:
            connection.execute(statement.encode())
        run(connection, "INSERT INTO format VALUES (?)", (old + 1,))


def archive_id(connection: Connection) -> str:
    """Return the random name that tells the archive from another."""
    value = run(connection, "SELECT value FROM settings WHERE name = 'archive'")[0][0]
    return str(json.loads(value))


def may_write(connection: Connection) -> bool:
    """Tell whether the server is no standby and the role may write."""
    sql = "SELECT NOT pg_is_in_recovery() AND has_table_privilege('settings', 'UPDATE')"
    return bool(run(connection, sql)[0][0])
