"""How connections to PostgreSQL are opened, what their texts are, and how statements run."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.conninfo import conninfo_to_dict

from corpus.errors import UsageError
from embeddings.database import Row, half_a_character
from embeddings.locations import PostgresLocation
from embeddings.postgres.refusals import first_line

Connection = psycopg.Connection[Row]

CONNECTION = {
    "application_name": "news-archive",
    "client_encoding": "UTF8",
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""What libpq is told where the address says nothing of it: a server that is gone without a word is
given up after a minute, as it gives up clients (WRITER)."""

logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # what it says, we raise


def parameters(location: PostgresLocation) -> dict[str, Any]:
    """Return what a connection is opened with. Raises UsageError where libpq cannot read it."""
    try:
        given = conninfo_to_dict(location.uri)
    except psycopg.ProgrammingError as error:
        raise UsageError(
            f"{location} is no address of a PostgreSQL database ({first_line(error)}): expected"
            " postgresql://user@host/database?archive=name"
        ) from None
    return {**CONNECTION, **given, "autocommit": True}


def run(connection: Connection, statement: str, values: Sequence[Any] = ()) -> list[Row]:
    """Run one statement with `?` for values and return all its rows."""
    try:
        cursor = connection.execute(_in_their_words(statement), values, binary=True)
    except UnicodeEncodeError as error:
        raise half_a_character(error) from error
    return cursor.fetchall() if cursor.description is not None else []


def run_many(connection: Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for each of the rows of values, without waiting between them."""
    try:
        connection.cursor().executemany(_in_their_words(statement), rows)
    except UnicodeEncodeError as error:
        raise half_a_character(error) from error


@lru_cache(maxsize=256)
def _in_their_words(statement: str) -> bytes:
    """Return a statement as psycopg reads it."""
    return statement.replace("%", "%%").replace("?", "%s").encode()


_NO_LIMITS = (
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN"
    " ('idle_session_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout')"
)
"""A session of ours is idle while passages are encoded, and a view while indices are built."""


def configure(connection: psycopg.Connection[Any], schema: str) -> None:
    """Set what every connection needs: our texts, the archive's schema."""
    connection.adapters.register_dumper(str, _TextDumper)
    for loader in (_TextLoader, _BinaryTextLoader):
        connection.adapters.register_loader("text", loader)
    connection.execute(f"SET search_path TO {schema}, pg_catalog".encode())
    connection.execute(_NO_LIMITS.encode())


# PostgreSQL's texts hold no NUL, ours may: it stands as two characters that keep the order.

_ESCAPES = {"\x00": "\x01\x01", "\x01": "\x01\x02"}


class _TextDumper(Dumper):
    """Writes a text, NUL escaped."""

    oid = 25  # text

    def dump(self, obj: str) -> bytes:
        if "\x00" in obj or "\x01" in obj:
            obj = re.sub("[\x00\x01]", lambda found: _ESCAPES[found[0]], obj)
        return obj.encode()


class _TextLoader(Loader):
    """Reads a text with escapes."""

    def load(self, data: Buffer) -> str:
        text = bytes(data).decode()
        if "\x01" in text:
            text = re.sub("\x01([\x01\x02])", lambda found: chr(ord(found[1]) - 1), text)
        return text


class _BinaryTextLoader(_TextLoader):
    """The same of a result in PostgreSQL's binary form."""

    format = pq.Format.BINARY
