"""PostgreSQL: an archive in a schema of its own, its pool of connections, its writer's place.

It is a `Database`, see there. Readers see one commit through a REPEATABLE READ transaction. The
writer's place is an advisory lock of the very session that writes: a writer whose connection is
lost has lost its place too, and its commit with it.
"""

from __future__ import annotations

import os
import re
import socket
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from corpus.errors import ArchiveLockedError, ArchiveMissingError, StorageError, UnreachableError
from embeddings.database import Row
from embeddings.locations import PostgresLocation
from embeddings.postgres.connecting import Connection, configure, parameters, run, run_many
from embeddings.postgres.preparing import archive_id, may_write, prepare_tables
from embeddings.postgres.refusals import own_error
from embeddings.postgres.tables import LAST_KEYS, ORPHANS, TABLES
from embeddings.schema import APPLICATION_ID

SCHEMA_PREFIX = "news_archive_"
"""What the names of archives' schemas start with."""

MOST_CONNECTIONS = 4
"""Connections of one open archive: threads take turns, a follower and a writer come beside them."""

ANSWER_SECONDS = 2.0
"""Seconds to wait for a connection before the database counts as not answering: a restart takes
less, and who asks over HTTP is told to try again."""

BRIEF_SECONDS = 0.2
"""The same while it did not answer the last time: those who wait in line are not kept waiting."""

BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_WRITING = (
    "BEGIN; SET LOCAL lock_timeout = '10s';"  # what a commit waits for another to end
    " SELECT 1 FROM settings WHERE name = 'generation' FOR UPDATE"
)

RETRY_SECONDS = 0.05
"""Seconds between attempts at the writer's place."""

WRITER = (
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
)
"""A writer's machine that is gone without a word loses the writer's place after a minute."""

LONGEST_NAME = 63
"""Bytes of an application_name; PostgreSQL cuts off the rest."""

_HOLDER = re.compile(r"qa (\d+)@(\S*) (\S+)")


