"""Archives of older formats, brought up to the present one in a single transaction."""

from __future__ import annotations

import json
from collections.abc import Callable

from embeddings.rows import passage_digest, seal_article, vectors_mark
from embeddings.sqlite import SqliteDatabase

OLDEST = 3
"""The first format that was given to anyone."""


def _kept_count(table: str) -> tuple[str, ...]:
    """Return the triggers that count a table's rows in `totals`."""
    return tuple(
        f"CREATE TRIGGER {table}_{event} AFTER {event} ON {table} BEGIN"  # noqa: S608 - own words
        f" UPDATE totals SET count = count {sign} 1 WHERE name = '{table}'; END"
        for event, sign in (("INSERT", "+"), ("DELETE", "-"))
    )


COUNT_AGAIN = (
    "DELETE FROM totals",
    "DELETE FROM outlets",
    "INSERT INTO totals SELECT 'articles', count(*) FROM articles",
    "INSERT INTO totals SELECT 'passages', count(*) FROM passages",
    """INSERT INTO outlets
        SELECT source, count(*) FROM articles WHERE source IS NOT NULL GROUP BY source""",
)
"""Statements that count what triggers count as it comes and goes."""

ADDED_BY_4 = (
    """CREATE TABLE versions (
        article TEXT NOT NULL, version INTEGER NOT NULL, record BLOB NOT NULL, digest TEXT NOT NULL,
        replaced TEXT NOT NULL, PRIMARY KEY (article, version))""",
    "CREATE TABLE spares (vector INTEGER PRIMARY KEY, generation INTEGER NOT NULL)",
    "CREATE TABLE totals (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE outlets (source TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX articles_source ON articles (source, published)",
    "CREATE INDEX articles_published ON articles (published, source)",
    "CREATE INDEX passages_vector ON passages (vector)",
    "CREATE INDEX spares_generation ON spares (generation)",
    *COUNT_AGAIN,
    *_kept_count("articles"),
    *_kept_count("passages"),
    """CREATE TRIGGER outlets_insert AFTER INSERT ON articles WHEN NEW.source IS NOT NULL BEGIN
        INSERT INTO outlets VALUES (NEW.source, 1)
            ON CONFLICT (source) DO UPDATE SET count = count + 1; END""",
    """CREATE TRIGGER outlets_delete AFTER DELETE ON articles WHEN OLD.source IS NOT NULL BEGIN
        UPDATE outlets SET count = count - 1 WHERE source = OLD.source;
        DELETE FROM outlets WHERE source = OLD.source AND count = 0; END""",
)
"""What format 4 has beside the tables of format 3: counts that cost nothing to ask for, indices
for filters, earlier versions of articles, and which vectors no passage uses any more."""


def migrate(db: SqliteDatabase, version: int) -> None:
    """Bring the tables from a format to the next; the caller does so inside a transaction."""
    _STEPS[version](db)


def _from_3(db: SqliteDatabase) -> None:
    """Add the tables of format 4, digests over whole rows, and what files failed on."""
    db.execute("ALTER TABLE files ADD COLUMN failures TEXT NOT NULL DEFAULT '[]'")
    db.execute("ALTER TABLE articles ADD COLUMN version INTEGER NOT NULL DEFAULT 1")
    db.execute("ALTER TABLE articles ADD COLUMN seal BLOB NOT NULL DEFAULT x''")
    for statement in ADDED_BY_4:
        db.execute(statement)
    columns = "key, id, version, digest, source, published, record"
    _seal(db, "articles", columns, "seal", seal_article)
    _seal(
        db,
        "passages",
        'key, vector, generation, article, n, start, "end", tokens, sentences',
        "digest",
        passage_digest,
    )
    _seal(db, "vectors", "key, hash, passage, sentences", "digest", vectors_mark)
    db.execute(
        "INSERT INTO spares SELECT key, ? FROM vectors"
        " WHERE key NOT IN (SELECT vector FROM passages)",
        (json.loads(db.execute("SELECT value FROM settings WHERE name = 'generation'")[0][0]),),
    )


def _seal(
    db: SqliteDatabase, table: str, columns: str, seal: str, digest: Callable[..., bytes]
) -> None:
    """Write the digest of each of a table's rows, by key, into one of its columns."""
    last = 0
    while True:
        rows = db.execute(
            f"SELECT {columns} FROM {table} WHERE key > ? ORDER BY key LIMIT 1000",  # noqa: S608 - own words
            (last,),
        )
        if not rows:
            return
        for row in rows:
            db.execute(
                f"UPDATE {table} SET {seal} = ? WHERE key = ?",  # noqa: S608 - own words
                (digest(*row), row[0]),
            )
        last = rows[-1][0]


def _with_new_rows(_: SqliteDatabase) -> None:
    """Change nothing: what is new comes with new rows.

    Format 5 has shorter digests of long rows, 6 vectors of tokens, 7 words beside the vectors.
    """


_STEPS: dict[int, Callable[[SqliteDatabase], None]] = {
    3: _from_3,
    4: _with_new_rows,
    5: _with_new_rows,
    6: _with_new_rows,
}
