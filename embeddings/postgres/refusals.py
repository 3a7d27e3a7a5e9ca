"""PostgreSQL's errors as this project's: what happened, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed

from corpus.errors import (
    ArchiveDamagedError,
    ArchiveMissingError,
    NewsArchiveError,
    StorageError,
    UnreachableError,
    UsageError,
)
from embeddings.locations import PostgresLocation

_AT_THE_DOOR = re.compile(
    r"[^\n]*(?:no password supplied|password authentication failed|no pg_hba|permission denied"
    r"|not permitted to log in|(?:role|database) .* does not exist)"
)
"""A server's refusal of who connects, in libpq's words: it gives no code for what comes before a
session. What else it says, or says in another language, counts as what may pass by itself."""


def own_error(location: PostgresLocation, error: Exception) -> NewsArchiveError:
    """Return the error of this project that says what PostgreSQL's means."""
    if isinstance(error, psycopg.OperationalError) and (found := _AT_THE_DOOR.search(str(error))):
        return StorageError(
            f"{location} lets nobody in like this ({found[0].strip()}): give the role and"
            " the database in the address, the password in $PGPASSWORD or ~/.pgpass"
        )
    for kinds, make in _MEANINGS:
        if isinstance(error, kinds) and not (make is _gone and _is_an_answer(error)):
            return make(location, first_line(error))
    return StorageError(f"{location} refused ({first_line(error)}): ask who keeps the database")


def first_line(error: Exception) -> str:
    """Return the first line of an error that says something, without a statement's words."""
    lines = str(error).strip().splitlines()
    return next((line for line in lines if not line.endswith("were:")), type(error).__name__)


_PASSING = ("08", "57P", "53300")
"""Beginnings of PostgreSQL's codes for what is like no answer: no connection, none to be had."""


def _is_an_answer(error: Exception) -> bool:
    """Tell whether a server has said no, and not been away."""
    code = getattr(error, "sqlstate", None)
    return code is not None and not code.startswith(_PASSING)


def _gone(at: PostgresLocation, told: str) -> NewsArchiveError:
    return UnreachableError(
        f"the database of {at} does not answer ({told}): what was committed is kept; try again,"
        " or see whether its server runs"
    )


_Make = Callable[[PostgresLocation, str], NewsArchiveError]

_MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], _Make], ...] = (
    (
        PoolClosed,
        lambda at, told: UsageError(f"the archive at {at} was closed: open it again ({told})"),
    ),
    (
        (errors.UndefinedTable, errors.InvalidSchemaName),
        lambda at, told: ArchiveMissingError(
            f"the archive at {at} is gone, or part of it ({told}): restore its schema from a copy,"
            " or index the files into a new one"
        ),
    ),
    (
        (errors.DataCorrupted, errors.IndexCorrupted, errors.IntegrityError),
        lambda at, told: ArchiveDamagedError(
            f"{at} is damaged ({told}): restore it from a copy,"
            " or index the files into a new archive"
        ),
    ),
    (
        (errors.DiskFull, errors.OutOfMemory),
        lambda at, told: StorageError(
            f"the server of {at} has no room ({told}): make some; what was committed is kept"
        ),
    ),
    (
        (errors.LockNotAvailable, errors.SerializationFailure, errors.DeadlockDetected),
        lambda at, told: StorageError(f"{at} is in use by another process ({told}): try again"),
    ),
    (
        (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction),
        lambda at, told: StorageError(
            f"{at} does not permit it ({told}): give the role what it needs, or use another"
        ),
    ),
    (
        (psycopg.OperationalError, psycopg.InterfaceError),
        _gone,
    ),
)