class PostgresDatabase:
    """The tables of one shared archive. Threads may share it where they take turns.

    Raises ArchiveMissingError where the database holds no archive of this name and `create` is not
    given, ArchiveMismatchError where a newer program made it, UnreachableError where no server
    answers, StorageError where it refuses.
    """

    def __init__(self, location: PostgresLocation, *, create: bool = False) -> None:
        self._location = location
        self._schema = SCHEMA_PREFIX + location.archive
        self._held: Connection | None = None
        self._is_busy = False
        self._patience = ANSWER_SECONDS
        self._in_use: list[Connection] = []
        with self._translated(), self._connected() as connection:
            prepare_tables(connection, self._schema, location, create=create)
            self._writable = may_write(connection)
            self.archive_id = archive_id(connection)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=parameters(location),
            min_size=1,
            max_size=MOST_CONNECTIONS,
            reconnect_timeout=ANSWER_SECONDS,
            configure=partial(configure, schema=self._schema),
            check=self._check,
            open=True,
        )

    @property
    def place(self) -> str:
        """Return the archive's address, without a password."""
        return str(self._location)

    @property
    def is_shared(self) -> bool:
        """Return True."""
        return True

    @property
    def writable(self) -> bool:
        """Tell whether the server and the role allow writing; a standby does not."""
        return self._writable

    @property
    def is_replaced(self) -> bool:
        """Tell whether another archive, or none, now stands under this address."""
        try:
            with self._connection() as connection:
                return archive_id(connection) != self.archive_id
        except UnreachableError:
            return False
        except ArchiveMissingError:
            return True

    # Statements

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return all its rows. Raises UsageError for text that is none."""
        with self._connection() as connection:
            return run(connection, sql, values)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each of the rows of values."""
        if rows:
            with self._connection() as connection:
                run_many(connection, sql, rows)

    def select(self, sql: str, keys: Iterable[Any]) -> Iterator[Row]:
        """Run `sql`, which ends with IN, over the keys, and yield the rows."""
        wanted = list(keys)
        if wanted:
            yield from self.execute(f"{sql.removesuffix('IN')}= ANY (?)", [wanted])

    def next_key(self, table: str, count: int = 1) -> int:
        """Return the first of `count` keys in a row that the table has never had."""
        rows = self.execute(
            "UPDATE keys SET last = last + ? WHERE name = ? RETURNING last", (count, table)
        )
        return int(rows[0][0]) - count + 1

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written inside, or nothing of it.

        The row of the generation is locked first, so that commits come one after another.
        """
        with self._transaction(BEGIN_WRITING, "COMMIT"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Give everything read inside one consistent view."""
        if self._is_busy:
            yield
            return
        with self._transaction(BEGIN_READING, "ROLLBACK"):
            yield

    @contextmanager
    def _transaction(self, begin: str, end: str) -> Iterator[None]:
        with self._one() as connection, self._translated():
            try:
                self._is_busy = True
                connection.execute(begin.encode())
                yield
                connection.execute(end.encode())
            except BaseException:
                with suppress(psycopg.Error):  # a lost connection has rolled back by itself
                    connection.execute(b"ROLLBACK")
                raise
            finally:
                self._is_busy = False

    @contextmanager
    def writing(self, wait: float) -> Iterator[None]:
        """Hold the archive's only writer's place within a block.

        Raises ArchiveLockedError after `wait` seconds, naming the holder, where another has it.
        """
        if self._held is not None:
            raise ArchiveLockedError(f"the archive at {self.place} is being written already")
        if not self._writable:
            raise StorageError(
                f"{self.place} cannot be written: its server is a standby, or the role may only"
                " read; index through a server and a role that may write"
            )
        with self._one() as connection, self._translated():
            self._take_place(connection, wait)
            try:
                yield
            finally:
                self._give_back(connection)

    @property
    def _lock(self) -> str:
        """Return the two numbers of the archive's advisory lock, as SQL."""
        return f"{APPLICATION_ID}, {_signed(zlib.crc32(self._schema.encode()))}"

    def _take_place(self, connection: Connection, wait: float) -> None:
        deadline = time.monotonic() + wait
        while not run(connection, f"SELECT pg_try_advisory_lock({self._lock})")[0][0]:
            if time.monotonic() >= deadline:
                raise ArchiveLockedError(
                    f"the archive at {self.place} is being written by {self._holder(connection)}:"
                    " wait until it has finished, or stop it"
                )
            time.sleep(RETRY_SECONDS)
        connection.execute(WRITER.encode())
        run(connection, "SELECT set_config('application_name', ?, false)", (_own_name(),))

    def _give_back(self, connection: Connection) -> None:
        """Leave the writer's place; a connection that cannot say so is given up, which does."""
        try:
            connection.execute(f"SELECT pg_advisory_unlock({self._lock})".encode())
            connection.execute(b"RESET application_name")
        except psycopg.Error:
            connection.close()

    def _holder(self, connection: Connection) -> str:
        """Return who has the writer's place, by the name that it gave its connection."""
        rows = run(
            connection,
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted"
            " AND locktype = 'advisory' AND objsubid = 2 AND classid = ? AND objid = ?"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (APPLICATION_ID, zlib.crc32(self._schema.encode())),
        )
        found = _HOLDER.fullmatch(str(rows[0][0])) if rows else None
        if found is None:
            return "another process"
        return f"process {found[1]} on {found[2]} since {found[3]}"

    # Upkeep

    def content_sum(self) -> str:
        """Return "": each row is checked by its own digest, and pages by PostgreSQL's checksums."""
        return ""

    def integrity(self) -> list[str]:
        """Return what should not be possible in these tables, in plain words."""
        found = [
            f"passage {key} {what}" for query, what in ORPHANS for (key,) in self.execute(query)
        ]
        last = {name: int(key) for name, key in self.execute("SELECT name, last FROM keys")}
        for table, query in LAST_KEYS:
            if last.get(table, -1) < self.execute(query)[0][0]:
                found.append(f"its {table} would get keys that were given already")
        return found

    def reindex(self) -> None:
        """Make the indices anew, and see that no key is given twice."""
        for table in TABLES:
            self.execute(f"REINDEX TABLE {table}")
        for table, query in LAST_KEYS:
            self.execute(
                f"INSERT INTO keys VALUES (?, ({query})) ON CONFLICT (name)"  # noqa: S608 - own words
                " DO UPDATE SET last = greatest(keys.last, excluded.last)",
                (table,),
            )

    def compact(self) -> None:
        """Let the space of what was removed be used again, and count for the planner."""
        self.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}")

    def empty_log(self) -> None:
        """Do nothing: the log is the server's, which empties it by its own rules."""

    def bytes_elsewhere(self) -> int:
        """Return the bytes of the tables, their indices and what was removed from them lately."""
        rows = self.execute(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::BIGINT FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = to_regnamespace(?)",
            (self._schema,),
        )
        return int(rows[0][0])

    def again(self) -> PostgresDatabase:
        """Return another pool of connections to the same archive, for another thread."""
        return PostgresDatabase(self._location)

    def cut(self) -> None:
        """Shut the connections that are in use: whoever waits on one sees its end."""
        for connection in [*self._in_use]:
            with (
                suppress(psycopg.Error, OSError),
                socket.socket(fileno=os.dup(connection.fileno())) as line,
            ):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    # Connections

    @contextmanager
    def _one(self) -> Iterator[Connection]:
        """Give the connection that all statements within the block go over."""
        with self._connection() as connection:
            before, self._held = self._held, connection
            try:
                yield connection
            finally:
                self._held = before

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Give the connection in hand, or one of the pool for the block."""
        with self._translated():
            if self._held is not None:
                yield self._held
                return
            patience, self._patience = self._patience, BRIEF_SECONDS
            connection = self._pool.getconn(patience)
            self._patience = ANSWER_SECONDS
            try:
                with self._used(connection):
                    yield connection
            finally:
                self._pool.putconn(connection)

    @contextmanager
    def _used(self, connection: Connection) -> Iterator[None]:
        """Note that a connection may be waited for."""
        self._in_use.append(connection)
        try:
            yield
        finally:
            self._in_use.remove(connection)

    def _check(self, connection: Connection) -> None:
        """Raise where a connection of the pool is of no use any more."""
        with self._used(connection):
            ConnectionPool.check_connection(connection)

    def _connected(self) -> Connection:
        """Return a connection beside the pool: it tells at once why there can be none."""
        connection = psycopg.connect(**parameters(self._location))
        configure(connection, self._schema)
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn PostgreSQL's errors into this project's."""
        try:
            yield
        except psycopg.Error as error:
            raise own_error(self._location, error) from error


def _own_name() -> str:
    """Return the name that this process gives its connection while it writes."""
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    room = LONGEST_NAME - len(f"qa {os.getpid()}@ {since}")
    host = socket.gethostname().encode("ascii", "replace").decode()[:room]
    return f"qa {os.getpid()}@{host} {since}"


def _signed(number: int) -> int:
    """Return 32 bits as PostgreSQL's integer."""
    return number - 2**32 if number >= 2**31 else number
