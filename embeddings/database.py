"""What the truth is kept in, as the store sees it: one connection that speaks a small SQL.

The statements that the store gives are those that SQLite and PostgreSQL both take: `?` stands for a
value, `ON CONFLICT` replaces, texts compare by code point. What the two do differently has a
method here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from corpus.errors import UsageError

Row = tuple[Any, ...]


def half_a_character(error: UnicodeEncodeError) -> UsageError:
    """Return the error for a text that no database takes: JSON can spell half a character."""
    return UsageError(f"{error.object[:80]!a} holds half a character: expected whole text")


class Database(Protocol):
    """A connection to an archive's tables. Threads may share it where they take turns.

    Every method raises errors of this project: StorageError where the engine cannot do it now,
    UnreachableError where it does not answer, ArchiveDamagedError where what it holds is damaged,
    UsageError after `close` and for a text that is none.
    """

    @property
    def place(self) -> str:
        """Return what messages call the database: its file, or its address without a password."""
        ...

    @property
    def is_shared(self) -> bool:
        """Tell whether several machines may have it open."""
        ...

    @property
    def writable(self) -> bool:
        """Tell whether the connection may write."""
        ...

    @property
    def is_replaced(self) -> bool:
        """Tell whether another archive, or none, now stands where this one was opened."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        ...

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each of the rows of values, which may be none."""
        ...

    def select(self, sql: str, keys: Iterable[Any]) -> Iterator[Row]:
        """Run `sql`, which ends with IN, over the keys, and yield the rows."""
        ...

    def next_key(self, table: str, count: int = 1) -> int:
        """Return the first of `count` keys in a row that the table has never had.

        The caller inserts rows under them before it asks again.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all that is written within the block, or nothing of it; one writer at a time."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Give everything read within the block one consistent view."""
        ...

    def writing(self, wait: float) -> AbstractContextManager[None]:
        """Hold the archive's only writer's place within the block.

        Raises ArchiveLockedError after `wait` seconds, naming the holder.
        """
        ...

    def content_sum(self) -> str:
        """Return format and checksum of all content in this view, or "" where that takes long."""
        ...

    def bytes_elsewhere(self) -> int:
        """Return the bytes that it takes outside the archive's folder."""
        ...

    def integrity(self) -> list[str]:
        """Return what the engine itself finds wrong, in its own words."""
        ...

    def reindex(self) -> None:
        """Make the engine's own indices anew, outside a transaction."""
        ...

    def compact(self) -> None:
        """Write the tables anew without what was removed, outside a transaction."""
        ...

    def empty_log(self) -> None:
        """Leave no copy of removed rows behind, as far as that is the program's to do."""
        ...

    def again(self) -> Database:
        """Return another connection to the same archive, for another thread."""
        ...

    def cut(self) -> None:
        """Give up what other threads wait for: they get UnreachableError. Takes no time."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
