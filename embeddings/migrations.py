"""Archives of older formats, brought up to the present one in a single transaction."""

from __future__ import annotations

from collections.abc import Callable

from embeddings.database import Database
from embeddings.rows import passage_digest


def migrate(db: Database, version: int) -> None:
    """Bring the tables from a format to the next; the caller does so inside a transaction."""
    _STEPS[version](db)


def _from_1(db: Database) -> None:
    """Give passages a digest, and files the articles that they held before."""
    db.execute("ALTER TABLE passages ADD COLUMN digest BLOB NOT NULL DEFAULT x''")
    rows = db.execute('SELECT key, article, n, start, "end", tokens, sentences FROM passages')
    for key, *columns in rows:
        db.execute("UPDATE passages SET digest = ? WHERE key = ?", (passage_digest(*columns), key))
    db.execute("ALTER TABLE files RENAME COLUMN digest TO stamp")
    db.execute("ALTER TABLE files ADD COLUMN earlier TEXT NOT NULL DEFAULT '[]'")
    # A stamp named the splitter's rules as well, which are a setting of the whole archive.
    db.execute("UPDATE files SET stamp = rtrim(rtrim(stamp, '0123456789'), ':')")
    db.execute("CREATE INDEX IF NOT EXISTS articles_generation ON articles (generation)")
    db.execute("CREATE INDEX IF NOT EXISTS removals_generation ON removals (generation)")


def _from_2(db: Database) -> None:
    """Give commits a name."""
    db.execute(
        "CREATE TABLE IF NOT EXISTS commits (generation INTEGER PRIMARY KEY, name TEXT NOT NULL)"
    )


def _from_3(db: Database) -> None:
    """Give files the parts of them that could not be read."""
    db.execute("ALTER TABLE files ADD COLUMN failures TEXT NOT NULL DEFAULT '[]'")


_STEPS: dict[int, Callable[[Database], None]] = {1: _from_1, 2: _from_2, 3: _from_3}
