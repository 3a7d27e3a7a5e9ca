"""What the tests of stores and archives run over: SQLite, and PostgreSQL where it is asked for.

A test that takes the fixture `truth` holds for each of them: `pytest` runs it over SQLite,
`pytest -m shared` over PostgreSQL.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from embeddings.locations import locate
from embeddings.schema import DATABASE
from embeddings.store import Store
from qa.shared import open_store


class Truth(Protocol):
    """One archive's place, which may be empty yet; `address` is what Archive.open takes."""

    address: str

    def store(self, *, create: bool = False) -> Store:
        """Open the archive's store."""
        ...

    def change(self, statement: str, *values: object) -> None:
        """Change the database behind the archive's back."""
        ...

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read the database behind the archive's back."""
        ...

    def set_format(self, version: int) -> None:
        """Say that the tables are of another format."""
        ...


class SqliteTruth:
    """An archive in a folder."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)

    def store(self, *, create: bool = False) -> Store:
        return open_store(locate(self.address), create=create)

    def change(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(Path(self.address) / DATABASE)) as db, db:
            db.execute(statement, values)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(Path(self.address) / DATABASE)) as db:
            return db.execute(statement).fetchall()

    def set_format(self, version: int) -> None:
        self.change(f"PRAGMA user_version = {version}")


class PostgresTruth:
    """An archive in a database."""

    def __init__(self, uri: str, name: str) -> None:
        self.uri = uri
        self.schema = f"news_archive_{name}"
        self.address = f"{uri}?archive={name}"
        self._opened: list[Store] = []

    def store(self, *, create: bool = False) -> Store:
        found = open_store(locate(self.address), create=create)
        self._opened.append(found)
        return found

    def change(self, statement: str, *values: object) -> None:
        self._run(statement, values)

    def cells(self, table: str, column: str) -> list[tuple[Any, ...]]:
        """Return (place of the row, value) for a column."""
        return self.rows(f"SELECT ctid::text, {column} FROM {table} ORDER BY ctid")  # noqa: S608

    def set_cell(self, table: str, column: str, place: str, value: object) -> str:
        """Change a value as a disk would: no trigger counts it, no constraint holds.

        Returns the row's new place.
        """
        statement = f"UPDATE {table} SET {column} = ? WHERE ctid = ?::tid RETURNING ctid::text"  # noqa: S608
        off = "SET session_replication_role = replica"
        return str(self._run(statement, (value, place), off)[0][0])

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._run(statement, ())

    def set_format(self, version: int) -> None:
        self.change("UPDATE format SET version = ?", version)

    def close(self) -> None:
        """Close what a test has opened."""
        for store in self._opened:
            store.close()

    def _run(
        self, statement: str, values: tuple[object, ...], before: str = "SELECT 1"
    ) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"SET search_path TO {self.schema}".encode())
            connection.execute(before.encode())
            cursor = connection.execute(statement.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []
